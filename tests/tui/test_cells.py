from __future__ import annotations

import pytest

from perftui.tui.cells import cell_row, changed_runs
from perftui.views.model import Line, Role, text


@pytest.mark.parametrize(
    ("old", "new", "runs"),
    [
        ("busy 31 %", "busy 31 %", []),
        ("busy 31 %", "busy 32 %", [(6, 7)]),
        ("a23456789b", "c23456789d", [(0, 1), (9, 10)]),
        ("a234b", "c234d", [(0, 5)]),
        ("          ", "x         ", [(0, 1)]),
        ("日本 31 %", "日語 31 %", [(2, 4)]),
        ("日本 31 %", "ab本 31 %", [(0, 2)]),
    ],
    ids=["same", "one", "far", "near", "first", "wide", "wide-to-narrow"],
)
def test_gives_the_cells_that_differ(old: str, new: str, runs: list[tuple[int, int]]) -> None:
    assert changed_runs(cell_row(text(old)), cell_row(text(new))) == runs


@pytest.mark.parametrize(
    ("old", "new", "runs"),
    [
        ((("31", Role.TEXT),), (("31", Role.CRITICAL),), [(0, 2)]),
        ((("  ", Role.TEXT),), (("  ", Role.DIM),), []),
        ((("ab", Role.DIM),), (("a", Role.DIM), ("b", Role.DIM)), []),
    ],
    ids=["role", "blank", "pieces"],
)
def test_a_role_counts_where_it_can_be_seen(old: Line, new: Line, runs: list[tuple[int, int]]) -> None:
    assert changed_runs(cell_row(old), cell_row(new)) == runs


def test_a_combining_mark_takes_no_cell() -> None:
    row = cell_row(text("cafe\u0301 日"))

    assert len(row.text) == len(row.roles) == 7
    assert "".join(words for words, _ in row.pieces(0, len(row.text))) == "cafe 日"


def test_pieces_hold_neighbours_of_one_role_together() -> None:
    row = cell_row((("ab", Role.DIM), ("cd", Role.DIM), ("ef", Role.TEXT), ("  ", Role.DIM)))

    assert list(row.pieces(1, 8)) == [("bcd", Role.DIM), ("ef", Role.TEXT), ("  ", Role.TEXT)]
