from __future__ import annotations

import pytest

from perftui.sources.counters import delta, per_second, share


@pytest.mark.parametrize(
    ("previous", "current", "grown"),
    [(1, 3, 2), (3, 3, 0), (3, 1, None), (None, 1, None), (1, None, None)],
    ids=["grew", "stood still", "reset", "new", "gone"],
)
def test_a_counter_that_is_missing_or_went_back_has_no_growth(
    previous: float | None, current: float | None, grown: float | None
) -> None:
    assert delta(previous, current) == grown
    assert per_second(previous, current, 2.0) == (None if grown is None else grown / 2)


@pytest.mark.parametrize("elapsed_s", [0.0, -1.0])
def test_no_time_no_rate(elapsed_s: float) -> None:
    assert per_second(1, 3, elapsed_s) is None


def test_no_whole_no_share() -> None:
    assert share(1, 4) == 0.25
    assert share(0, 0) is None
    assert share(None, 4) is None
