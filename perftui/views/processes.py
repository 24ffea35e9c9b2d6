"""Processes: who uses the CPU, the memory and the disks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import repeat

import msgspec

from perftui.pipeline.snapshot import Snapshot
from perftui.sources.file_handles import FileHandlesPart
from perftui.sources.processes import ProcessesPart, ProcessReading
from perftui.views.charts import PERCENT, chart
from perftui.views.format import UNKNOWN, count, percent, rate, size
from perftui.views.layout import Group, flow, labelled, short
from perftui.views.model import Line, Pane, Role, Row, Span, Table, TableState, Zoom
from perftui.views.tables import Field, columns, figure, fitting, in_order, rows, table, text_lines
from perftui.views.tone import missing_pane, missing_zoom, tone

KEY, TITLE = "processes", "Processes"


def pane(snapshot: Snapshot, width: int, height: int) -> Pane:
    """The leaders by CPU: a line each where there is room, otherwise one after the other."""
    part = snapshot.history.latest(ProcessesPart)
    if part is None:
        return missing_pane(snapshot, KEY, TITLE, "processes", width, height)
    top, _ = in_order(_NUMBERS, part.processes.top, TableState(), "cpu")
    if height < 3:
        words: list[Line] = [_words(process, width) for process in top[:40]]
        lines = flow([words], width, height, essential=0)
    else:
        lines = text_lines(_fields(width), top[: height - 1], width)
    return Pane(title=f"{TITLE} · {part.processes.total}", tone=tone(snapshot, KEY), lines=lines)


def _words(process: ProcessReading, width: int) -> Line:
    return (
        (f"{short(f'{process.name} {process.pid}', width - 7)} ", Role.DIM),
        (percent(process.cpu_ratio), Role.TEXT),
    )


def zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """The table, flat or as a tree, and the CPU's course above it."""
    history = snapshot.history
    part = history.latest(ProcessesPart)
    if part is None:
        return missing_zoom(snapshot, KEY, TITLE, "processes", width)
    processes = part.processes
    seen = "all" if processes.complete else f"the {len(processes.top)} that matter"
    groups: list[Group] = [
        [
            labelled("shown", f"{seen} of {processes.total}"),
            *_handles(history.latest(FileHandlesPart)),
        ]
    ]
    readings = [("busy", "host.cpu.busy_ratio"), ("iowait", "host.cpu.iowait_ratio")]
    return Zoom(
        title=TITLE,
        tone=tone(snapshot, KEY),
        chart=chart(snapshot, state, "CPU time", "%", PERCENT, readings, top=100.0),
        lines=flow(groups, width, 2, essential=1),
        table=_tree(processes.top, state, width) if state.turned else _flat(processes.top, state, width),
        turn="flat" if state.turned else "tree",
    )


def _handles(part: FileHandlesPart | None) -> list[Line]:
    if part is None:
        return []
    handles = part.file_handles
    return [labelled("open files of the host", f"{handles.open} of {count(handles.limit).strip()}")]


def process_key(process: ProcessReading) -> str:
    return f"{process.pid}:{process.started_ticks}"


def process_words(process: ProcessReading) -> str:
    """What a filter is looked for in."""
    return f"{process.pid} {process.name} {process.user} {process.command}"


def _flat(top: Sequence[ProcessReading], state: TableState, width: int) -> Table:
    return table(
        _fields(width),
        top,
        state,
        width,
        default="cpu",
        key=process_key,
        found_by=process_words,
        empty="no processes are seen here",
    )


def _tree(top: Sequence[ProcessReading], state: TableState, width: int) -> Table:
    """Children below their parents, siblings by the CPU of all below them; a match brings its ancestors along."""
    by_pid = {process.pid: process for process in top}
    children: dict[int, list[ProcessReading]] = defaultdict(list)
    roots = []
    for process in top:
        if process.ppid in by_pid and process.ppid != process.pid:
            children[process.ppid].append(process)
        else:
            roots.append(process)
    weights = _subtree_cpu(roots, children)
    kept = _with_ancestors(top, by_pid, state.filter.lower()) if state.filter else set(by_pid)
    fields = _fields(width)
    shown = fitting(fields, width)
    placed: list[ProcessReading] = []
    leads: list[str] = []
    # A stack of our own: a chain of processes may be deeper than Python's.
    stack: list[tuple[ProcessReading, str, str]] = []

    def put(siblings: list[ProcessReading], lead: str, signs: tuple[str, str]) -> None:
        here = [process for process in siblings if process.pid in kept]
        here.sort(key=lambda process: weights[process.pid], reverse=state.reverse)
        # The heaviest is put last, so it is taken first.
        stack.extend((process, lead, signs[0] if i else signs[1]) for i, process in enumerate(here))

    put(roots, "", ("", ""))
    while stack:
        process, lead, sign = stack.pop()
        placed.append(process)
        leads.append(f"{lead}{sign}")
        if process.pid in children:
            put(children[process.pid], lead + _BELOW[sign], ("├─ ", "└─ "))
    at = max(i for i, field in enumerate(shown) if field.name in ("name", "command"))
    return Table(
        columns=columns(shown),
        rows=tuple(map(_indented, rows(shown, placed, process_key), leads, repeat(at))),
        sorted_by="cpu",
        sorts=("cpu",),
        empty=f"nothing matches {state.filter!r}" if state.filter and top else "no processes are seen here",
    )


_BELOW = {"": "", "├─ ": "│  ", "└─ ": "   "}


def _indented(row: Row, lead: str, at: int) -> Row:
    """The branch signs before one of the cells: the command, or the name where no command is shown."""
    words, role = row.cells[at]
    return Row(key=row.key, cells=(*row.cells[:at], (f"{lead}{words}", role), *row.cells[at + 1 :]))


def _subtree_cpu(roots: list[ProcessReading], children: dict[int, list[ProcessReading]]) -> dict[int, float]:
    order = list(roots)
    for process in order:
        order.extend(children.get(process.pid, ()))
    weights: dict[int, float] = {}
    for process in reversed(order):
        own = process.cpu_ratio or 0.0
        weights[process.pid] = own + sum(weights[child.pid] for child in children.get(process.pid, ()))
    return weights


def _with_ancestors(top: Sequence[ProcessReading], by_pid: dict[int, ProcessReading], wanted: str) -> set[int]:
    kept: set[int] = set()
    for process in top:
        if wanted not in process_words(process).lower():
            continue
        each: ProcessReading | None = process
        while each is not None and each.pid not in kept:
            kept.add(each.pid)
            each = by_pid.get(each.ppid)
    return kept


def _cpu(process: ProcessReading) -> Span:
    return (UNKNOWN if process.cpu_ratio is None else f"{process.cpu_ratio * 100:.1f}"), Role.STRONG


def _weight(process: ProcessReading) -> float | None:
    """The CPU as it is written, then the memory: rows that show the same CPU don't change places with every tick."""
    if process.cpu_ratio is None:
        return None
    return round(process.cpu_ratio, 3) + (process.resident_bytes or 0) * 2.0**-62


def _command(process: ProcessReading) -> Span:
    return process.command or f"[{process.name}]", Role.DIM


def _lowest_first(process: ProcessReading) -> float:
    return -process.pid


PID: Field[ProcessReading] = Field(
    name="pid", key="pid", width=7, rank=2, cell=lambda p: (str(p.pid), Role.DIM), order=_lowest_first
)

_NUMBERS: tuple[Field[ProcessReading], ...] = (
    PID,
    Field(
        name="user", key="user", width=8, rank=7, right=False, cell=lambda p: (p.user, Role.DIM), order=lambda p: p.user
    ),
    Field(name="cpu %", key="cpu", width=6, rank=1, cell=_cpu, order=_weight),
    figure("mem", 5, 3, size, lambda p: p.resident_bytes),
    figure("read", 7, 4, rate, lambda p: p.read_bytes_per_s),
    figure("write", 7, 4, rate, lambda p: p.write_bytes_per_s),
    Field(
        name="s",
        key="state",
        width=1,
        rank=4,
        right=False,
        cell=lambda p: (p.state, Role.TEXT),
        order=lambda p: p.state,
    ),
    figure("faults", 6, 8, count, lambda p: p.major_faults_per_s),
    figure("swap", 5, 9, size, lambda p: p.swapped_bytes),
    figure("files", 5, 10, count, lambda p: p.open_files),
    figure("threads", 7, 11, count, lambda p: p.threads),
)
NAME: Field[ProcessReading] = Field(
    name="name", key="name", width=15, rank=0, right=False, cell=lambda p: (p.name, Role.TEXT), order=lambda p: p.name
)
_WIDE = (*_NUMBERS, NAME, Field(name="command", width=0, least=20, rank=6, right=False, cell=_command))
_NARROW = (*_NUMBERS, msgspec.structs.replace(NAME, width=0, least=13))
_WIDE_FROM = 70


def _fields(width: int) -> tuple[Field[ProcessReading], ...]:
    """With command lines where those tell more than the names, otherwise with names that take what is left."""
    return _WIDE if width >= _WIDE_FROM else _NARROW
