"""Percentiles of a whole load test from the samples of its tape."""

from __future__ import annotations

import pytest

from perftui.history.load_whole import LoadWhole
from perftui.model.frame import Frame
from perftui.model.histogram import Buckets, bucket_of, merged
from perftui.sources.load import LoadSample
from tests.loads import STARTED_AT


def whole(latencies: list[list[float]], jitter: float = 0.0) -> dict[str, float]:
    """Of the results that ended in each second, sampled as the feed does."""
    told = LoadWhole()
    counts: list[Buckets] = []
    total = 0
    for second, times in enumerate(latencies):
        counts.append(merged({bucket_of(each): 1} for each in times))
        total += len(times)
        mono = second + (jitter if second % 2 else -jitter)
        sample = LoadSample(
            mono=mono, tool="k6", feed="f", results_total=total, failures_total=total // 10, window=merged(counts[-10:])
        )
        told.take(Frame(seq=second, at=mono, mono=mono, samples={"load": sample}))
    return told.values()


@pytest.mark.parametrize("jitter", [0.0, 0.1])
def test_each_result_counts_once(jitter: float) -> None:
    course: list[list[float]] = [[]] + [[0.1] * 10] * 30 + [[1.0] * 10] * 10
    told = whole(course, jitter)

    assert told["load.results_total"] == 400
    assert told["load.error_ratio"] == pytest.approx(0.1)
    assert told["load.p50_s"] == pytest.approx(0.1, rel=0.0101)
    assert told["load.p95_s"] == pytest.approx(1.0, rel=0.0101)
    assert whole([*course[:31], *[[1.0]] * 10])["load.p95_s"] == pytest.approx(0.1, rel=0.0101)


def test_a_watch_of_less_than_a_window_counts_as_well() -> None:
    told = whole([[], [0.2] * 50, [0.2] * 50])

    assert told["load.p99_s"] == pytest.approx(0.2, rel=0.0101)


def test_without_a_load_test_nothing_is_told() -> None:
    assert LoadWhole().values() == {}
    assert "load.p95_s" not in whole([[], [0.1] * 5])


def test_what_ended_is_counted_on_when_the_watch_begins_anew() -> None:
    told = LoadWhole()
    totals = [100, 160, 220, 5, 45]
    for second, total in enumerate(totals):
        mono = float(second) if total > 50 else second - 3.0
        sample = LoadSample(mono=mono, tool="k6", feed="f", results_total=total, failures_total=total // 5)
        told.take(Frame(seq=second, at=STARTED_AT + second, mono=mono, samples={"load": sample}))

    assert told.values()["load.results_total"] == 120 + 45
    assert told.values()["load.error_ratio"] == pytest.approx(0.2)
