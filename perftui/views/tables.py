"""Columns of a table, chosen by the room there is, and rows in the order that the operator asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Generic, TypeVar

import msgspec

from perftui.views.layout import short
from perftui.views.model import Column, Line, Role, Row, Span, Table, TableState

T = TypeVar("T")

Order = Callable[[T], "float | str | None"]


class Field(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One column and how its cells come from an item."""

    name: str
    width: int
    """Cells; 0 takes what is left (one field at the most)."""
    least: int = 12
    """Cells that a field which takes what is left must get."""
    rank: int
    """Fields of the highest rank go first when the room is small."""
    cell: Callable[[T], Span]
    right: bool = True
    key: str = ""
    """What `sort` calls it."""
    order: Order[T] | None = None
    """What it sorts by: numbers highest first, words from A; what is not known comes last either way."""
    cells: Callable[[Sequence[T]], list[Span]] | None = None
    """All cells of the column at once, where that is cheaper than one by one."""


def figure(
    name: str,
    width: int,
    rank: int,
    words: Callable[[float | None], str],
    value: Callable[[T], float | None],
    role: Role = Role.TEXT,
) -> Field[T]:
    """A column of numbers, sorted by under its own name."""

    def cell(item: T) -> Span:
        return words(value(item)), role

    def cells(items: Sequence[T]) -> list[Span]:
        # Most of 3,000 processes read nothing and few sizes differ, so few numbers have to be written.
        numbers = [value(item) for item in items]
        written = {number: (words(number), role) for number in set(numbers)}
        return [written[number] for number in numbers]

    return Field(name=name, key=name, width=width, rank=rank, cell=cell, cells=cells, order=value)


def fitting(fields: Sequence[Field[T]], width: int, sorted_by: str = "") -> list[Field[T]]:
    """The fields that fit side by side with a blank between them, the one that is sorted by among them."""
    chosen = list(fields)
    while len(chosen) > 1 and sum((field.width or field.least) + 1 for field in chosen) - 1 > width:
        chosen.remove(max(chosen, key=lambda field: -1 if sorted_by and field.key == sorted_by else field.rank))
    return chosen


def text_lines(fields: Sequence[Field[T]], items: Iterable[T], width: int) -> tuple[Line, ...]:
    """A head and a line for each item, for a pane."""
    chosen = fitting(fields, width)
    rest = width - sum(field.width for field in chosen) - len(chosen) + 1
    widths = [field.width or rest for field in chosen]
    head = [_padded((f.name, Role.DIM), wide, f.right) for f, wide in zip(chosen, widths, strict=True)]
    lines = [_spaced(head)]
    for item in items:
        cells = [_padded(f.cell(item), wide, f.right) for f, wide in zip(chosen, widths, strict=True)]
        lines.append(_spaced(cells))
    return tuple(lines)


def _padded(span: Span, width: int, right: bool) -> Span:
    words = short(span[0], width)
    return (words.rjust(width) if right else words.ljust(width)), span[1]


def _spaced(cells: list[Span]) -> Line:
    return tuple((words if i == 0 else f" {words}", role) for i, (words, role) in enumerate(cells))


def in_order(fields: Sequence[Field[T]], items: Iterable[T], state: TableState, default: str) -> tuple[list[T], str]:
    """The items sorted by the operator's key, or by the default one, and the key's name."""
    orders = {field.key: field.order for field in fields if field.order is not None}
    key = state.sort if state.sort in orders else default
    order = orders[key]
    known: list[tuple[Any, T]] = []
    unknown: list[T] = []
    for item in items:
        value = order(item)
        if value is None:
            unknown.append(item)
        else:
            known.append((value, item))
    highest_first = bool(known) and not isinstance(known[0][0], str)
    known.sort(key=itemgetter(0), reverse=highest_first != state.reverse)
    return [item for _, item in known] + unknown, key


def sorts(fields: Sequence[Field[T]]) -> tuple[str, ...]:
    return tuple(field.key for field in fields if field.order is not None)


def columns(fields: Sequence[Field[T]]) -> tuple[Column, ...]:
    return tuple(Column(name=f.name, width=f.width, right=f.right, key=f.key) for f in fields)


def rows(fields: Sequence[Field[T]], items: Sequence[T], key: Callable[[T], str]) -> tuple[Row, ...]:
    made = [field.cells(items) if field.cells else [field.cell(item) for item in items] for field in fields]
    return tuple([Row(key=key(item), cells=cells) for item, cells in zip(items, zip(*made, strict=True), strict=True)])


def table(
    fields: Sequence[Field[T]],
    items: Sequence[T],
    state: TableState,
    width: int,
    *,
    default: str,
    key: Callable[[T], str],
    found_by: Callable[[T], str],
    empty: str,
) -> Table:
    """The items as the operator wants them.

    Args:
        default: The key to sort by when the operator named none.
        key: What tells an item from the others, the same in each tick.
        found_by: The text that the filter is looked for in.
        empty: Why there are no rows when there is no filter.
    """
    wanted = state.filter.lower()
    kept = [item for item in items if wanted in found_by(item).lower()] if wanted else items
    ordered, sorted_by = in_order(fields, kept, state, default)
    shown = fitting(fields, width, sorted_by)
    return Table(
        columns=columns(shown),
        rows=rows(shown, ordered, key),
        sorted_by=sorted_by,
        sorts=sorts(fields),
        empty=f"nothing matches {state.filter!r}" if wanted and items else empty,
    )
