"""A line through days, when it crosses what, and when nothing is said."""

from __future__ import annotations

import random

import pytest

from perftui.history.forecast import DAY_S, TRIGGERS, TooLittle, forecast, week_trend

BEGIN = 1_767_225_600.0
"""2026-01-01."""


def days(count: int, start: float, per_day: float, noise: float = 0.0, seed: int = 1) -> list[tuple[float, float]]:
    chance = random.Random(seed)
    return [(BEGIN + day * DAY_S, start + per_day * day + chance.gauss(0, noise)) for day in range(count)]


def test_a_line_is_followed() -> None:
    told = forecast(days(60, 0.5, 0.005), TRIGGERS["storage"])

    assert (told.days, told.grows) == (60, True)
    assert told.per_day == pytest.approx(0.005)
    assert told.predicted == pytest.approx(0.5 + 0.005 * 89)
    assert told.recommended == pytest.approx(told.predicted * 1.3)
    assert [(each.limit, each.reached) for each in told.crossings] == [(0.80, False), (0.85, False), (0.90, False)]
    assert [round((each.at - told.last_at) / DAY_S) for each in told.crossings if each.at] == [1, 11, 21]


def test_the_interval_holds_what_comes() -> None:
    """95 of 100 within it: of 200 courses the value in 30 days."""
    inside = 0
    for seed in range(200):
        told = forecast(days(60, 0.5, 0.002, 0.02, seed))
        later = 0.5 + 0.002 * 89 + random.Random(1000 + seed).gauss(0, 0.02)
        inside += told.low <= later <= told.high

    assert 182 <= inside <= 199


def test_noise_alone_gives_no_date() -> None:
    told = forecast(days(40, 0.7, 0.0, 0.05, seed=3), [(0.8, "alert"), (0.6, "passed")])

    assert not told.grows
    assert [(each.reached, each.at, each.earliest_at) for each in told.crossings] == [
        (False, None, None),
        (True, None, None),
    ]


def test_what_lies_beyond_a_year_has_no_date() -> None:
    (crossing,) = forecast(days(60, 0.1, 0.0005, 0.0001), [(0.9, "alert")]).crossings

    assert (crossing.at, crossing.earliest_at) == (None, None)


def test_hours_are_averaged_by_day() -> None:
    hours = [(BEGIN + hour * 3600.0, float(hour % 24)) for hour in range(24 * 31)]

    assert {value for _, value in forecast(hours).course} == {11.5}


@pytest.mark.parametrize("count", [0, 1, 29])
def test_it_refuses_to_guess(count: int) -> None:
    with pytest.raises(TooLittle, match=f"{count} daily points; a line needs at least 30"):
        forecast(days(count, 0.5, 0.01))


def hours(values: list[float]) -> list[tuple[float, float]]:
    return [(BEGIN + hour * 3600.0, value) for hour, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "ratio", "degraded"),
    [
        ([0.1] * 24 + [0.13] * 24, 0.3, True),
        ([0.1] * 100 + [0.119] * 24, 0.19, False),
        ([9.0] * 24 + [0.1] * 144 + [0.11] * 24, 0.1, False),
        ([0.0] * 24 + [1.0] * 24, None, False),
    ],
    ids=["degraded", "within", "only 7 days", "from nothing"],
)
def test_first_against_last_day_of_a_week(values: list[float], ratio: float | None, degraded: bool) -> None:
    told = week_trend(hours(values))

    assert told.ratio == (None if ratio is None else pytest.approx(ratio))
    assert told.degraded is degraded


def test_a_trend_needs_two_days() -> None:
    with pytest.raises(TooLittle, match="47 hourly points"):
        week_trend(hours([0.1] * 47))
    with pytest.raises(TooLittle):
        week_trend([])
