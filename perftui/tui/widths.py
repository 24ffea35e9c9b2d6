"""How many cells a text takes. Each character counts for itself: terminals disagree about clusters (emoji sequences,
combining marks), and a line that is off by one cell breaks everything to its right."""

from __future__ import annotations

from rich.cells import get_character_cell_size

_NARROW: set[str] = set(map(chr, range(32, 127)))
"""Characters known to take one cell; grows by those met."""


def all_narrow(words: str) -> bool:
    """Whether each character takes exactly one cell."""
    if words.isascii():
        return True
    for sign in set(words) - _NARROW:
        if get_character_cell_size(sign) != 1:
            return False
        _NARROW.add(sign)
    return True


def cells(words: str) -> int:
    return len(words) if all_narrow(words) else sum(map(get_character_cell_size, words))


def first_cells(words: str, width: int) -> str:
    """The text in exactly `width` cells, of which it has at least as many; a sign cut in half becomes a blank."""
    if all_narrow(words):
        return words[:width]
    kept = 0
    for place, sign in enumerate(words):
        size = get_character_cell_size(sign)
        if kept + size > width:
            return words[:place] + " " * (width - kept)
        kept += size
    return words
