"""Counts of times in buckets that grow by 2 %: histograms that merge by adding, where percentiles can't be averaged.

A percentile is told as the middle of its bucket, so it is at most 1 % off, whatever its size (docs/decisions/014).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from math import ceil, floor, log

Buckets = dict[int, int]
"""How many times fell into each bucket; bucket 0 begins at 1 s, bucket -1 at 0.98 s."""

GROWTH = 1.02
SCALE = 1 / log(GROWTH)
SHORTEST_S = 1e-6
"""What is shorter, or no time at all, is counted as this."""
LONGEST_S = 1e6


def bucket_of(seconds: float) -> int:
    """The bucket that a time falls into."""
    return floor(log(min(max(seconds, SHORTEST_S), LONGEST_S)) * SCALE)


def buckets_of(times_s: Collection[float]) -> Buckets:
    """How many of these times fell into each bucket."""
    if times_s and (min(times_s) < SHORTEST_S or max(times_s) > LONGEST_S):
        times_s = [min(max(time_s, SHORTEST_S), LONGEST_S) for time_s in times_s]
    return dict(Counter([floor(log(time_s) * SCALE) for time_s in times_s]))


def middle(bucket: int) -> float:
    """The time that stands for all of a bucket, in seconds."""
    return float(GROWTH ** (bucket + 0.5))


def merged(parts: Iterable[Mapping[int, int]]) -> Buckets:
    """All of them as one."""
    whole: Buckets = {}
    known = whole.get
    for part in parts:
        for bucket, count in part.items():
            whole[bucket] = known(bucket, 0) + count
    return whole


def mean(buckets: Mapping[int, int]) -> float | None:
    """In seconds; None of no times."""
    count = sum(buckets.values())
    return sum(middle(bucket) * times for bucket, times in buckets.items()) / count if count else None


def percentile(buckets: Mapping[int, int], share: float, least: int = 1) -> float | None:
    """The nearest-rank percentile in seconds; None with fewer than `least` times."""
    (found,) = percentiles(buckets, (share,), least)
    return found


def percentiles(buckets: Mapping[int, int], shares: Iterable[float], least: int = 1) -> list[float | None]:
    """One for each share, which are in ascending order."""
    count = sum(buckets.values())
    found: list[float | None] = []
    walk = iter(sorted(buckets.items()))
    bucket, reached = 0, 0
    for share in shares:
        rank = max(1, ceil(share * count - 1e-9))
        while reached < min(rank, count):
            bucket, here = next(walk)
            reached += here
        found.append(middle(bucket) if count >= max(1, least) else None)
    return found
