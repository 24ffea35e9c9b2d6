from __future__ import annotations

import pytest

from perftui.tui.widths import all_narrow, cells, first_cells


@pytest.mark.parametrize(
    ("words", "size"),
    [("busy", 4), ("▁▂█│", 4), ("日本", 4), ("cafe\u0301", 4), ("❤\ufe0f", 1), ("e\u0301日", 3), ("", 0)],
)
def test_counts_each_character_for_itself(words: str, size: int) -> None:
    assert cells(words) == size


def test_equal_lengths_by_accident_are_not_narrow() -> None:
    assert not all_narrow("e\u0301日")


@pytest.mark.parametrize(("width", "kept"), [(0, ""), (1, " "), (2, "日"), (3, "日 "), (4, "日本")])
def test_cuts_at_the_cell(width: int, kept: str) -> None:
    assert first_cells("日本", width) == kept
