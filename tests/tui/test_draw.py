from __future__ import annotations

import pytest

from perftui.tui.draw import beside, box, fit, rule, table_lines
from perftui.tui.widths import cells
from perftui.views.model import Column, Line, Role, Row, Table, text


def plain(line: Line) -> str:
    return "".join(words for words, _ in line)


@pytest.mark.parametrize(
    ("words", "width", "drawn"),
    [
        ("busy", 6, "busy  "),
        ("busy", 4, "busy"),
        ("busy 31 %", 6, "busy …"),
        ("busy", 1, "…"),
        ("busy", 0, ""),
        ("日本語", 4, "日 …"),
        ("a\x1b[31mb\u202ec", 9, "a [31mb c"),
    ],
    ids=["padded", "exact", "cut", "one", "none", "wide", "harmless"],
)
def test_fits_to_the_cell(words: str, width: int, drawn: str) -> None:
    line = fit(text(words), width)

    assert plain(line) == drawn
    assert sum(cells(piece) for piece, _ in line) == width


def test_cuts_with_an_ellipsis_when_the_next_piece_begins_at_the_edge() -> None:
    assert plain(fit((("abcd", Role.DIM), ("ef", Role.TEXT)), 4)) == "abc…"


def test_a_box_is_as_large_as_told_and_cuts_what_is_longer() -> None:
    drawn = box(text("1 CPU"), [text("busy 31 % of all there is"), text("two"), text("three")], 14, 4, Role.CRITICAL)

    assert [plain(line) for line in drawn] == ["┌ 1 CPU ─────┐", "│ busy 31 %… │", "│ two        │", "└────────────┘"]
    assert drawn[0][0][1] is drawn[3][0][1] is Role.CRITICAL


def test_a_title_longer_than_its_rule_is_cut() -> None:
    assert plain(rule(text("a very long title"), 12)) == "── a very… ─"


def test_blocks_stand_beside_each_other() -> None:
    assert [plain(line) for line in beside([text("ab"), text("cd")], [text("1"), text("2")])] == ["ab1", "cd2"]


TABLE = Table(
    columns=(
        Column(name="pid", width=5, right=True, key="pid"),
        Column(name="command", width=0),
        Column(name="mem", width=6, right=True, key="mem"),
    ),
    rows=tuple(
        Row(key=str(n), cells=((str(n), Role.TEXT), (f"worker {n}", Role.DIM), ("7 G", Role.STRONG))) for n in range(9)
    ),
    sorted_by="mem",
)


def test_a_table_shows_its_rows_from_the_top_one_on_and_the_chosen_one_by_a_sign() -> None:
    drawn = [plain(line) for line in table_lines(TABLE, 30, 4, top=3, chosen=4, arrow="▾")]

    assert drawn == [
        "    pid command           mem▾",
        "      3 worker 3           7 G",
        "▸     4 worker 4           7 G",
        "      5 worker 5           7 G",
    ]


def test_a_table_without_rows_says_why() -> None:
    empty = Table(columns=TABLE.columns, rows=(), empty="no swap on this host")

    drawn = [plain(line) for line in table_lines(empty, 30, 3, 0, None, "▾")]

    assert drawn[1].strip() == "no swap on this host"
    assert len(drawn) == 3


@pytest.mark.parametrize("width", [4, 9, 16, 30, 200])
def test_each_line_of_a_table_is_as_wide_as_told(width: int) -> None:
    for line in table_lines(TABLE, width, 12, 0, 2, "▾"):
        assert sum(cells(words) for words, _ in line) == width
