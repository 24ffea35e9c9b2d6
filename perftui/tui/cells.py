"""Lines as rows of cells, and which cells of two rows differ. What Textual does for regions, for single values."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from rich.cells import get_character_cell_size

from perftui.tui.widths import all_narrow
from perftui.views.model import Line, Role

_CODE = {role: chr(ord("a") + place) for place, role in enumerate(Role)}
_ROLE = {code: role for role, code in _CODE.items()}
_REST = "\0"
"""Stands in the second cell of a sign that takes two."""

# Moving the cursor costs more bytes than writing so many cells that did not change; measured with bench/screen.py.
RUN_GAP = 4


class CellRow(NamedTuple):
    """One line, one character a cell."""

    text: str
    roles: str
    """The code of each cell's role."""

    def pieces(self, start: int, end: int) -> Iterator[tuple[str, Role]]:
        """The cells from `start` to `end`, neighbours of one role in one piece; blanks alone need no role."""
        x = start
        for code, group in groupby(self.roles[start:end]):
            size = len(list(group))
            words = self.text[x : x + size].replace(_REST, "")
            yield words, Role.TEXT if words.isspace() else _ROLE[code]
            x += size


def cell_row(line: Line) -> CellRow:
    text = "".join([words for words, _ in line])
    roles = "".join([_CODE[role] * len(words) for words, role in line])
    if all_narrow(text):
        return CellRow(text, roles)
    return _uneven_row(text, roles)


def _uneven_row(text: str, roles: str) -> CellRow:
    """Signs of two cells get a filler, those without a cell of their own (combining marks) are dropped."""
    cells = [(sign, code, get_character_cell_size(sign)) for sign, code in zip(text, roles, strict=True)]
    return CellRow(
        "".join([sign + _REST * (size - 1) for sign, _, size in cells if size]),
        "".join([code * size for _, code, size in cells]),
    )


def changed_runs(old: CellRow, new: CellRow) -> list[tuple[int, int]]:
    """(start, end) of the cells that differ between two rows of one width, near ones in one run."""
    runs: list[tuple[int, int]] = []
    start = end = -1
    for x, (was, now, was_role, role) in enumerate(zip(old.text, new.text, old.roles, new.roles, strict=True)):
        if was == now and (was_role == role or now == " "):
            continue
        if start < 0:
            start = x
        elif x - end > RUN_GAP:
            runs.append(_whole_signs(new, start, end))
            start = x
        end = x + 1
    if start >= 0:
        runs.append(_whole_signs(new, start, end))
    return runs


def _whole_signs(row: CellRow, start: int, end: int) -> tuple[int, int]:
    """The run without half a sign at either end."""
    if row.text[start] == _REST:
        start -= 1
    return start, end + 1 if row.text[end : end + 1] == _REST else end
