"""What was normal, kept to compare with: only from a window that is worth it.

Values are looked at as means of 30 s: neighbouring seconds are much alike, so that they would promise a certainty they don't
have. How sure a difference is comes from a moving-block bootstrap of those means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from random import Random

import msgspec

from perftui.history.history import History
from perftui.history.percentiles import percentile, variation
from perftui.sources.pg_activity import PgActivityPart

BLOCK_S = 30.0
MIN_S = 1800.0
"""PLAYBOOKS baseline-establish: at least 30 minutes at 1 s."""
MIN_MEANS = 10
"""On either side; with fewer there is no interval."""
MOST_CV = 0.3
"""S002 35.4: above it the variance is high."""
REGRESSION = 0.2
"""S002 35.4.1: a P95 above +20 %."""
WORTH_TELLING = 0.001
"""Where there was nothing no share can be told of it: above 0.1 % of errors (S003, tier 1), or 1 ms (ours), it regressed."""
READINGS = (
    "load.p50_s",
    "load.p95_s",
    "load.p99_s",
    "load.error_ratio",
    "load.requests_per_s",
    "load.users",
    "probe.total_s",
    "probe.error_ratio",
    "postgres.transactions_per_s",
    "postgres.statements.slowest_mean_s",
    "postgres.cache_hit_ratio",
    "postgres.connections.active",
    "pool.utilization_ratio",
    "pool.wait_s",
    "host.cpu.busy_ratio",
    "host.cpu.iowait_ratio",
    "host.memory.used_ratio",
)
"""What is kept of a window, where it is measured."""
_STEADY = ("load.requests_per_s", "load.p95_s", "probe.total_s", "probe.p95_s", "postgres.transactions_per_s")
"""What has to be steady in a window that counts as normal."""
_DRAWS, _TOGETHER = 400, 4


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """One reading over the window."""

    means: list[float]
    """Of each 30 s, oldest first; those that were not known are left out."""
    mean: float
    median: float
    p95: float
    cv_ratio: float | None


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """A window with what it was like."""

    name: str
    first_at: float
    last_at: float
    host: str
    system: str
    cores: int
    program: str
    """Version of perftui."""
    postgres: str | None = None
    """Version of the server that was watched; null where none was."""
    courses: dict[str, Course]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One reading now beside the baseline."""

    reading: str
    before: Course
    now: Course
    ratio: float | None
    """Median now over median then; None where that was 0."""
    low: float | None
    high: float | None
    """Ends of its 95 % interval; None with fewer than ten means on either side."""
    p95_ratio: float | None
    moved: bool
    """The interval leaves out 1; of what was 0 then, that it no longer is."""
    regressed: bool
    """A time or a share of errors whose P95 is above +20 %, and which moved up."""


def course(points: Sequence[tuple[float, float]]) -> Course | None:
    """Of (clock, value) of each tick, NaN where not known; None where nothing is."""
    blocks: dict[int, list[float]] = {}
    for at, value in points:
        if not isnan(value):
            blocks.setdefault(int((at - points[0][0]) // BLOCK_S), []).append(value)
    means = [sum(values) / len(values) for _, values in sorted(blocks.items())]
    if not means:
        return None
    ordered = sorted(means)
    return Course(
        means=means,
        mean=sum(means) / len(means),
        median=percentile(ordered, 0.5) or 0.0,
        p95=percentile(ordered, 0.95) or 0.0,
        cv_ratio=variation(means),
    )


def window_course(history: History, reading: str, seconds: float) -> Course | None:
    """Of the last so many seconds."""
    _, monos, values = history.spread(reading, seconds, 1 << 30)
    return course(list(zip(monos, values, strict=True)))


def problems(
    span_s: float, courses: Mapping[str, Course], deploys: Sequence[str], incidents: Sequence[str]
) -> list[str]:
    """Why a window is no baseline; none where it is one.

    Args:
        deploys: what was changed within it.
        incidents: critical findings within it.
    """
    found = []
    if span_s < MIN_S - BLOCK_S:
        found.append(f"it is {span_s / 60:.0f} min long; at least {MIN_S / 60:.0f}")
    for reading in _STEADY:
        known = courses.get(reading)
        if known is not None and known.cv_ratio is not None and known.cv_ratio >= MOST_CV:
            found.append(f"{reading} varies by {known.cv_ratio:.0%} (CV); less than {MOST_CV:.0%}")
    found += [f"{deploy} was deployed within it" for deploy in deploys]
    found += [f"{incident} within it" for incident in incidents]
    return found


def compare(baseline: Mapping[str, Course], now: Mapping[str, Course]) -> list[Difference]:
    """What both know, in the baseline's order."""
    return [_difference(reading, before, now[reading]) for reading, before in baseline.items() if reading in now]


def _difference(reading: str, before: Course, now: Course) -> Difference:
    ratio = now.median / before.median if before.median else None
    low, high = _interval(before.means, now.means) if ratio is not None else (None, None)
    p95 = now.p95 / before.p95 if before.p95 else None
    if ratio is None:
        moved = grew = _out_of_nothing(before, now)
    else:
        moved = low is not None and high is not None and not low <= 1 <= high
        grew = moved and ratio > 1
    limit = before.p95 * (1 + REGRESSION)
    return Difference(
        reading=reading,
        before=before,
        now=now,
        ratio=ratio,
        low=low,
        high=high,
        p95_ratio=p95,
        moved=moved,
        regressed=worse_up(reading) and grew and now.p95 > max(WORTH_TELLING if ratio is None else 0.0, limit),
    )


def _out_of_nothing(before: Course, now: Course) -> bool:
    """Mostly 0 then, and now mostly not: at least three quarters of the means are above most of those of then."""
    if min(len(before.means), len(now.means)) < MIN_MEANS:
        return False
    return (percentile(sorted(now.means), 0.25) or 0.0) > before.p95


def worse_up(reading: str) -> bool:
    """Whether more of it is worse: a time, or a share of errors."""
    return reading.endswith(("_s", "error_ratio")) and not reading.endswith("_per_s")


def _interval(before: Sequence[float], now: Sequence[float]) -> tuple[float | None, float | None]:
    """Of the ratio of medians, by drawing runs of four neighbours again and again; the same for the same values."""
    if min(len(before), len(now)) < MIN_MEANS:
        return None, None
    chance = Random(1)
    ratios = []
    for _ in range(_DRAWS):
        bottom = _drawn_median(before, chance)
        if bottom > 0:
            ratios.append(_drawn_median(now, chance) / bottom)
    ratios.sort()
    return percentile(ratios, 0.025), percentile(ratios, 0.975)


def _drawn_median(values: Sequence[float], chance: Random) -> float:
    drawn: list[float] = []
    while len(drawn) < len(values):
        start = chance.randrange(len(values) - _TOGETHER + 1)
        drawn += values[start : start + _TOGETHER]
    return sorted(drawn[: len(values)])[len(values) // 2]


def server_version(history: History) -> str | None:
    """Of the Postgres that is watched; None where none is known."""
    part = history.known(PgActivityPart)
    return part.version if part is not None else None
