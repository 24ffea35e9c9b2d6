"""The long chart of a zoom: readings over the span that the operator chose."""

from __future__ import annotations

from collections.abc import Sequence

from perftui.pipeline.snapshot import Snapshot
from perftui.views.model import Chart, ChartLine, Role, TableState
from perftui.views.moments import moments

ROLES = (Role.FIRST, Role.SECOND, Role.THIRD, Role.FOURTH)
PERCENT = 100.0
MIB = 1 / (1 << 20)
GIB = 1 / (1 << 30)


def chart(
    snapshot: Snapshot,
    state: TableState,
    title: str,
    unit: str,
    scale: float,
    readings: Sequence[tuple[str, str]],
    top: float | None = None,
) -> Chart:
    """Up to four readings, each given as (name in the legend, reading), times `scale`."""
    at: list[float] = []
    lines = []
    for (name, reading), role in zip(readings, ROLES, strict=False):
        at, values = snapshot.history.points(reading, state.span_s)
        lines.append(ChartLine(name=name, role=role, values=[value * scale for value in values]))
    marks = moments(snapshot, at[0], at[-1]) if at else ()
    return Chart(title=title, unit=unit, at=at, lines=tuple(lines), top=top, marks=marks)
