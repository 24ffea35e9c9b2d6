"""A load test as a whole: percentiles of all its results, merged from samples that do not overlap.

Of the last seconds, which fill no window, nothing is told.
"""

from __future__ import annotations

from perftui.history.percentiles import APDEX_TARGET_S, apdex_of_buckets
from perftui.model.frame import Frame
from perftui.model.histogram import Buckets, merged, percentiles
from perftui.sources.load import EARLY_S, MIN_FOR_P95, MIN_FOR_P99, NAME, WINDOW_S, LoadSample


class Ended:
    """Requests that ended since our watch began, with those of a tool that counts itself."""

    def __init__(self) -> None:
        self.requests = self.failures = 0
        self._before: LoadSample | None = None

    def take(self, sample: LoadSample) -> None:
        before, self._before = self._before, sample
        if before is None:
            return
        anew = sample.results_total < before.results_total  # by another watch, or another run of the tool
        self.requests += sample.results_total - (0 if anew else before.results_total)
        self.failures += sample.failures_total - (0 if anew else before.failures_total)


class LoadWhole:
    """Takes the frames of a tape in their order."""

    def __init__(self) -> None:
        self._buckets: Buckets = {}
        self._newest: LoadSample | None = None
        self._ended = Ended()
        self._merged_at = float("-inf")

    def take(self, frame: Frame) -> None:
        sample = frame.samples.get(NAME)
        if not isinstance(sample, LoadSample):
            return
        self._ended.take(sample)
        since_s = sample.mono - self._merged_at
        # It goes back where the machine was started again between two tapes.
        if since_s >= WINDOW_S - EARLY_S or since_s < 0:
            self._merge(sample)
        self._newest = sample

    def values(self, apdex_target_s: float = APDEX_TARGET_S) -> dict[str, float]:
        """`load.*` of the whole; only what is known, and no times of a tool that tells its own percentiles."""
        newest, ended = self._newest, self._ended
        if newest is None:
            return {}
        told: dict[str, float] = {}
        if ended.requests > 0:
            told["load.error_ratio"] = ended.failures / ended.requests
            told["load.results_total"] = float(ended.requests)
        if not self._buckets:  # watched for less than one window
            self._merge(newest)
        count = sum(self._buckets.values())
        p50, p95, p99 = percentiles(self._buckets, (0.5, 0.95, 0.99))
        for name, value, least in (("p50", p50, 1), ("p95", p95, MIN_FOR_P95), ("p99", p99, MIN_FOR_P99)):
            if value is not None and count >= least:
                told[f"load.{name}_s"] = value
        failing = told.get("load.error_ratio")
        apdex = None if failing is None else apdex_of_buckets(self._buckets, round(failing * count), apdex_target_s)
        if apdex is not None:
            told["load.apdex"] = apdex
        return told

    def _merge(self, sample: LoadSample) -> None:
        self._buckets = merged((self._buckets, sample.window))
        self._merged_at = sample.mono
