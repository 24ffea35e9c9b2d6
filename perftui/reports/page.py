"""A report as sections of text, tables and charts; Markdown and HTML are two ways to write it down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from unicodedata import combining, east_asian_width

import msgspec

from perftui.model.units import unit_of
from perftui.views.format import in_unit
from perftui.views.model import Role

Cell = str | tuple[str, Role]
"""A cell of a table; with a role where it means good or bad."""
UNKNOWN = "–"
"""What is not known; never 0."""


class Facts(msgspec.Struct, frozen=True):
    """Names with what they stand for."""

    pairs: tuple[tuple[str, Cell], ...]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: tuple[int, ...] = ()
    """Columns whose cells are numbers."""
    empty: str = ""
    """What stands there instead of no rows."""


class Bullets(msgspec.Struct, frozen=True):
    lines: tuple[str, ...]


class Words(msgspec.Struct, frozen=True):
    text: str
    role: Role = Role.TEXT


class Fixed(msgspec.Struct, frozen=True):
    """Text whose columns stand as they are."""

    text: str


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """One reading over time."""

    reading: str
    points: tuple[tuple[float, float | None], ...]

    @property
    def unit(self) -> str:
        return unit_of(self.reading)


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """A moment on the time axis of all charts."""

    at: float
    sort: Literal["deploy", "mark", "change", "undo", "verdict", "step"]
    words: str = ""


class Charts(msgspec.Struct, frozen=True, kw_only=True):
    """Readings over one time axis, with what happened on it."""

    plots: tuple[Plot, ...]
    pins: tuple[Pin, ...] = ()
    """In their order; steps are drawn, the others are numbered and told beneath."""
    span: tuple[float, float]
    shaded: tuple[float, float] | None = None
    """The part of the axis that the report is about."""


Block = Facts | Table | Bullets | Words | Fixed | Charts


class Section(msgspec.Struct, frozen=True):
    title: str
    blocks: tuple[Block, ...]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    kicker: str
    """What kind of report it is."""
    title: str
    headline: str
    """The one sentence."""
    tone: Role
    sections: tuple[Section, ...]
    foot: str


def quantity(value: float | None, unit: str) -> str:
    """A number with its unit, as a person writes it."""
    if value is None:
        return UNKNOWN
    if unit in ("count", "counter"):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:.4g}/s" if unit == "1/s" else in_unit(value, unit)


def fitted(line: str, width: int) -> str:
    """Cut to so many cells."""
    if sum(map(_cells, line)) <= width:
        return line.rstrip()
    kept, room = "", width - 1
    for char in line:
        room -= _cells(char)
        if room < 0:
            break
        kept += char
    return f"{kept}…"


def _cells(char: str) -> int:
    """Wide letters take two, signs that join the one before take none."""
    return 0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1


def numbered(pins: Sequence[Pin]) -> list[tuple[int, Pin]]:
    """The moments that are told in words, with their numbers; steps have none."""
    return list(enumerate((pin for pin in pins if pin.sort != "step"), start=1))
