"""Histograms that merge: percentiles within their bound, whatever the course of the merging."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perftui.model.histogram import bucket_of, merged, percentile, percentiles

TIMES = st.lists(st.floats(min_value=1e-6, max_value=1e4), min_size=1, max_size=300)


@given(TIMES, st.sampled_from([0.01, 0.5, 0.95, 0.99, 0.999, 1.0]))
def test_a_percentile_is_at_most_one_percent_off(times: list[float], share: float) -> None:
    exact = sorted(times)[max(1, ceil(share * len(times) - 1e-9)) - 1]

    assert percentile(Counter(map(bucket_of, times)), share) == pytest.approx(exact, rel=0.0101)


@given(TIMES, TIMES)
def test_merged_is_as_if_it_had_been_one(first: list[float], second: list[float]) -> None:
    parts = [Counter(map(bucket_of, times)) for times in (first, second)]

    assert merged(parts) == Counter(map(bucket_of, first + second))


def test_several_percentiles_in_one_walk() -> None:
    buckets = Counter(bucket_of(n / 1000) for n in range(1, 1001))

    assert percentiles(buckets, (0.5, 0.95, 0.99)) == pytest.approx([0.5, 0.95, 0.99], rel=0.0101)
    assert percentiles(buckets, (0.5,), least=1001) == [None]


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9, 1e12])
def test_times_that_no_clock_gives_are_counted_all_the_same(seconds: float) -> None:
    assert percentile({bucket_of(seconds): 1}, 0.5) is not None


def test_nothing_has_no_percentile() -> None:
    assert percentile({}, 0.5) is None
