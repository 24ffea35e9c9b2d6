"""A report as Markdown. What others wrote can't become markup of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator

from perftui.reports.page import (
    Block,
    Bullets,
    Cell,
    Charts,
    Facts,
    Fixed,
    Page,
    Plot,
    Table,
    Words,
    numbered,
    quantity,
)
from perftui.views.format import clock, sparkline

_SIGNS = re.compile(r"([\\`*\[\]<>|~])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|&(?=[#\w]{1,32};)|(?<=!)(?=\[)")
_LEADS = re.compile(r"^(\s*)([-+#=]|\d{1,9}[.)])(?=\s|$|#)")
_SPARK = 24


def page_markdown(page: Page) -> str:
    """The whole page, with a newline at its end."""
    lines = [f"# {safe(page.title)}", "", f"*{safe(page.kicker)}*", "", f"**{safe(page.headline)}**", ""]
    for section in page.sections:
        lines += [f"## {safe(section.title)}", ""]
        for block in section.blocks:
            lines += [*_block(block), ""]
    return "\n".join([*lines, f"*{safe(page.foot)}*"]) + "\n"


def safe(text: str) -> str:
    """The text with every sign that Markdown would take for its own escaped."""
    escaped = _SIGNS.sub(lambda found: f"\\{found[0]}", " ".join(text.split()))
    return _LEADS.sub(
        lambda found: f"{found[1]}\\{found[2]}" if not found[2][0].isdigit() else f"{found[2][:-1]}\\{found[2][-1]}",
        escaped,
    )


def _block(block: Block) -> Iterator[str]:
    match block:
        case Facts():
            yield from (f"- **{safe(name)}**: {_cell(value)}" for name, value in block.pairs)
        case Table():
            yield from _table(block)
        case Bullets():
            yield from (f"- {safe(line)}" for line in block.lines)
        case Words():
            yield safe(block.text)
        case Fixed():
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", block.text)), default=0))
            yield from (f"{fence}text", *block.text.split("\n"), fence)
        case Charts():
            yield from _charts(block)


def _cell(cell: Cell) -> str:
    text, strong = (cell, False) if isinstance(cell, str) else (cell[0], True)
    return f"**{safe(text)}**" if strong and text.strip() else safe(text)


def _table(table: Table) -> Iterator[str]:
    if not table.rows:
        yield safe(table.empty)
        return
    yield f"| {' | '.join(map(safe, table.columns))} |"
    yield f"|{'|'.join(' ---: ' if place in table.numbers else ' --- ' for place in range(len(table.columns)))}|"
    yield from (f"| {' | '.join(map(_cell, row))} |" for row in table.rows)


def _charts(charts: Charts) -> Iterator[str]:
    """Each course as a row: it can't be drawn here, so its ends, its middle and its peak are told."""
    rows = tuple(_course(plot) for plot in charts.plots)
    columns = ("reading", "first", "median", "p95", "highest", "last", "course")
    yield from _table(Table(columns=columns, rows=rows, numbers=(1, 2, 3, 4, 5), empty="no reading was kept"))
    told = numbered(charts.pins)
    if told:
        yield ""
        yield from (f"{number}. {clock(pin.at)}Z {pin.sort}: {safe(pin.words)}" for number, pin in told)


def _course(plot: Plot) -> tuple[Cell, ...]:
    known = [value for _, value in plot.points if value is not None]
    ordered = sorted(known)
    ranks = (
        [ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] for percent in (50, 95, 100)] if known else []
    )
    numbers = [known[0], *ranks, known[-1]] if known else [None] * 5
    return (plot.reading, *(quantity(value, plot.unit) for value in numbers), _spark(plot))


def _spark(plot: Plot) -> str:
    """The highest value of each part of the course."""
    start, end = plot.points[0][0], plot.points[-1][0]
    width = min(_SPARK, len(plot.points))
    parts = [float("nan")] * width
    for at, value in plot.points:
        place = min(width - 1, int((at - start) / max(1e-9, end - start) * width))
        if value is not None and not parts[place] >= value:
            parts[place] = value
    return sparkline(parts, width).replace(" ", "·")
