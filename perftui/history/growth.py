"""Growth by the halves rule: the mean of the second half of the measurements against the mean of the first.

Seed S002 §35.3.4 gives 5 % and 20 % in its code and 10 % in its summary, and at least 10 measurements; all three bands are
kept. Ours: growth that has come to a plateau is no leak, so the last quarter must still rise.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

MIN_MEASUREMENTS = 10


class GrowthState(StrEnum):
    STABLE = "stable"
    SUSPECT = "suspect"
    """More than 5 %."""
    LIKELY = "likely"
    """More than 10 %."""
    LEAK = "leak"
    """More than 20 %."""
    INSUFFICIENT_DATA = "insufficient_data"


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    state: GrowthState
    ratio: float | None
    """(mean of second half - mean of first half) / mean of first half."""
    rising: bool = False
    """The last quarter's mean is above the quarter before it by its share of the growth: no plateau."""


def growth(values: Sequence[float], min_measurements: int = MIN_MEASUREMENTS) -> Growth:
    """Classify measurements taken at even steps, oldest first, none of them unknown."""
    count = len(values)
    if count < min_measurements:
        return Growth(state=GrowthState.INSUFFICIENT_DATA, ratio=None)
    half, quarter = count // 2, count // 4
    first, second = _mean(values[:half]), _mean(values[half:])
    if first <= 0:
        return Growth(state=GrowthState.INSUFFICIENT_DATA, ratio=None)
    ratio = (second - first) / first
    last, before = _mean(values[-quarter:]), _mean(values[-2 * quarter : -quarter])
    # On a straight line the quarters differ by half of what the halves differ by; a fifth of that still counts as rising.
    rising = last - before > (second - first) * 0.1 and last > before
    return Growth(state=_band(ratio) if rising else GrowthState.STABLE, ratio=ratio, rising=rising)


def _band(ratio: float) -> GrowthState:
    if ratio > 0.20:
        return GrowthState.LEAK
    if ratio > 0.10:
        return GrowthState.LIKELY
    return GrowthState.SUSPECT if ratio > 0.05 else GrowthState.STABLE


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
