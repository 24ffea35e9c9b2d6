"""Pane models → lines of exactly so many cells. Pure; colours and widgets come later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain

from perftui.tui.widths import cells, first_cells
from perftui.views.model import Column, Line, Role, Span, Table


def blank(width: int) -> Line:
    return ((" " * width, Role.TEXT),) if width > 0 else ()


def fit(line: Iterable[Span], width: int) -> Line:
    """The line in exactly `width` cells: padded, or cut with an ellipsis."""
    return _fitted(tuple(line), width)


# Most lines are the same as a tick ago, and looking one up costs a tenth of laying it out. Two screens full of lines.
@lru_cache(maxsize=256)
def _fitted(line: Line, width: int) -> Line:
    fitted: list[Span] = []
    left = width
    for words, role in line:
        if not words:
            continue
        words = harmless(words)
        size = cells(words)
        if size > left:
            if left > 0:
                fitted.append((_cut(words, left), role))
            elif fitted:
                last, last_role = fitted[-1]
                fitted[-1] = (_cut(last + "…", cells(last)), last_role)
            return _joined(fitted)
        fitted.append((words, role))
        left -= size
    if left > 0:
        fitted.append((" " * left, Role.TEXT))
    return _joined(fitted)


def harmless(words: str) -> str:
    """Without characters that could steer the terminal or change the direction of text."""
    if words.isprintable():
        return words
    return "".join(sign if sign.isprintable() else " " for sign in words)


def _cut(words: str, width: int) -> str:
    return first_cells(words, width - 1) + "…"


def _joined(spans: Sequence[Span]) -> Line:
    """Neighbours of one role in one piece: fewer colour sequences."""
    joined: list[Span] = []
    for words, role in spans:
        if joined and joined[-1][1] is role:
            joined[-1] = (joined[-1][0] + words, role)
        else:
            joined.append((words, role))
    return tuple(joined)


def rule(title: Iterable[Span], width: int, tone: Role = Role.DIM, left: str = "──", right: str = "─") -> Line:
    """A horizontal line with a title in it."""
    inside = _titled(title, width - cells(left) - cells(right), tone)
    used = sum(cells(words) for words, _ in inside)
    fill = "─" * max(0, width - cells(left) - cells(right) - used)
    return fit(((left, tone), *inside, (fill + right, tone)), width)


def _titled(title: Iterable[Span], room: int, tone: Role) -> Line:
    spans = [(harmless(words), role) for words, role in title if words]
    size = sum(cells(words) for words, _ in spans)
    if not spans or room < 3:
        return ()
    room -= 2
    body = tuple(spans) if size <= room else fit(spans, max(1, room))
    return ((" ", tone), *body, (" ", tone))


def box(title: Iterable[Span], lines: Sequence[Line], width: int, height: int, tone: Role = Role.DIM) -> list[Line]:
    """Lines inside a border; what doesn't fit is cut, what is missing is blank."""
    left, right = ("│ ", tone), (" │", tone)
    inner = width - 4
    drawn = [rule(title, width, tone, left="┌", right="┐")]
    for y in range(height - 2):
        drawn.append((left, *(fit(lines[y], inner) if y < len(lines) else blank(inner)), right))
    drawn.append((("└" + "─" * (width - 2) + "┘", tone),))
    return drawn[:height]


def beside(*blocks: Sequence[Line]) -> list[Line]:
    """Blocks of the same height from left to right."""
    return [tuple(chain.from_iterable(row)) for row in zip(*blocks, strict=True)]


def table_lines(table: Table, width: int, height: int, top: int, chosen: int | None, arrow: str) -> list[Line]:
    """Column names and as many rows as fit from row `top` on; the chosen row has a sign before it.

    Args:
        arrow: The sign of the sort order, after the name of the column that is sorted by.
    """
    if height < 1:
        return []
    widths = _column_widths(table.columns, width - 2)
    lines = [fit(((" ", Role.DIM), *_names(table, widths, arrow)), width)]
    if not table.rows:
        lines.append(fit((("  ", Role.DIM), (table.empty or "nothing to show", Role.DIM)), width))
    for index, row in enumerate(table.rows[top : top + height - 1], start=top):
        spans: list[Span] = []
        for column, size, (words, role) in zip(table.columns, widths, row.cells, strict=False):
            if size > 0:
                spans += ((" ", Role.TEXT), *_cell(words, role, size, column.right))
        if index == chosen:
            lines.append(fit((("▸", Role.ACCENT), *((words, Role.ACCENT) for words, _ in spans)), width))
        else:
            lines.append(fit(((" ", Role.TEXT), *spans), width))
    return [*lines, *[blank(width)] * (height - len(lines))][:height]


def _column_widths(columns: Sequence[Column], width: int) -> list[int]:
    """One a column; the flexible one takes what is left, those that no longer fit get 0."""
    fixed = sum(column.width + 1 for column in columns if column.width)
    rest = max(8, width - fixed)
    widths = []
    left = width
    for column in columns:
        size = column.width or rest
        size = size if size <= left else (left if not column.width and left >= 4 else 0)
        widths.append(size)
        left = left - size - 1 if size else left
    return widths


def _names(table: Table, widths: Sequence[int], arrow: str) -> list[Span]:
    spans: list[Span] = []
    for column, size in zip(table.columns, widths, strict=True):
        if not size:
            continue
        sorts = bool(column.key) and column.key == table.sorted_by
        name = f"{column.name}{arrow}" if sorts and cells(column.name) < size else column.name
        spans += ((" ", Role.TEXT), *_cell(name, Role.STRONG if sorts else Role.DIM, size, column.right))
    return spans


def _cell(words: str, role: Role, width: int, right: bool) -> tuple[Span, ...]:
    """One cell of a table; its padding has no role, so that it costs no colour sequence."""
    words = harmless(words)
    size = cells(words)
    if size > width:
        return ((_cut(words, width), role),)
    pad = (" " * (width - size), Role.TEXT)
    return (pad, (words, role)) if right else ((words, role), pad)
