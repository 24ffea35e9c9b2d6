"""Pieces of text laid into the lines of a pane: the most important first, whole or not at all."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

import msgspec

from perftui.views.model import Line, Role


class Stretch(msgspec.Struct, frozen=True):
    """A piece that takes the room its line has left."""

    least: int
    most: int
    draw: Callable[[int], Line]


Piece = Line | Stretch
Group = Sequence[Piece]


def labelled(label: str, value: str, role: Role = Role.TEXT) -> Line:
    """`busy 31 % `: what it is, then how much, with the room of a wider number behind it."""
    return ((f"{label} ", Role.DIM), (value.strip().ljust(len(value)), role))


def flow(groups: Sequence[Group], width: int, height: int, essential: int) -> tuple[Line, ...]:
    """The groups in at most `height` lines.

    With room enough each group begins on a line of its own. Where the first `essential` groups would not all be seen
    that way, the pieces are packed one after the other instead.
    """
    gap = 2 if width >= 40 else 1
    rows = [row for group in groups[:essential] for row in _rows(group, width, gap)]
    if len(rows) <= height:
        for group in groups[essential:]:
            rows.extend(_rows(group, width, gap))
    else:
        gap = 2 if width >= 80 else 1
        rows = _packed([piece for group in groups for piece in group], width, height, gap)
    return tuple(_line(row, width, gap) for row in rows[:height])


def _rows(group: Group, width: int, gap: int) -> list[list[Piece]]:
    rows: list[list[Piece]] = []
    room = 0
    for piece in group:
        least = _least(piece)
        if not rows or room < least:
            rows.append([])
            room = width
        rows[-1].append(piece)
        room -= least + gap
    return rows


def _packed(pieces: Group, width: int, height: int, gap: int) -> list[list[Piece]]:
    rows: list[list[Piece]] = [[] for _ in range(height)]
    for piece in pieces:
        for row in rows:
            if _room(row, width, gap) >= _least(piece):
                row.append(piece)
                break
    return [row for row in rows if row]


def _room(row: Group, width: int, gap: int) -> int:
    return width - sum(_least(piece) + gap for piece in row)


def _least(piece: Piece) -> int:
    return piece.least if isinstance(piece, Stretch) else length(piece)


def length(line: Line) -> int:
    return sum([len(words) for words, _ in line])


def _line(row: Group, width: int, gap: int) -> Line:
    spare = _room(row, width, gap) + gap
    spans: list[tuple[str, Role]] = []
    for piece in row:
        if spans:
            spans.append((" " * gap, Role.DIM))
        if isinstance(piece, Stretch):
            room = min(piece.most, piece.least + max(0, spare))
            spans.extend(piece.draw(room))
            spare -= room - piece.least
        else:
            spans.extend(piece)
    return clipped(tuple(spans), width)


def clipped(line: Line, width: int) -> Line:
    """The line in at most `width` cells, with `…` where something is left out."""
    if length(line) <= width:
        return line
    spans: list[tuple[str, Role]] = []
    room = width - 1
    for words, role in line:
        spans.append((words[:room], role))
        room -= len(words)
        if room <= 0:
            break
    return (*spans, ("…", Role.DIM))


def short(words: str, width: int) -> str:
    """Text in at most `width` cells, with `…` where something is left out."""
    return words if len(words) <= width else f"{words[: max(0, width - 1)]}…"


def wrapped(words: str, width: int, role: Role = Role.TEXT) -> tuple[Line, ...]:
    """A sentence in lines of at most `width` cells, broken between words where that is possible."""
    return tuple(((row, role),) for row in textwrap.wrap(words, max(1, width), break_on_hyphens=False))
