"""A load test as a whole: percentiles of all its results, merged from samples that do not overlap.

Of the last seconds, which fill no window, nothing is told.
"""

from __future__ import annotations

from perftui.model.frame import Frame
from perftui.model.histogram import Buckets, merged, percentiles
from perftui.sources.load import EARLY_S, MIN_FOR_P95, MIN_FOR_P99, NAME, WINDOW_S, LoadSample


class LoadWhole:
    """Takes the frames of a tape in their order."""

    def __init__(self) -> None:
        self._buckets: Buckets = {}
        self._newest: LoadSample | None = None
        self._first: LoadSample | None = None
        self._merged_at = float("-inf")

    def take(self, frame: Frame) -> None:
        sample = frame.samples.get(NAME)
        if not isinstance(sample, LoadSample):
            return
        self._first = self._first or sample
        if sample.mono - self._merged_at >= WINDOW_S - EARLY_S:
            self._merge(sample)
        self._newest = sample

    def values(self) -> dict[str, float]:
        """`load.*` of the whole; only what is known, and nothing of a tool that tells its own percentiles."""
        newest, first = self._newest, self._first
        if newest is None or first is None:
            return {}
        requests = newest.results_total - first.results_total
        told: dict[str, float] = {}
        if requests > 0:
            told["load.error_ratio"] = (newest.failures_total - first.failures_total) / requests
            told["load.results_total"] = float(requests)
        if not self._buckets:  # watched for less than one window
            self._merge(newest)
        count = sum(self._buckets.values())
        p50, p95, p99 = percentiles(self._buckets, (0.5, 0.95, 0.99))
        for name, value, least in (("p50", p50, 1), ("p95", p95, MIN_FOR_P95), ("p99", p99, MIN_FOR_P99)):
            if value is not None and count >= least:
                told[f"load.{name}_s"] = value
        return told

    def _merge(self, sample: LoadSample) -> None:
        self._buckets = merged((self._buckets, sample.window))
        self._merged_at = sample.mono
