"""Models as plain text, the way an eye reads them."""

from __future__ import annotations

from collections.abc import Iterable

from perftui.views.model import Line, Table


def flat(line: Line) -> str:
    return "".join(words for words, _ in line)


def text(lines: Iterable[Line]) -> str:
    return "\n".join(map(flat, lines))


def column(table: Table, name: str) -> list[str]:
    """One column's cells from top to bottom."""
    at = [column.name for column in table.columns].index(name)
    return [row.cells[at][0] for row in table.rows]
