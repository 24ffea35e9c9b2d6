"""CPU: how busy, with what, how many wait for it, and who uses it."""

from __future__ import annotations

from math import nan

from perftui.history.history import History
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.cgroups import CgroupReading, CgroupsPart
from perftui.sources.cpu import CoreReading, CpuPart, CpuReading
from perftui.sources.pressure import PressurePart, PressureReading
from perftui.sources.processes import ProcessesPart
from perftui.views.charts import PERCENT, chart
from perftui.views.format import UNKNOWN, bar_text, count, duration, hundredths, percent, sparkline
from perftui.views.layout import Group, Stretch, clipped, flow, labelled, short
from perftui.views.model import Line, Pane, Role, TableState, Zoom
from perftui.views.tables import Field, figure, table
from perftui.views.tone import missing_pane, missing_zoom, tone

KEY, TITLE = "cpu", "CPU"


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """Busy share and its course, the run queue against the CPUs, the split; then load, stalls, cores, leaders."""
    history = snapshot.history
    part = history.latest(CpuPart)
    if part is None:
        return missing_pane(snapshot, KEY, TITLE, "cpu", width, height)
    cpu = part.cpu

    def course(room: int) -> Line:
        return ((sparkline(history.recent("host.cpu.busy_ratio", room), room, top=1.0), Role.FIRST),)

    groups: list[Group] = [
        [
            labelled("busy", percent(cpu.busy_ratio), Role.STRONG),
            Stretch(5, 40, course),
            labelled("run", _queue(cpu)),
            *_throttling(history),
        ],
        _split(cpu),
        [*_load(part), *stall_pieces(_pressure(history)), labelled("switches/s", count(cpu.context_switches_per_s))],
        [labelled("cores", _cores(cpu, width - 6))],
        _leaders(history, width),
    ]
    return Pane(title=TITLE, tone=tone(snapshot, KEY), lines=flow(groups, width, height, essential=2))


def _queue(cpu: CpuReading) -> str:
    wide = len(str(cpu.count)) + 1
    return f"{UNKNOWN if cpu.runnable is None else cpu.runnable:>{wide}}/{cpu.count}"


def _split(cpu: CpuReading) -> list[Line]:
    irq = None if cpu.irq_ratio is None or cpu.softirq_ratio is None else cpu.irq_ratio + cpu.softirq_ratio
    shares = (
        ("usr", cpu.user_ratio),
        ("sys", cpu.system_ratio),
        ("st", cpu.steal_ratio),
        ("irq", irq),
        ("ni", cpu.nice_ratio),
        ("wa", cpu.iowait_ratio),
    )
    # Beside a share of 100 the others are 0: a cell less for each, so that none has to leave the line.
    digits = 1 if any(ratio is not None and ratio >= 0.995 for _, ratio in shares) else 2
    return [labelled(name, hundredths(ratio, digits)) for name, ratio in shares]


def _throttling(history: History) -> list[Line]:
    part = history.latest(CgroupsPart)
    ratio = part.cpu.throttled_ratio if part else None
    return [] if ratio is None else [labelled("throttled", percent(ratio))]


def _load(part: CpuPart) -> list[Line]:
    if part.load is None:
        return []
    return [labelled("load", " ".join(f"{avg:.2f}" for avg in (part.load.avg1, part.load.avg5, part.load.avg15)))]


def _pressure(history: History) -> PressureReading | None:
    part = history.latest(PressurePart)
    return part.pressure.cpu if part else None


def stall_pieces(pressure: PressureReading | None) -> list[Line]:
    """`psi  2 %`: share of the tick in which some task waited; nothing where the kernel keeps no PSI.

    Of the tick, as in the chart and in the rules: the kernel's average over 10 s lags behind what the verdict says.
    """
    return [] if pressure is None else [labelled("psi", percent(pressure.some_ratio))]


def _cores(cpu: CpuReading, room: int) -> str:
    """One level per core, in their order; the busiest of neighbours where there are more cores than cells."""
    busy = [nan if core.busy_ratio is None else core.busy_ratio for core in cpu.per_core]
    each = -(-len(busy) // max(1, room)) or 1
    levels = [max(busy[i : i + each]) for i in range(0, len(busy), each)]
    return sparkline(levels, len(levels), top=1.0)


def _leaders(history: History, width: int) -> list[Line]:
    part = history.latest(ProcessesPart)
    leaders = [p for p in part.processes.top[:8] if p.cpu_ratio] if part else []
    room = width - 6
    return [
        ((percent(p.cpu_ratio, 4), Role.TEXT), (f" {short(f'{p.name} {p.pid}', room - 1)}", Role.DIM)) for p in leaders
    ]


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """The split over time, quotas that throttle, and every core."""
    history = snapshot.history
    part = history.latest(CpuPart)
    if part is None:
        return missing_zoom(snapshot, KEY, TITLE, "cpu", width)
    modes = [(name, f"host.cpu.{name}_ratio") for name in ("user", "system", "iowait", "steal")]
    essentials: list[Group] = [
        [
            labelled("busy", percent(part.cpu.busy_ratio), Role.STRONG),
            labelled("run", _queue(part.cpu)),
            *_split(part.cpu),
            *_load(part),
            *stall_pieces(_pressure(history)),
            labelled("switches/s", count(part.cpu.context_switches_per_s)),
            labelled("up", duration(part.uptime_s)),
        ]
    ]
    return Zoom(
        title=TITLE,
        tone=tone(snapshot, KEY),
        chart=chart(snapshot, state, "CPU time", "%", PERCENT, modes, top=100.0),
        lines=(*flow(essentials, width, 3, essential=1), *_quotas(history, width)),
        table=table(
            _FIELDS,
            part.cpu.per_core,
            state,
            width,
            default="core",
            key=lambda core: core.core,
            found_by=lambda core: core.core,
            empty="no single cores are read here",
        ),
    )


def _quotas(history: History, width: int) -> tuple[Line, ...]:
    part = history.latest(CgroupsPart)
    if part is None:
        return ()
    limited = [(name, group) for name, group in part.cgroups.items() if group.quota_cores is not None]
    limited.sort(key=lambda pair: (pair[1].own, pair[1].throttled_ratio or 0.0), reverse=True)
    return tuple(_quota(name, group, width) for name, group in limited[:5])


def _quota(name: str, group: CgroupReading, width: int) -> Line:
    words = f"quota {group.quota_cores:g} CPUs"
    who = f"{name} (ours)" if group.own else name
    line: Line = (
        ("throttled ", Role.DIM),
        (percent(group.throttled_ratio), Role.TEXT),
        (f"  {words}  ", Role.DIM),
        (short(who, width - 19 - len(words)), Role.TEXT),
    )
    return clipped(line, width)


def _number(core: CoreReading) -> float | str:
    return -float(core.core) if core.core.isdigit() else core.core


_FIELDS: tuple[Field[CoreReading], ...] = (
    Field(name="core", key="core", width=5, rank=0, cell=lambda core: (core.core, Role.DIM), order=_number),
    figure("busy", 6, 1, percent, lambda core: core.busy_ratio, Role.STRONG),
    figure("user", 6, 2, percent, lambda core: core.user_ratio),
    figure("system", 6, 3, percent, lambda core: core.system_ratio),
    figure("iowait", 6, 4, percent, lambda core: core.iowait_ratio),
    figure("steal", 6, 5, percent, lambda core: core.steal_ratio),
    Field(name="", width=0, rank=6, right=False, cell=lambda core: (bar_text(core.busy_ratio, 30), Role.FIRST)),
)
