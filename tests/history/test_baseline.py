"""A baseline's window, and what stands out beside it."""

from __future__ import annotations

import random
from math import nan

import pytest

from perftui.history.baseline import Course, Difference, compare, course, problems


def seconds(count: int, mean: float, noise: float, seed: int = 1) -> list[tuple[float, float]]:
    chance = random.Random(seed)
    return [(float(second), max(0.0, chance.gauss(mean, noise))) for second in range(count)]


def of(mean: float, noise: float = 0.02, seed: int = 1, count: int = 1800) -> Course:
    made = course(seconds(count, mean, noise, seed))
    assert made is not None
    return made


def test_a_course_is_the_means_of_half_minutes() -> None:
    made = course([(float(second), nan if second < 30 else float(second // 30)) for second in range(120)])

    assert made is not None
    assert (made.means, made.mean, made.median, made.p95) == ([1.0, 2.0, 3.0], 2.0, 2.0, 3.0)
    assert course([]) is None
    assert course([(0.0, nan)]) is None


@pytest.mark.parametrize(
    ("span_s", "courses", "deploys", "incidents", "words"),
    [
        (1800, {"load.p95_s": of(0.2)}, [], [], []),
        (1771, {}, [], [], []),
        (600, {}, [], [], ["it is 10 min long; at least 30"]),
        (1800, {"load.requests_per_s": of(100, 500)}, [], [], []),
        (1800, {"host.cpu.iowait_ratio": of(0.01, 0.5)}, [], [], []),
        (1800, {}, ["orders 2.8"], ["CPU is full"], ["orders 2.8 was deployed within it", "CPU is full within it"]),
    ],
)
def test_only_a_window_that_is_worth_it_counts(
    span_s: float, courses: dict[str, Course], deploys: list[str], incidents: list[str], words: list[str]
) -> None:
    assert problems(span_s, courses, deploys, incidents) == words


def test_what_is_to_be_steady_must_be() -> None:
    swings = course([(float(second), 1.0 if second < 900 else 4.0) for second in range(1800)])
    assert swings is not None

    (problem,) = problems(1800, {"load.p95_s": swings}, [], [])
    assert problem == "load.p95_s varies by 61% (CV); less than 30%"


def only(before: Course, now: Course, reading: str = "load.p95_s") -> Difference:
    (found,) = compare({reading: before, "gone": before}, {reading: now, "new": now})
    return found


def test_a_regression_is_told_with_its_interval() -> None:
    found = only(of(0.2), of(0.26, seed=2))

    assert found.moved and found.regressed
    assert found.low is not None and found.high is not None
    assert found.low < (found.ratio or 0) < found.high
    assert found.ratio == pytest.approx(1.3, abs=0.03)


@pytest.mark.parametrize(
    ("now", "reading", "moved"),
    [
        (of(0.2, seed=2), "load.p95_s", False),
        (of(0.22, seed=2), "load.p95_s", True),
        (of(0.1, seed=2), "load.p95_s", True),
        (of(0.3, seed=2), "load.requests_per_s", True),
        (of(0.3, seed=2, count=200), "load.p95_s", False),
    ],
    ids=["the same", "10 % is no regression", "faster", "a rate may rise", "too little"],
)
def test_what_is_no_regression(now: Course, reading: str, moved: bool) -> None:
    found = only(of(0.2), now, reading)

    assert (found.moved, found.regressed) == (moved, False)


def test_the_same_again_rarely_seems_moved() -> None:
    """At 95 %, of forty pairs that differ by chance alone about two."""
    moved = sum(only(of(0.2, 0.05, seed), of(0.2, 0.05, 100 + seed)).moved for seed in range(40))

    assert moved <= 7


def test_from_nothing_there_is_no_ratio() -> None:
    found = only(of(0.0, 0.0), of(0.1), "load.error_ratio")

    assert (found.ratio, found.low, found.p95_ratio) == (None, None, None)
