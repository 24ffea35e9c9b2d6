"""Order statistics of measured times. A percentile is one of the measured values, never a mean of percentiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, sqrt

from perftui.model.histogram import middle

APDEX_TARGET_S = 0.5
"""Ours, T of Apdex where there is no SLO: answered within half a second is satisfied."""


def percentile(ordered: Sequence[float], share: float, least: int = 1) -> float | None:
    """The nearest-rank percentile of values in ascending order; None with fewer than `least` of them."""
    if len(ordered) < max(1, least):
        return None
    return ordered[max(0, ceil(share * len(ordered) - 1e-9) - 1)]


def variation(values: Sequence[float], least: int = 2) -> float | None:
    """Standard deviation over mean; None with too few values or a mean of 0."""
    if len(values) < max(2, least):
        return None
    mean = sum(values) / len(values)
    if mean <= 0:
        return None
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1)) / mean


def apdex(answered: Sequence[float], failures: int, target_s: float) -> float | None:
    """Satisfied (at most T) and half of the tolerating (at most 4 T) over all; failures are frustrated. None without any."""
    satisfied = sum(time <= target_s for time in answered)
    tolerating = sum(target_s < time <= 4 * target_s for time in answered)
    count = len(answered) + failures
    return (satisfied + tolerating / 2) / count if count else None


def apdex_of_buckets(buckets: Mapping[int, int], failures: int, target_s: float) -> float | None:
    """Apdex where the times of failures are counted among all: each of them is taken from the satisfied, at worst."""
    count = sum(buckets.values())
    satisfied = sum(times for bucket, times in buckets.items() if middle(bucket) <= target_s)
    tolerating = sum(times for bucket, times in buckets.items() if target_s < middle(bucket) <= 4 * target_s)
    return (max(0, satisfied - failures) + tolerating / 2) / count if count else None
