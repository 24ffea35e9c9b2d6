"""When a resource runs out: a straight line through daily means, with its interval; and whether a week shows a trend.

S001: at least 30 daily points, 30 days ahead, x 1.3; trend over 7 days of hourly points, first against last 24, +20 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import msgspec

DAY_S = 86400.0
MIN_DAYS = 30
AHEAD_DAYS = 30
BUFFER = 1.3
"""S001: what is recommended has so much room above what is predicted."""
HORIZON_DAYS = 365
"""Ours: a line through a quarter tells nothing of what is beyond a year."""
TREND_POINTS = 48
"""With fewer the first and the last 24 points would be the same ones in part."""
TREND_RATIO = 0.2
TRIGGERS: dict[str, tuple[tuple[float, str], ...]] = {
    "storage": ((0.80, "alert"), (0.85, "expand"), (0.90, "emergency")),
    "cpu": ((0.70, "add a node"),),
    "memory": ((0.75, "alert"), (0.85, "expand")),
    "bandwidth": ((0.75, "alert"), (0.85, "expand"), (0.90, "emergency")),
    "database-cpu": ((0.70, "read replica"),),
    "database-iops": ((0.80, "resize"),),
}
"""S003 scaling triggers, as shares of what there is."""

Points = Sequence[tuple[float, float]]
"""(wall clock, value), oldest first."""


class TooLittle(Exception):
    """There is not enough data to say anything; the text says what is lacking."""


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """When the line reaches a limit."""

    limit: float
    action: str
    reached: bool
    """The line is at or above it at the last day already."""
    at: float | None
    """Wall clock; None where the line does not reach it within a year, or there is no growth that can be told from chance."""
    earliest_at: float | None
    """When the upper end of the interval reaches it."""


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    days: int
    """Daily points the line was put through."""
    first_at: float
    last_at: float
    mean: float
    now: float
    """The line at the last day."""
    per_day: float
    per_day_low: float
    per_day_high: float
    """Ends of the slope's 95 % interval."""
    grows: bool
    """Whether that interval lies above 0."""
    fit_ratio: float
    """R²: how much of what the values do the line tells."""
    ahead_days: int
    predicted: float
    low: float
    high: float
    """Ends of the 95 % interval for one day's value then."""
    recommended: float
    """1.3 times what is predicted."""
    crossings: list[Crossing]
    course: list[tuple[float, float]]
    """The daily points."""


class WeekTrend(msgspec.Struct, frozen=True, kw_only=True):
    points: int
    first_mean: float
    """Of the first 24 hourly points."""
    last_mean: float
    ratio: float | None
    """How much higher the last 24 are; None where the first are 0."""
    degraded: bool
    """Above +20 %."""


def daily(points: Points) -> list[tuple[float, float]]:
    """The mean of each UTC day, at its noon; the days at both ends may be parts of one."""
    return _means(points, DAY_S)


def _means(points: Points, step_s: float) -> list[tuple[float, float]]:
    days: dict[int, list[float]] = {}
    for at, value in points:
        days.setdefault(int(at // step_s), []).append(value)
    return [((day + 0.5) * step_s, sum(days[day]) / len(days[day])) for day in sorted(days)]


def forecast(
    points: Points, limits: Sequence[tuple[float, str]] = (), ahead_days: int = AHEAD_DAYS, buffer: float = BUFFER
) -> Forecast:
    """A line through the daily means.

    Raises:
        TooLittle: fewer than 30 days.
    """
    course = daily(points)
    if len(course) < MIN_DAYS:
        raise TooLittle(f"{len(course)} daily points; a line needs at least {MIN_DAYS}")
    start = course[0][0]
    days = [(at - start) / DAY_S for at, _ in course]
    line = _Line(days, [value for _, value in course])
    last = days[-1]
    then = last + ahead_days
    spread = line.spread(then)
    grows = line.slope - line.slope_error > 0
    return Forecast(
        days=len(course),
        first_at=start,
        last_at=course[-1][0],
        mean=line.mean,
        now=line.at(last),
        per_day=line.slope,
        per_day_low=line.slope - line.slope_error,
        per_day_high=line.slope + line.slope_error,
        grows=grows,
        fit_ratio=line.fit,
        ahead_days=ahead_days,
        predicted=line.at(then),
        low=line.at(then) - spread,
        high=line.at(then) + spread,
        recommended=line.at(then) * buffer,
        crossings=[_crossing(line, limit, action, start, last, grows) for limit, action in limits],
        course=course,
    )


class _Line:
    """Least squares."""

    def __init__(self, xs: list[float], ys: list[float]) -> None:
        self.count = len(xs)
        self._middle = sum(xs) / self.count
        self.mean = sum(ys) / self.count
        self._width = sum((x - self._middle) ** 2 for x in xs)
        self.slope = sum((x - self._middle) * (y - self.mean) for x, y in zip(xs, ys, strict=True)) / self._width
        left = sum((y - self.at(x)) ** 2 for x, y in zip(xs, ys, strict=True))
        whole = sum((y - self.mean) ** 2 for y in ys)
        self.fit = 1 - left / whole if whole > 0 else 1.0
        free = self.count - 2
        # Student's t for 95 %, good to 0.5 % from 28 degrees of freedom on.
        self._t = 1.96 + 2.4 / free
        self._error = sqrt(left / free)
        self.slope_error = self._t * self._error / sqrt(self._width)

    def at(self, x: float) -> float:
        return self.mean + self.slope * (x - self._middle)

    def spread(self, x: float) -> float:
        """Half of the interval that one more value at x lies in, 95 times of 100."""
        return self._t * self._error * sqrt(1 + 1 / self.count + (x - self._middle) ** 2 / self._width)


def _crossing(line: _Line, limit: float, action: str, start: float, last: float, grows: bool) -> Crossing:
    if line.at(last) >= limit:
        return Crossing(limit=limit, action=action, reached=True, at=None, earliest_at=None)
    ahead = range(1, HORIZON_DAYS + 1)
    at = next((last + day for day in ahead if line.at(last + day) >= limit), None) if grows else None
    earliest = (
        next((last + day for day in ahead if line.at(last + day) + line.spread(last + day) >= limit), None)
        if grows
        else None
    )
    return Crossing(
        limit=limit,
        action=action,
        reached=False,
        at=None if at is None else start + at * DAY_S,
        earliest_at=None if earliest is None else start + earliest * DAY_S,
    )


def week_trend(points: Points) -> WeekTrend:
    """The first 24 hours against the last 24 of the last 7 days.

    Raises:
        TooLittle: fewer than 48 hourly points.
    """
    hourly = _means(points, 3600.0)
    hourly = [point for point in hourly if point[0] > hourly[-1][0] - 7 * DAY_S] if hourly else []
    if len(hourly) < TREND_POINTS:
        raise TooLittle(f"{len(hourly)} hourly points in 7 days; first against last 24 needs at least {TREND_POINTS}")
    first, last = (sum(value for _, value in part) / 24 for part in (hourly[:24], hourly[-24:]))
    ratio = last / first - 1 if first > 0 else None
    return WeekTrend(
        points=len(hourly),
        first_mean=first,
        last_mean=last,
        ratio=ratio,
        degraded=ratio is not None and ratio > TREND_RATIO,
    )
