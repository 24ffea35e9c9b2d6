"""I/O wait: how much work waits for disks, on which disk, and who moves the bytes."""

from __future__ import annotations

from collections.abc import Iterable

from perftui.history.history import History
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.cpu import CpuPart
from perftui.sources.disks import DiskReading, DisksPart
from perftui.sources.pressure import PressurePart, PressureReading
from perftui.sources.processes import ProcessesPart, ProcessReading
from perftui.views.charts import PERCENT, chart
from perftui.views.disks import disk_table
from perftui.views.format import UNKNOWN, count, latency, percent, rate, sparkline
from perftui.views.layout import Group, Stretch, flow, labelled, short
from perftui.views.model import Line, Pane, Role, TableState, Zoom
from perftui.views.tone import missing_pane, missing_zoom, tone

KEY, TITLE = "io", "I/O wait"


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """iowait and its course, the I/O stalls, the busiest disk, blocked tasks; then who reads and writes."""
    history = snapshot.history
    part = history.latest(CpuPart)
    if part is None:
        return missing_pane(snapshot, KEY, TITLE, "cpu", width, height)

    def course(room: int) -> Line:
        return ((sparkline(history.recent("host.cpu.iowait_ratio", room), room, top=1.0), Role.FIRST),)

    pressure = _pressure(history)
    groups: list[Group] = [
        [
            labelled("iowait", percent(part.cpu.iowait_ratio), Role.STRONG),
            *_stalls(pressure, ("some",)),
            Stretch(3, 40, course),
        ],
        [*_busiest(history, width), labelled("blocked", _blocked(part))],
        _traffic(history),
        _leaders(history, width),
        _stalls(pressure, ("full",)),
    ]
    return Pane(title=TITLE, tone=tone(snapshot, KEY), lines=flow(groups, width, height, essential=2))


def _pressure(history: History) -> PressureReading | None:
    part = history.latest(PressurePart)
    return part.pressure.io if part else None


def _stalls(pressure: PressureReading | None, kinds: tuple[str, ...]) -> list[Line]:
    if pressure is None:
        return []
    shares = {"some": ("psi", pressure.some_ratio), "full": ("all stalled", pressure.full_ratio)}
    return [labelled(name, percent(ratio)) for name, ratio in (shares[kind] for kind in kinds)]


def _blocked(part: CpuPart) -> str:
    return f"{UNKNOWN if part.cpu.blocked is None else part.cpu.blocked:>2}"


def _busiest(history: History, width: int) -> list[Line]:
    part = history.latest(DisksPart)
    if part is None or not part.disks:
        return []
    name, disk = max(part.disks.items(), key=lambda pair: (*_use(pair[1]), not pair[0].startswith("loop")))
    return [
        labelled(short(name, width - 6), percent(disk.utilization_ratio)),
        ((latency(disk.await_s), Role.TEXT),),
        labelled("q", count(disk.queue_length)),
    ]


def _use(disk: DiskReading) -> tuple[float, float]:
    return disk.utilization_ratio or 0.0, disk.await_s or 0.0


def _traffic(history: History) -> list[Line]:
    """Of all disks together."""
    part = history.latest(DisksPart)
    if part is None or not part.disks:
        return []
    return [
        labelled("r", rate(_sum(disk.read_bytes_per_s for disk in part.disks.values()))),
        labelled("w", rate(_sum(disk.write_bytes_per_s for disk in part.disks.values()))),
    ]


def _sum(rates: Iterable[float | None]) -> float | None:
    known = [each for each in rates if each is not None]
    return sum(known) if known else None


def _moved(process: ProcessReading) -> float:
    return (process.read_bytes_per_s or 0.0) + (process.write_bytes_per_s or 0.0)


def _leaders(history: History, width: int) -> list[Line]:
    """Who moves most; a process in uninterruptible sleep counts even when nothing of it arrives."""
    part = history.latest(ProcessesPart)
    if part is None:
        return []
    movers = [p for p in part.processes.top if _moved(p) > 0 or p.state == "D"]
    movers.sort(key=lambda p: (_moved(p), p.state == "D"), reverse=True)
    room = width - 8
    return [
        ((rate(_moved(p)), Role.TEXT), (f" {short(f'{p.name} {p.pid} {p.state}', room)}", Role.DIM)) for p in movers[:8]
    ]


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """iowait and I/O stalls over time, and every disk."""
    history = snapshot.history
    part = history.latest(CpuPart)
    if part is None:
        return missing_zoom(snapshot, KEY, TITLE, "cpu", width)
    pressure = _pressure(history)
    readings = [("iowait", "host.cpu.iowait_ratio")]
    if pressure is not None:
        readings.append(("some task stalled", "host.pressure.io.some_ratio"))
        readings.append(("all stalled", "host.pressure.io.full_ratio"))
    groups: list[Group] = [
        [
            labelled("iowait", percent(part.cpu.iowait_ratio), Role.STRONG),
            *_stalls(pressure, ("some", "full")),
            labelled("blocked", _blocked(part)),
            *_leaders(history, width),
        ]
    ]
    return Zoom(
        title=TITLE,
        tone=tone(snapshot, KEY),
        chart=chart(snapshot, state, "waiting for I/O", "%", PERCENT, readings, top=100.0),
        lines=flow(groups, width, 4, essential=1),
        table=disk_table(snapshot, state, width),
    )
