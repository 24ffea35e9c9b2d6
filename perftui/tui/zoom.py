"""A pane on the whole screen: title, chart, lines, table. Pure but for the chart kept from the last drawing."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from perftui.tui.chart import chart_lines, chart_range
from perftui.tui.draw import blank, fit, rule, table_lines
from perftui.tui.keys import number_sign
from perftui.tui.state import Facts, UiState, settled
from perftui.views.model import Chart, Line, Role, Span, TableState, Zoom
from perftui.views.tone import SIGN_OF_TONE


class ZoomLayout(NamedTuple):
    """Heights of the parts."""

    chart: int
    lines: int
    table: int


class ChartKeeper:
    """Gives the last chart again until it has moved by a column: plotext costs more than all else on the screen."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._lines: list[Line] = []

    def lines(self, chart: Chart, width: int, height: int, span_s: float, plain: bool) -> list[Line]:
        key: Hashable = None
        if chart.at:
            start, end = chart_range(chart, span_s)
            column_s = (end - start) / max(1, width)
            names = tuple(line.name for line in chart.lines)
            key = (chart.title, names, chart.marks, width, height, span_s, plain, int(end / column_s))
        if key is None or key != self._key:
            self._key = key
            self._lines = chart_lines(chart, width, height, span_s, plain)
        return self._lines


def zoom_layout(zoom: Zoom, height: int) -> ZoomLayout:
    """How the height below the title is shared: a table with many rows needs room, a chart needs eight lines to tell anything."""
    lines = min(len(zoom.lines), max(0, height // 2) if zoom.table or zoom.chart else height)
    rest = height - lines
    if zoom.table is None:
        return ZoomLayout(rest if zoom.chart and rest >= 6 else 0, lines, 0)
    wanted = 1 + max(1, len(zoom.table.rows))
    if zoom.chart is None or rest < 12:
        return ZoomLayout(0, lines, rest)
    chart = max(8, rest - wanted) if wanted < rest - 8 else max(8, rest * 2 // 5)
    chart = min(chart, rest - 4)
    return ZoomLayout(chart, lines, rest - chart)


def zoom_facts(zoom: Zoom, height: int) -> Facts:
    """What keys need to know of a zoom drawn below its title in `height` lines."""
    layout = zoom_layout(zoom, height)
    table = zoom.table
    if table is None:
        return Facts(page=max(1, layout.lines), lines=len(zoom.lines))
    return Facts(
        rows=tuple(row.key for row in table.rows),
        stops=() if all(row.head for row in table.rows) else tuple(i for i, row in enumerate(table.rows) if row.head),
        page=max(1, layout.table - 1),
        sorts=tuple(column.key for column in table.columns if column.key),
        sorted_by=table.sorted_by,
        table=table,
        turn=zoom.turn,
    )


def zoom_lines(
    zoom: Zoom, number: int | None, state: UiState, width: int, height: int, keeper: ChartKeeper, plain: bool
) -> list[Line]:
    """The zoom in exactly `height` lines."""
    choice = state.table()
    facts = zoom_facts(zoom, height - 1)
    state = settled(state, facts)
    layout = zoom_layout(zoom, height - 1)
    drawn = [rule(_title(zoom, number, choice, facts, state.top), width, zoom.tone)]
    if zoom.chart and layout.chart:
        drawn += keeper.lines(zoom.chart, width, layout.chart, choice.span_s, plain)
    first = state.top if zoom.table is None else 0
    drawn += [fit(((" ", Role.TEXT), *line), width) for line in zoom.lines[first : first + layout.lines]]
    if zoom.table and layout.table:
        chosen = facts.rows.index(state.row) if state.row in facts.rows else None
        arrow = "▴" if choice.reverse else "▾"
        drawn += table_lines(zoom.table, width, layout.table, state.top, chosen, arrow)
    return [*drawn, *[blank(width)] * (height - len(drawn))][:height]


def _title(zoom: Zoom, number: int | None, choice: TableState, facts: Facts, top: int) -> list[Span]:
    sign = SIGN_OF_TONE.get(zoom.tone, "")
    title: list[Span] = [
        (f"{sign} " if sign else "", zoom.tone),
        (f"{number_sign(number)} " if number and number_sign(number) else "", Role.ACCENT),
    ]
    title.append((zoom.title, Role.TITLE))
    if zoom.table is not None and zoom.table.sorted_by:
        names = {column.key: column.name for column in zoom.table.columns}
        order = "smallest first" if choice.reverse else ""
        by = names.get(zoom.table.sorted_by, zoom.table.sorted_by).strip()
        title.append((f" · by {by}{' ' if order else ''}{order}", Role.DIM))
    if choice.filter:
        title.append((f" · filter {choice.filter!r}: {len(facts.rows)} of them", Role.ACCENT))
    count = len(facts.rows) or facts.lines
    if count > facts.page:
        title.append((f" · {top + 1} to {min(count, top + facts.page)} of {count}", Role.DIM))
    return title
