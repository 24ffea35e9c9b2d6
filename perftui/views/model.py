"""What a pane is to the screen and to a report: text with roles, tables, charts. No colours, no widgets.

Signs are Unicode (▁▂▃ ─ ● ▲); `--ascii` translates them when they are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What a piece of text means; the theme gives it a colour, the words tell it without one."""

    TEXT = "text"
    DIM = "dim"
    """Labels, units, what is secondary."""
    STRONG = "strong"
    TITLE = "title"
    GOOD = "good"
    WARNING = "warning"
    CRITICAL = "critical"
    ACCENT = "accent"
    """Keys to press, marks, the chosen row."""
    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    FOURTH = "fourth"
    """Lines of a chart and parts of a bar, in this order."""


Span = tuple[str, Role]
Line = tuple[Span, ...]


def text(words: str, role: Role = Role.TEXT) -> Line:
    """A line of one piece."""
    return ((words, role),)


class Pane(msgspec.Struct, frozen=True, kw_only=True):
    """One pane of the overview, made for a width and a height."""

    title: str
    tone: Role = Role.DIM
    """WARNING or CRITICAL where an active finding points at this pane: the border's colour."""
    lines: tuple[Line, ...]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    width: int
    """Cells; 0 takes what is left (one column at the most)."""
    right: bool = False
    key: str = ""
    """What `sort` calls it; empty where it can't be sorted by."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    """Stays the same while the row stands for the same thing, so the cursor stays on it."""
    cells: tuple[Span, ...]
    opens: str = ""
    """The finding that Enter opens; empty where it opens none."""
    head: bool = True
    """The cursor stops here; the rows below it that are none go with it."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    sorted_by: str = ""
    sorts: tuple[str, ...] = ()
    """All that `TableState.sort` may name here, columns that had no room included."""
    empty: str = ""
    """Why there are no rows."""


class ChartLine(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    role: Role
    values: list[float]
    """One a tick, NaN where not known; in the unit that `Chart.unit` names."""


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    unit: str
    """As it stands beside the axis: `%`, `MiB/s`, `ms`."""
    at: list[float]
    """Wall clock of each tick, seconds since 1970 UTC."""
    lines: tuple[ChartLine, ...]
    top: float | None = None
    """The axis' end where it is fixed (100 for shares); None fits the values."""
    marks: tuple[tuple[float, str], ...] = ()
    """(wall clock, label) of vertical lines."""


class Zoom(msgspec.Struct, frozen=True, kw_only=True):
    """A pane on the whole screen: a chart, some lines, a table."""

    title: str
    tone: Role = Role.DIM
    chart: Chart | None = None
    lines: tuple[Line, ...] = ()
    table: Table | None = None
    turn: str = ""
    """A word for the other form of the table that `t` turns to: `tree`, `running`; empty where there is one form only."""


class TableState(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator chose for a table."""

    sort: str = ""
    reverse: bool = False
    filter: str = ""
    turned: bool = False
    """The table in its other form, where `Zoom.turn` names one."""
    span_s: float = 300.0
    """Seconds that the chart covers."""


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is being typed, with the place of its cursor."""

    label: str
    """Empty for the words that confirm."""
    text: str
    cursor: int
    secret: bool = False


class RunChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator has chosen and typed in the panel of a run."""

    focus: bool = False
    """Keys go to the panel."""
    texts: Mapping[str, str] = {}
    """Inputs as they stand, by name."""
    field: int = 0
    """The input at hand."""
    row: int = 0
    """The row at hand, where one is to be picked."""
    top: int = 0
    """Lines of the question that are scrolled past."""
    typed: Typed | None = None
    undoing: bool = False
    """One of several changes is to be named."""
