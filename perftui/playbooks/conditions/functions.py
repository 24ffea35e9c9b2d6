"""The functions of conditions: a closed list. Each looks at one reading's course; None where that is not known."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import isnan, sqrt
from typing import Any

import msgspec

from perftui.history.growth import growth
from perftui.history.history import History

SAME, PER_SECOND = "same", "per second"
"""What a result is measured in: as its reading, or as its reading a second."""


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """One function. `takes` names its arguments: reading, window, number, value."""

    takes: tuple[str, ...]
    unit: str
    """SAME, PER_SECOND or a unit; empty for a bare number."""
    example: str
    text: str
    over: Callable[..., float | None] | None = None
    """(history, reading, further arguments) → value; None for those that `evaluate` knows itself."""


def _known(history: History, reading: str, seconds: float) -> list[float]:
    return history.window(reading, seconds).values


def _course(history: History, reading: str, seconds: float) -> list[tuple[float, float]]:
    """(monotonic clock, value) of what is known, oldest first."""
    _, monos, values = history.spread(reading, seconds, 1 << 30)
    return [(mono, value) for mono, value in zip(monos, values, strict=True) if not isnan(value)]


def _average(history: History, reading: str, seconds: float) -> float | None:
    return history.window(reading, seconds).mean


def _lowest(history: History, reading: str, seconds: float) -> float | None:
    return min(_known(history, reading, seconds), default=None)


def _highest(history: History, reading: str, seconds: float) -> float | None:
    return history.window(reading, seconds).highest


def _last(history: History, reading: str, seconds: float) -> float | None:
    values = _known(history, reading, seconds)
    return values[-1] if values else None


def _percentile(history: History, reading: str, percent: float, seconds: float) -> float | None:
    """Nearest rank: a value that was measured."""
    values = sorted(_known(history, reading, seconds))
    if not values:
        return None
    return values[min(len(values) - 1, max(0, -int(-len(values) * percent // 100) - 1))]


def _delta(history: History, reading: str, seconds: float) -> float | None:
    values = _known(history, reading, seconds)
    return values[-1] - values[0] if len(values) > 1 else None


def _rate(history: History, reading: str, seconds: float) -> float | None:
    """Growth of a counter; a step down is a reset, after which it counts from 0."""
    course = _course(history, reading, seconds)
    if len(course) < 2:
        return None
    grown = sum(after - before if after >= before else after for (_, before), (_, after) in pairwise(course))
    return grown / (course[-1][0] - course[0][0])


def _slope(history: History, reading: str, seconds: float) -> float | None:
    """Least squares over all known values, so that one outlier at an end decides nothing."""
    course = _course(history, reading, seconds)
    if len(course) < 2:
        return None
    mid_x, mid_y = (sum(point[axis] for point in course) / len(course) for axis in (0, 1))
    spread = sum((x - mid_x) ** 2 for x, _ in course)
    return sum((x - mid_x) * (y - mid_y) for x, y in course) / spread


def _variation(history: History, reading: str, seconds: float) -> float | None:
    values = _known(history, reading, seconds)
    mean = sum(values) / len(values) if values else 0.0
    if len(values) < 2 or mean == 0:
        return None
    return 100 * sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1)) / abs(mean)


def _count(history: History, reading: str, seconds: float) -> float | None:
    return float(len(_known(history, reading, seconds)))


def _ago(history: History, reading: str, seconds: float) -> float | None:
    """The value of the tick nearest to that moment, at most two intervals away from it."""
    _, monos, values = history.spread(reading, seconds + 2 * max(1.0, history.interval_s), 1 << 30)
    then = history.mono - seconds
    near = [(abs(mono - then), value) for mono, value in zip(monos, values, strict=True) if not isnan(value)]
    distance, value = min(near, default=(float("inf"), 0.0))
    return value if distance <= 2 * max(1.0, history.interval_s) else None


def _growth_pct(history: History, reading: str, seconds: float) -> float | None:
    """Second half against first half, at least 10 measurements (S002 35.3.4)."""
    ratio = growth(_known(history, reading, seconds)).ratio
    return None if ratio is None else 100 * ratio


def _windowed(over: Callable[[History, str, float], float | None], unit: str, name: str, text: str) -> Function:
    return Function(
        takes=("reading", "window"), unit=unit, example=f"{name}(host.cpu.busy_ratio, '5m')", text=text, over=over
    )


FUNCTIONS: dict[str, Function] = {
    "avg": _windowed(_average, SAME, "avg", "mean of the known values"),
    "min": _windowed(_lowest, SAME, "min", "the lowest known value"),
    "max": _windowed(_highest, SAME, "max", "the highest known value"),
    "last": _windowed(_last, SAME, "last", "the newest known value, even where it is not known now"),
    "p": Function(
        takes=("reading", "number", "window"),
        unit=SAME,
        example="p(probe.total_s, 95, '5m')",
        text="percentile, nearest rank",
        over=_percentile,
    ),
    "rate": _windowed(_rate, PER_SECOND, "rate", "growth of a counter a second, across its resets"),
    "delta": _windowed(_delta, SAME, "delta", "newest minus oldest known value"),
    "slope": _windowed(_slope, PER_SECOND, "slope", "change a second, by least squares"),
    "cv_pct": _windowed(_variation, "percent", "cv_pct", "standard deviation in percent of the mean (S002: 10, 30)"),
    "count": _windowed(_count, "count", "count", "how many values are known"),
    "ago": _windowed(_ago, SAME, "ago", "the value so long ago"),
    "growth_pct": _windowed(
        _growth_pct, "percent", "growth_pct", "second half against first half, in percent (S002: 5, 10, 20)"
    ),
    "absent": Function(
        takes=("reading",),
        unit="yes/no",
        example="absent(probe.p95_s)",
        text="it is not known now; never unknown itself",
    ),
    "baseline": Function(
        takes=("reading",), unit=SAME, example="baseline(probe.p95_s)", text="its mean in the baseline that is loaded"
    ),
    "ratio": Function(
        takes=("reading",), unit="", example="ratio(probe.p95_s) > 1.2", text="its value now by its baseline"
    ),
    "deploys": Function(
        takes=("window",), unit="count", example="deploys('30m') > 0", text="how many deploys there were"
    ),
    "abs": Function(takes=("value",), unit=SAME, example="abs(delta(host.load.avg1, '5m'))", text="without its sign"),
    "round": Function(takes=("value",), unit=SAME, example="round(host.load.avg1)", text="to the nearest whole number"),
}


def call(function: Function, history: History, arguments: list[Any]) -> float | None:
    """A function of one reading's course."""
    assert function.over is not None
    return function.over(history, *arguments)
