"""Memory: what it holds, what is left, whether it grows, and the state with its reason."""

from __future__ import annotations

import msgspec

from perftui.history.growth import GrowthState
from perftui.history.history import History
from perftui.history.memory_state import Leader, MemoryStatePart
from perftui.model.finding import Severity
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.cgroups import CgroupReading, CgroupsPart
from perftui.sources.kernel_log import KernelLogPart
from perftui.sources.memory import ClassesReading, MemoryPart, MemoryReading
from perftui.sources.pressure import PressurePart
from perftui.views.charts import GIB, chart
from perftui.views.format import bar_text, percent, rate, size, size_of, stacked
from perftui.views.layout import Group, Stretch, flow, labelled, short, wrapped
from perftui.views.model import Line, Pane, Role, TableState, Zoom
from perftui.views.tables import Field, figure, table
from perftui.views.tone import missing_pane, missing_zoom, severity, tone

KEY, TITLE = "memory", "Memory"

MEANINGS = {
    "anonymous": "heaps and stacks of processes",
    "shared": "tmpfs and shared memory; can only be swapped",
    "file_cache": "clean file pages; given back at once",
    "dirty": "file pages to be written before they are given back",
    "slab_reclaimable": "kernel caches that can be given back",
    "slab_unreclaimable": "kernel objects; can't be given back",
    "page_tables": "where each process' pages are",
    "kernel_stack": "a stack for each thread",
    "huge_pages": "reserved huge pages, used or not",
    "other": "what no counter names: drivers, per-CPU areas",
    "free": "used by nobody",
}


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """Anonymous memory, cache and what is available as one bar, growth, our own limit; then the reason in words."""
    history = snapshot.history
    part = history.latest(MemoryPart)
    if part is None:
        return missing_pane(snapshot, KEY, TITLE, "memory", width, height)
    memory = part.memory

    def course(room: int) -> Line:
        return stacked(_shares(memory), room)

    state = history.latest(MemoryStatePart)
    told = _state(snapshot, state)
    figures: list[Group] = [
        [
            # A single line stands beside the pane's plain name, without the title that tells the state.
            *([((told, Role.STRONG),)] if told and height == 1 else []),
            labelled("anon", size(memory.classes.anonymous_bytes), Role.STRONG),
            labelled("avail", size(memory.available_bytes)),
            Stretch(0, 40, course),
        ],
        [
            labelled("cache", size(_cache(memory.classes))),
            *([_growth(state)] if state else []),
            *_own_limit(history),
        ],
        [Stretch(width, width, course)] if width < 40 else [],
    ]
    groups: list[Group] = [
        *figures,
        _reason(state, width, height - len(flow(figures, width, height, essential=2))),
        [*_leader(state, width), *_stalls(history), *_kills(history, memory, width)],
        _busy_with(memory),
    ]
    return Pane(title=_title(snapshot, state), tone=tone(snapshot, KEY), lines=flow(groups, width, height, essential=2))


def _title(snapshot: Snapshot, state: MemoryStatePart | None) -> str:
    told = _state(snapshot, state)
    return f"{TITLE} · {told}" if told else TITLE


def _state(snapshot: Snapshot, part: MemoryStatePart | None) -> str:
    """Nothing instead of `healthy` while a finding points here: a leak or a killed process leaves the host enough."""
    if part is None or (part.memory.state == "healthy" and severity(snapshot, KEY) > Severity.INFO):
        return ""
    return part.memory.state.replace("_", " ")


def _cache(classes: ClassesReading) -> int:
    return classes.file_cache_bytes + classes.dirty_bytes


def _shares(memory: MemoryReading) -> tuple[float, float, float]:
    """Anonymous, then what else can't be given back, then what can; the rest is free."""
    classes, total = memory.classes, memory.total_bytes
    given_back = classes.file_cache_bytes + classes.slab_reclaimable_bytes
    held = total - classes.anonymous_bytes - given_back - classes.free_bytes
    return classes.anonymous_bytes / total, held / total, given_back / total


def _growth(part: MemoryStatePart) -> Line:
    state = part.memory.growth.state
    words = "not known yet" if state == GrowthState.INSUFFICIENT_DATA else state.value
    return labelled("growth", words)


def _own_limit(history: History) -> list[Line]:
    part = history.latest(CgroupsPart)
    own = [group for group in part.cgroups.values() if group.own and group.memory_limit_bytes] if part else []
    return [labelled("limit", size_of(group.memory_used_bytes, group.memory_limit_bytes)) for group in own[:1]]


def _reason(state: MemoryStatePart | None, width: int, most: int) -> list[Line]:
    """The reason in at most so many lines, with `…` where it goes on."""
    lines = list(wrapped(state.memory.state_reason, width, Role.DIM)) if state else []
    if len(lines) > most > 0:
        last = f"{lines[most - 1][0][0]} {lines[most][0][0]}"
        lines[most - 1 :] = [((short(last, width), Role.DIM),)]
    return lines


def _leader(state: MemoryStatePart | None, width: int) -> list[Line]:
    leader = state.memory.growth.leader if state else None
    return [_grows(leader, width)] if leader else []


def _grows(leader: Leader, width: int) -> Line:
    words = rate(leader.bytes_per_s).strip()
    who = short(f"{leader.name} {leader.pid}", max(1, width - 8 - len(words)))
    return ((who, Role.TEXT), (" grows ", Role.DIM), (words, Role.TEXT))


def _stalls(history: History) -> list[Line]:
    part = history.latest(PressurePart)
    pressure = part.pressure.memory if part else None
    return [] if pressure is None else [labelled("psi", percent(pressure.some_ratio))]


def _kills(history: History, memory: MemoryReading, width: int) -> list[Line]:
    log = history.latest(KernelLogPart)
    killed = [
        ((f"killed {short(f'{kill.name} {kill.pid}', width - 7)}", Role.TEXT),)
        for kill in (log.oom_kills[-1:] if log else ())
    ]
    total = [labelled("OOM kills since boot", str(memory.oom_kills_total))] if memory.oom_kills_total else []
    return [*total, *killed]


def _busy_with(memory: MemoryReading) -> list[Line]:
    return [
        labelled("dirty", size(memory.classes.dirty_bytes)),
        labelled("shared", size(memory.classes.shared_bytes)),
        labelled("reclaim", rate(memory.reclaim_bytes_per_s)),
    ]


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table: a class of the host's memory, or a group with a limit."""

    name: str
    used_bytes: int | None
    share: float | None
    meaning: str
    group: bool = False


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """Where the memory went over time, the state's reason, every class with its meaning, and groups with a limit."""
    history = snapshot.history
    part = history.latest(MemoryPart)
    if part is None:
        return missing_zoom(snapshot, KEY, TITLE, "memory", width)
    memory = part.memory
    known = history.latest(MemoryStatePart)
    readings = [
        ("anonymous", "host.memory.classes.anonymous_bytes"),
        ("file cache", "host.memory.classes.file_cache_bytes"),
        ("available", "host.memory.available_bytes"),
    ]
    groups: list[Group] = [
        [
            labelled("available", size_of(memory.available_bytes, memory.total_bytes), Role.STRONG),
            *([_growth(known)] if known else []),
            *_stalls(history),
            labelled("reclaim", rate(memory.reclaim_bytes_per_s)),
            labelled("by processes", rate(memory.direct_reclaim_bytes_per_s)),
            *_own_limit(history),
            *_leader(known, width),
            *_kills(history, memory, width),
        ]
    ]
    held = [*_classes(memory), *_groups(history)]
    return Zoom(
        title=_title(snapshot, known),
        tone=tone(snapshot, KEY),
        chart=chart(snapshot, state, "memory", "GiB", GIB, readings, top=memory.total_bytes * GIB),
        lines=(*_reason(known, width, 3), *flow(groups, width, 3, essential=1)),
        table=table(
            _FIELDS,
            held,
            state,
            width,
            default="bytes",
            key=lambda row: row.name,
            found_by=lambda row: f"{row.name} {row.meaning}",
            empty="",
        ),
    )


def _classes(memory: MemoryReading) -> list[Held]:
    sizes = {name: getattr(memory.classes, f"{name}_bytes") for name in MEANINGS}
    return [
        Held(name=name.replace("_", " "), used_bytes=used, share=used / memory.total_bytes, meaning=MEANINGS[name])
        for name, used in sizes.items()
    ]


def _groups(history: History) -> list[Held]:
    part = history.latest(CgroupsPart)
    limited = [(name, group) for name, group in part.cgroups.items() if group.memory_limit_bytes] if part else []
    return [
        Held(
            name=name,
            used_bytes=group.memory_used_bytes,
            share=group.memory_used_ratio,
            meaning=_limit(group),
            group=True,
        )
        for name, group in limited
    ]


def _limit(group: CgroupReading) -> str:
    killed = f"; {group.oom_kills_total} OOM kills" if group.oom_kills_total else ""
    ours = "; ours" if group.own else ""
    return f"of its limit of {size(group.memory_limit_bytes).strip()}{killed}{ours}"


_FIELDS: tuple[Field[Held], ...] = (
    Field(
        name="class or group",
        key="name",
        width=19,
        rank=0,
        right=False,
        cell=lambda row: (row.name, Role.DIM if row.group else Role.TEXT),
        order=lambda row: row.name,
    ),
    figure("bytes", 5, 1, size, lambda row: row.used_bytes, Role.STRONG),
    figure("share", 5, 2, percent, lambda row: row.share),
    Field(name="", width=16, rank=4, right=False, cell=lambda row: (bar_text(row.share, 16), Role.FIRST)),
    Field(name="what it is", width=0, rank=3, right=False, cell=lambda row: (row.meaning, Role.DIM)),
)
