"""A report as plain text for a terminal: tables in columns that fit, charts drawn with signs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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
    fitted,
    numbered,
    quantity,
)
from perftui.views.format import clock
from perftui.views.layout import wrapped

WIDTH = 80
_HEIGHT = 10
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def page_text(page: Page, width: int = WIDTH) -> str:
    """The whole page, without a newline at its end."""
    lines = [page.kicker, page.title, "", *_wrapped(page.headline, width), ""]
    for section in page.sections:
        lines += [section.title, "=" * len(section.title)]
        for block in section.blocks:
            lines += [*_block(block, width), ""]
    return "\n".join(line.rstrip() for line in [*lines, *_wrapped(page.foot, width)])


def _wrapped(words: str, width: int, indent: str = "") -> list[str]:
    """The first line has no indent."""
    lines = ["".join(text for text, _ in line) for line in wrapped(words, width - len(indent))]
    return [line if place == 0 else f"{indent}{line}" for place, line in enumerate(lines)]


def _block(block: Block, width: int) -> Iterator[str]:
    match block:
        case Facts():
            label = max((len(name) for name, _ in block.pairs), default=0) + 2
            for name, value in block.pairs:
                yield f"{name:<{label}}" + "\n".join(_wrapped(_plain(value), width, " " * label))
        case Table():
            yield from _table(block, width)
        case Bullets():
            for line in block.lines:
                yield "- " + "\n".join(_wrapped(line, width, "  "))
        case Words():
            yield from _wrapped(block.text, width)
        case Fixed():
            yield block.text
        case Charts():
            yield from _charts(block, width)


def _plain(cell: Cell) -> str:
    text = cell if isinstance(cell, str) else cell[0]
    return " ".join(text.split())


def _table(table: Table, width: int) -> Iterator[str]:
    """In columns where that fits, else each row as a list of names and cells."""
    if not table.rows:
        yield table.empty
        return
    rows = [table.columns, *(tuple(map(_plain, row)) for row in table.rows)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(table.columns))]
    if sum(widths) + 2 * (len(widths) - 1) <= width:
        yield from (_row(row, widths, table.numbers) for row in rows)
        return
    label = max(map(len, table.columns)) + 2
    for place, row in enumerate(rows[1:]):
        if place:
            yield ""
        for name, cell in zip(table.columns, row, strict=True):
            if cell:
                yield f"{name:<{label}}" + "\n".join(_wrapped(cell, width, " " * label))


def _row(row: Sequence[str], widths: Sequence[int], numbers: Sequence[int]) -> str:
    cells = zip(row, widths, strict=True)
    return "  ".join(
        cell.rjust(width) if place in numbers else cell.ljust(width) for place, (cell, width) in enumerate(cells)
    )


def _charts(charts: Charts, width: int) -> Iterator[str]:
    for plot in charts.plots:
        yield from _drawn(charts, plot, width)
    for number, pin in numbered(charts.pins):
        yield fitted(f"{number} {clock(pin.at)}Z {pin.sort}: {pin.words}", width)


def _drawn(charts: Charts, plot: Plot, width: int) -> list[str]:
    from typing import Any

    import plotext

    plt: Any = plotext  # it has no types
    known = [(at - charts.span[0], value) for at, value in plot.points if value is not None]
    plt.clear_figure()
    plt.theme("clear")
    plt.limit_size(False, False)  # else it asks the terminal on stdout, which may be none
    plt.plotsize(width, _HEIGHT)
    plt.plot([at for at, _ in known], [value for _, value in known], marker="braille")
    top = max((value for _, value in known), default=0.0) or 1.0
    plt.ylim(0, top)
    plt.yticks([0, top / 2, top], ["0", quantity(top / 2, plot.unit), quantity(top, plot.unit)])
    span_s = charts.span[1] - charts.span[0]
    ticks = [span_s * share for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    plt.xlim(0, max(1.0, span_s))
    plt.xticks(ticks, [clock(charts.span[0] + tick) for tick in ticks])
    for number, pin in numbered(charts.pins):
        plt.text(str(number), x=pin.at - charts.span[0], y=top, alignment="center")
    drawn = [line.rstrip() for line in _COLOURS.sub("", plt.build()).splitlines()]
    return [plot.reading, *drawn]
