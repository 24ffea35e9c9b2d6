"""What many times say together: percentiles, spread, shape, the slowest paths, and their course."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from math import sqrt

import msgspec

from perftui.history.percentiles import apdex_of_buckets
from perftui.model.histogram import GROWTH, Buckets, bucket_of, merged, middle, percentiles
from perftui.sources.load_format import Result

HOCKEY_STICK = 2.0
"""S002 35.4.2: a P99 above twice the P95."""
CV_HIGH, CV_MODERATE = 0.3, 0.1
"""S002 35.4."""
MOST_PATHS = 500
"""Paths beyond so many are counted together."""
OTHERS = "(other paths)"
_MOST_SPANS = 1500
_MOST_STARTS = 100_000
_SHARES = (0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
_ID = re.compile(r"(?<=/)(?:\d+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-fA-F]{16,})(?=/|$)|\d{4,}")

_HOST = re.compile(r"[a-z]{2,5}://[^/]{1,100}")
"""Scheme, host and port; the digits of a port are no identifier."""


class Tally:
    """Times that are counted as they come."""

    __slots__ = ("buckets", "failures")

    def __init__(self) -> None:
        self.buckets: Buckets = {}
        self.failures = 0

    @property
    def count(self) -> int:
        return sum(self.buckets.values())


_Spans = dict[int | None, Tally]
"""By the begin of each span; None holds what told no moment."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Percentiles of one group of requests; at most 1 % off."""

    requests: int
    failures: int
    p50_s: float | None
    p75_s: float | None
    p90_s: float | None
    p95_s: float | None
    p99_s: float | None
    """None with fewer than 100 requests."""
    p999_s: float | None
    """None with fewer than 1,000 requests."""


class PathFigures(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    """Numbers and long identifiers in it are `{id}`."""
    time_ratio: float
    """Its share of all time that was spent."""
    figures: Figures


class SpanFigures(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    """Wall clock of its begin."""
    figures: Figures


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    from_s: float
    to_s: float
    requests: int


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    all: Figures
    mean_s: float
    lowest_s: float
    highest_s: float
    cv_ratio: float | None
    """Standard deviation over mean; None with one request, or where all took no time."""
    spread: str
    """low | moderate (CV over 10 %) | high (over 30 %) | unknown"""
    hockey_stick: bool | None
    """P99 above twice the P95: a few wait for something that the others don't. None with fewer than 100 requests."""
    paths: list[PathFigures]
    """The highest P95 first; those with at least 20 requests before the others."""
    span_s: float
    """Of each row of `spans`."""
    spans: list[SpanFigures]
    """Their course by the moments that the lines tell; empty where they tell none."""
    histogram: list[Bar]


class Collector:
    """Takes results one by one, in bounded memory however many there are."""

    def __init__(self, moment: Callable[[str | float | None], float | None]) -> None:
        self._moment = moment
        self._paths: dict[str, Tally] = {}
        self._spans: _Spans = {}
        self._starts: dict[str, int | None] = {}
        self._step = 60
        self._count, self._sum, self._squares = 0, 0.0, 0.0
        self._lowest, self._highest = float("inf"), 0.0

    def take(self, results: Iterable[Result]) -> int:
        """Count them all; how many there were."""
        total, squares, lowest, highest, before = self._sum, self._squares, self._lowest, self._highest, self._count
        count = before
        paths, plain = self._paths, plain_path
        for at, latency_s, ok, name in results:
            bucket = bucket_of(latency_s)
            path = paths.get(plain(name)) or self._path(plain(name))
            path.buckets[bucket] = path.buckets.get(bucket, 0) + 1
            span = self._span(at)
            span.buckets[bucket] = span.buckets.get(bucket, 0) + 1
            if not ok:
                path.failures += 1
                span.failures += 1
            count += 1
            total += latency_s
            squares += latency_s * latency_s
            if latency_s < lowest:
                lowest = latency_s
            if latency_s > highest:
                highest = latency_s
        self._sum, self._squares, self._lowest, self._highest, self._count = total, squares, lowest, highest, count
        return count - before

    def _path(self, path: str) -> Tally:
        if len(self._paths) >= MOST_PATHS:
            path = OTHERS
        return self._paths.setdefault(path, Tally())

    def _span(self, at: str | float | None) -> Tally:
        # Moments of one minute begin alike as text, so that few have to be read.
        if isinstance(at, str):
            key = at[:17] if at[2:3] == "/" else at[:16] if at[4:5] == "-" else at
            try:
                start = self._starts[key]
            except KeyError:
                if len(self._starts) > _MOST_STARTS:
                    self._starts.clear()
                start = self._starts[key] = self._start(at)
        else:
            start = self._start(at)
        found = self._spans.get(start)
        if found is None:
            found = self._spans[start] = Tally()
            if len(self._spans) > _MOST_SPANS:
                self._coarser()
                return self._span(at)
        return found

    def _start(self, at: str | float | None) -> int | None:
        moment = self._moment(at)
        return None if moment is None else int(moment) // self._step * self._step

    def _coarser(self) -> None:
        self._step *= 10
        self._starts.clear()
        self._spans = _by_steps(self._spans, self._step)

    def latency(self, most_spans: int = 40) -> Latency | None:
        """What they say together; None without any."""
        if not self._count:
            return None
        whole = merged(tally.buckets for tally in self._spans.values())
        failures = sum(tally.failures for tally in self._spans.values())
        figures = _figures(whole, failures)
        mean = self._sum / self._count
        variance = max(0.0, self._squares - self._count * mean * mean) / max(1, self._count - 1)
        cv = sqrt(variance) / mean if mean > 0 and self._count > 1 else None
        step = self._step
        spans: _Spans = {start: tally for start, tally in self._spans.items() if start is not None}
        for wider in (300, 600, 1800, 3600, 21600, 86400, 604800):
            if len(spans) > most_spans and wider > step:
                step, spans = wider, _by_steps(spans, wider)
        return Latency(
            all=figures,
            mean_s=mean,
            lowest_s=self._lowest,
            highest_s=self._highest,
            cv_ratio=cv,
            spread="unknown" if cv is None else "high" if cv > CV_HIGH else "moderate" if cv > CV_MODERATE else "low",
            hockey_stick=None
            if figures.p99_s is None or figures.p95_s is None
            else figures.p99_s > HOCKEY_STICK * figures.p95_s,
            paths=self._slowest(),
            span_s=float(step),
            spans=[
                SpanFigures(at=float(start), figures=_figures(spans[start].buckets, spans[start].failures))
                for start in sorted(start for start in spans if start is not None)
            ],
            histogram=bars(whole),
        )

    def apdex(self, target_s: float) -> float | None:
        """Of all of them; None without any."""
        whole = merged(tally.buckets for tally in self._spans.values())
        return apdex_of_buckets(whole, sum(tally.failures for tally in self._spans.values()), target_s)

    def _slowest(self) -> list[PathFigures]:
        times = {path: _time(tally.buckets) for path, tally in self._paths.items()}
        whole = sum(times.values()) or 1.0
        found = [
            PathFigures(path=path, time_ratio=times[path] / whole, figures=_figures(tally.buckets, tally.failures))
            for path, tally in self._paths.items()
        ]
        return sorted(found, key=lambda each: (each.figures.requests < 20, -(each.figures.p95_s or 0.0)))


@lru_cache(maxsize=100_000)
def plain_path(path: str) -> str:
    """`/orders/123/items` and `/orders/7/items` are one: `/orders/{id}/items`."""
    if not path:
        return ""
    begin = _HOST.match(path)
    host = begin[0] if begin else ""
    return host + _ID.sub("{id}", path[len(host) : 200])


def _by_steps(spans: _Spans, step: int) -> _Spans:
    wider: _Spans = {}
    for start, tally in spans.items():
        into = wider.setdefault(None if start is None else start // step * step, Tally())
        into.buckets = merged((into.buckets, tally.buckets))
        into.failures += tally.failures
    return wider


def _figures(buckets: Buckets, failures: int) -> Figures:
    count = sum(buckets.values())
    p50, p75, p90, p95, p99, p999 = percentiles(buckets, _SHARES)
    return Figures(
        requests=count,
        failures=failures,
        p50_s=p50,
        p75_s=p75,
        p90_s=p90,
        p95_s=p95,
        p99_s=p99 if count >= 100 else None,
        p999_s=p999 if count >= 1000 else None,
    )


def _time(buckets: Buckets) -> float:
    return sum(middle(bucket) * count for bucket, count in buckets.items())


def bars(buckets: Buckets, most: int = 24) -> list[Bar]:
    """About so many bars of equal ratio, from the lowest to the highest time."""
    if not buckets:
        return []
    first, last = min(buckets), max(buckets)
    step = max(1, -(-(last - first + 1) // most))
    counts = [0] * ((last - first) // step + 1)
    for bucket, count in buckets.items():
        counts[(bucket - first) // step] += count
    starts = [first + place * step for place in range(len(counts))]
    return [
        Bar(from_s=GROWTH**start, to_s=GROWTH ** (start + step), requests=count)
        for start, count in zip(starts, counts, strict=True)
    ]
