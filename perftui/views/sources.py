"""How each source is doing: what we don't know, and why."""

from __future__ import annotations

from perftui.history.history import SourceState
from perftui.pipeline.snapshot import Snapshot
from perftui.views.format import duration
from perftui.views.layout import wrapped
from perftui.views.model import Column, Role, Row, Table, TableState, Zoom

_ROLES = {"ok": Role.GOOD, "stale": Role.WARNING, "failed": Role.WARNING, "off": Role.DIM}
_COLUMNS = (
    Column(name="source", width=14),
    Column(name="state", width=6),
    Column(name="age", width=7, right=True),
    Column(name="why", width=0),
)


def sources_zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """Each source with its state, the age of its last sample, and why it failed."""
    wanted = state.filter.lower()
    kept = {
        name: source
        for name, source in snapshot.history.sources.items()
        if wanted in f"{name} {source.state} {source.detail}".lower()
    }
    room = width - sum(column.width + 1 for column in _COLUMNS)
    return Zoom(
        title="Sources",
        table=Table(
            columns=_COLUMNS,
            rows=tuple(row for name, source in kept.items() for row in _rows(name, source, room)),
            sorted_by="",
            empty=f"nothing matches {state.filter!r}" if wanted else "no sources",
        ),
    )


def _rows(name: str, source: SourceState, room: int) -> list[Row]:
    """A row, and one more for each line that a long reason goes on."""
    first, *rest = [line[0][0] for line in wrapped(source.detail, room)] or [""]
    age = "–" if source.age_s is None else duration(source.age_s)
    role = _ROLES[source.state]
    head = Row(key=name, cells=((name, Role.TEXT), (source.state, role), (age, Role.TEXT), (first, Role.TEXT)))
    blank = ("", Role.TEXT)
    return [head, *(Row(key=f"{name}:{i}", cells=(blank, blank, blank, (w, Role.TEXT))) for i, w in enumerate(rest))]
