from __future__ import annotations

from math import nan

import pytest

from bench.impact import CHANGED_AT, WALLS, series, told
from perftui.history.impact import Change, Impact, Shift, full_blocks, shift

CHANGE = Change(CHANGED_AT, CHANGED_AT)


def measured(
    values: tuple[float, ...],
    change: Change = CHANGE,
    others: tuple[Change, ...] = (),
    walls: tuple[float, ...] = WALLS,
    alpha: float = 0.05,
) -> Shift:
    return shift(walls, values, change, others, 0.001, alpha)


def with_step(step: float, at: float, until: float = 3600.0, correlation: float = 0.5) -> tuple[float, ...]:
    calm = series(correlation, 0.1, 0.0, seed=7)
    return tuple(value * (1 + step if at <= wall < until else 1) for wall, value in zip(WALLS, calm, strict=True))


@pytest.mark.parametrize(("correlation", "sigma"), [(0.0, 0.25), (0.9, 0.25), (0.97, 0.25), (0.99, 0.15), (0.99, 0.25)])
def test_noise_alone_is_seldom_told_as_a_shift(correlation: float, sigma: float) -> None:
    assert told(correlation, sigma, 0.0, runs=40) <= 0.05


@pytest.mark.parametrize(
    ("correlation", "sigma", "step", "least"),
    [(0.0, 0.25, 0.3, 0.95), (0.5, 0.25, 0.5, 0.95), (0.9, 0.25, 1.0, 0.95), (0.99, 0.15, 1.0, 0.85)],
)
def test_a_real_step_is_told(correlation: float, sigma: float, step: float, least: float) -> None:
    assert told(correlation, sigma, step, runs=20) >= least


def test_a_clear_step_is_told_with_its_numbers() -> None:
    found = measured(with_step(0.5, CHANGED_AT))

    assert found.impact is Impact.SHIFTED
    assert found.ratio == pytest.approx(0.5, abs=0.05)
    assert found.before == pytest.approx(0.1, rel=0.1)
    assert (found.before_blocks, found.after_blocks) == (20, 20)
    assert found.placebos > 60
    assert found.turned_at == pytest.approx(CHANGED_AT, abs=15)


def test_a_fall_is_a_shift_as_well() -> None:
    found = measured(with_step(-0.5, CHANGED_AT))

    assert found.impact is Impact.SHIFTED
    assert found.ratio == pytest.approx(-0.5, abs=0.05)


@pytest.mark.parametrize(
    ("values", "impact", "why"),
    [
        (with_step(0.1, CHANGED_AT), Impact.NO_CLEAR_SHIFT, "less than 20%"),
        (with_step(1.0, CHANGED_AT, until=CHANGED_AT + 420), Impact.NO_CLEAR_SHIFT, "gone back"),
        (with_step(1.0, CHANGED_AT - 200), Impact.NO_CLEAR_SHIFT, "3 min before the change"),
        (with_step(1.0, CHANGED_AT + 320), Impact.NO_CLEAR_SHIFT, "after the change"),
        (tuple(nan if wall > CHANGED_AT + 100 else 0.1 for wall in WALLS), Impact.UNKNOWN, "after it are known"),
        (tuple(nan if wall < CHANGED_AT - 100 else 0.1 for wall in WALLS), Impact.UNKNOWN, "before it are known"),
        (tuple(0.0 for _ in WALLS), Impact.NO_CLEAR_SHIFT, "less than 20%"),
        ((), Impact.UNKNOWN, "0 min"),
    ],
)
def test_what_is_no_shift_says_why(values: tuple[float, ...], impact: Impact, why: str) -> None:
    found = measured(values, walls=WALLS[: len(values)])

    assert found.impact is impact
    assert why in found.why


def test_a_step_that_was_seen_before_without_a_change_is_noise() -> None:
    swings = tuple(0.1 if wall % 1400 < 700 else 0.2 for wall in WALLS)

    found = measured(swings, Change(2800, 2800))

    assert found.impact is not Impact.SHIFTED


def test_too_few_earlier_moments_are_told() -> None:
    late = 1500
    values = with_step(1.0, late)[:2100]

    found = measured(values, Change(late, late), walls=WALLS[:2100], alpha=0.05)

    assert found.placebos < 40
    assert found.weak
    assert measured(values, Change(late, late), walls=WALLS[:2100], alpha=0.01).impact is Impact.UNKNOWN


@pytest.mark.parametrize("known_before_s", [1740, 2400, 3600])
def test_what_was_told_stays_told_while_the_hour_that_is_kept_moves_on(known_before_s: int) -> None:
    changed_at = known_before_s
    walls = tuple(float(wall) for wall in range(changed_at + 3300))
    values = tuple(0.1 + 0.001 * (wall * 7 % 13) + (0.1 if wall >= changed_at else 0.0) for wall in walls)

    seen = [
        measured(values[begin:end], Change(changed_at, changed_at), walls=walls[begin:end], alpha=0.025).impact
        for end in range(changed_at + 330, changed_at + 3300, 30)
        for begin in (max(0, end - 3600),)
    ]

    assert set(seen) == {Impact.SHIFTED}


def test_moments_around_another_change_are_not_compared_with() -> None:
    values = with_step(1.0, CHANGED_AT)
    alone, beside = measured(values), measured(values, others=(Change(1500, 1510),))

    assert beside.placebos < alone.placebos
    assert measured(values, others=(Change(CHANGED_AT + 200, CHANGED_AT + 210),)).why.startswith("something else")


def test_the_answer_stands_still_until_another_block_is_full() -> None:
    values = with_step(0.5, CHANGED_AT)
    cuts = [full_blocks(WALLS[:end], values[:end], CHANGED_AT) for end in range(3510, 3560)]

    assert len(set(cuts)) == 2
    assert cuts[0][0][-1] == 3499
