"""Pieces of text in the lines of a pane."""

from __future__ import annotations

import pytest

from perftui.views.layout import Group, Stretch, clipped, flow, labelled, length, short, wrapped
from perftui.views.model import Line, Role
from tests.views.drawn import flat


def drawn(room: int) -> Line:
    return (("#" * room, Role.FIRST),)


FIRST: Group = [labelled("a", "11"), Stretch(2, 9, drawn), labelled("b", "22")]
SECOND: Group = [labelled("c", "33"), labelled("d", "44")]
THIRD: Group = [labelled("e", "55")]


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (20, 3, ["a 11 ######### b 22", "c 33 d 44", "e 55"]),
        (20, 2, ["a 11 ######### b 22", "c 33 d 44"]),
        (20, 1, ["a 11 ##### b 22 c 33"]),
        (12, 2, ["a 11 ## b 22", "c 33 d 44"]),
        (9, 2, ["a 11 ####", "b 22 c 33"]),
        (60, 1, ["a 11 ######### b 22 c 33 d 44 e 55"]),
    ],
)
def test_what_matters_most_comes_first_and_a_line_of_its_own_only_where_there_is_room(
    width: int, height: int, expected: list[str]
) -> None:
    assert [flat(line) for line in flow([FIRST, SECOND, THIRD], width, height, essential=2)] == expected


def test_a_value_keeps_the_room_of_a_wider_one_behind_it() -> None:
    assert flat(labelled("in", "      0")) == "in 0      "


def test_a_line_that_is_too_long_says_that_it_was_cut() -> None:
    line = (("abc", Role.DIM), ("defgh", Role.TEXT))

    assert flat(clipped(line, 6)) == "abcde…"
    assert clipped(line, 8) == line
    assert short("abcdef", 4) == "abc…"


def test_a_sentence_is_broken_between_words() -> None:
    lines = wrapped("no reading for 12 s: denied: /proc/1/io", 20, Role.WARNING)

    assert [flat(line) for line in lines] == ["no reading for 12 s:", "denied: /proc/1/io"]
    assert all(length(line) <= 20 for line in lines)
