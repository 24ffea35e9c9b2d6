"""Swap: how much is parked there, and whether pages move."""

from __future__ import annotations

from math import isnan

from perftui.history.history import History
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.memory import MemoryPart, SwapReading
from perftui.sources.processes import ProcessesPart, ProcessReading
from perftui.views.charts import MIB, chart
from perftui.views.format import count, rate, size, size_of, sparkline
from perftui.views.layout import Group, Stretch, flow, labelled, short
from perftui.views.model import Line, Pane, Role, TableState, Zoom
from perftui.views.processes import NAME, PID, process_key, process_words
from perftui.views.tables import Field, figure, table
from perftui.views.tone import missing_pane, missing_zoom, tone

KEY, TITLE = "swap", "Swap"
SMALL_BYTES_PER_S = float(1 << 20)
"""Movement below this stays low in the sparkline."""


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """Used of total, in and out with their course; then whose pages are there."""
    history = snapshot.history
    part = history.latest(MemoryPart)
    if part is None:
        return missing_pane(snapshot, KEY, TITLE, "memory", width, height)

    def course(room: int) -> Line:
        return ((sparkline(_moved(history, room), room, floor=SMALL_BYTES_PER_S), Role.FIRST),)

    groups: list[Group] = [
        [_used(part.swap), *([Stretch(0, 40, course)] if part.swap.total_bytes else [])],
        [
            labelled("in", rate(part.swap.in_bytes_per_s)),
            labelled("out", rate(part.swap.out_bytes_per_s)),
        ],
        [labelled("major faults/s", count(part.memory.major_faults_per_s))],
        _leaders(history, width),
    ]
    return Pane(title=TITLE, tone=tone(snapshot, KEY), lines=flow(groups, width, height, essential=2))


def _used(swap: SwapReading) -> Line:
    if swap.total_bytes == 0:
        return (("no swap", Role.STRONG),)
    return labelled("used", size_of(swap.used_bytes, swap.total_bytes), Role.STRONG)


def _moved(history: History, ticks: int) -> list[float]:
    moved_in = history.recent("host.swap.in_bytes_per_s", ticks)
    moved_out = history.recent("host.swap.out_bytes_per_s", ticks)
    return [arrived + left for arrived, left in zip(moved_in, moved_out, strict=True)]


def _swapped(history: History) -> list[ProcessReading]:
    part = history.latest(ProcessesPart)
    swapped = [p for p in part.processes.top if p.swapped_bytes] if part else []
    return sorted(swapped, key=lambda p: p.swapped_bytes or 0, reverse=True)


def _leaders(history: History, width: int) -> list[Line]:
    room = width - 6
    return [
        ((size(p.swapped_bytes), Role.TEXT), (f" {short(f'{p.name} {p.pid}', room)}", Role.DIM))
        for p in _swapped(history)[:8]
    ]


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """Pages in and out over time, and the processes that have pages there."""
    history = snapshot.history
    part = history.latest(MemoryPart)
    if part is None:
        return missing_zoom(snapshot, KEY, TITLE, "memory", width)
    groups: list[Group] = [
        [
            _used(part.swap),
            labelled("in", rate(part.swap.in_bytes_per_s)),
            labelled("out", rate(part.swap.out_bytes_per_s)),
            labelled("major faults/s", count(part.memory.major_faults_per_s)),
        ]
    ]
    moved = [("in", "host.swap.in_bytes_per_s"), ("out", "host.swap.out_bytes_per_s")]
    known = [value for _, reading in moved for value in history.points(reading, state.span_s)[1] if not isnan(value)]
    return Zoom(
        title=TITLE,
        tone=tone(snapshot, KEY),
        # A chart of nothing but zeros fits its axis to noise: without movement it ends at 1 MiB/s.
        chart=chart(snapshot, state, "swap", "MiB/s", MIB, moved, top=None if any(known) else 1.0),
        lines=flow(groups, width, 2, essential=1),
        table=table(
            _FIELDS,
            _swapped(history),
            state,
            width,
            default="swap",
            key=process_key,
            found_by=process_words,
            empty="no process that is read here has pages in swap",
        ),
    )


_FIELDS: tuple[Field[ProcessReading], ...] = (
    PID,
    NAME,
    figure("swap", 6, 0, size, lambda p: p.swapped_bytes, Role.STRONG),
    figure("faults", 6, 3, count, lambda p: p.major_faults_per_s),
    figure("mem", 6, 4, size, lambda p: p.resident_bytes),
    Field(name="command", width=0, rank=5, right=False, cell=lambda p: (p.command or f"[{p.name}]", Role.DIM)),
)
