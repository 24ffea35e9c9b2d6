"""Locust's own numbers: `/stats/requests` of its web interface.

Rates and percentiles are of the last 10 s, made by Locust from what it holds; they can't be merged with others.
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.sources.files import Clock
from perftui.sources.load import NAME, LoadSample
from perftui.sources.load_format import Told, seconds, times_total

_PHASES = {"spawning": "ramp", "stopping": "cool_down", "stopped": "cool_down", "cleanup": "cool_down"}
"""Its states that are a phase; a running test may be in any."""


class Documents(Protocol):
    """Gets a document over HTTP; raises SourceError."""

    async def get(self, url: str, accept: str) -> bytes: ...


class Samples(Protocol):
    """A source of the load."""

    async def sample(self) -> LoadSample: ...


class _Row(msgspec.Struct, frozen=True):
    name: str = ""
    num_requests: int = 0
    num_failures: int = 0
    avg_response_time: float | None = None
    p99_ms: float | None = msgspec.field(name="response_time_percentile_0.99", default=None)


class _Now(msgspec.Struct, frozen=True):
    p50_ms: float | None = msgspec.field(name="response_time_percentile_0.5", default=None)
    p95_ms: float | None = msgspec.field(name="response_time_percentile_0.95", default=None)
    p99_ms: float | None = msgspec.field(name="response_time_percentile_0.99", default=None)


class _Stats(msgspec.Struct, frozen=True):
    stats: list[_Row]
    state: str = ""
    user_count: int | None = None
    current_rps: float | None = None
    current_fail_per_sec: float | None = None
    now: _Now | None = msgspec.field(name="current_response_time_percentiles", default=None)


class Locust:
    """The web interface, asked every other second: it makes its numbers anew every two seconds."""

    name = NAME
    interval_s = 2.0
    deadline_s = 3.5

    def __init__(self, url: str, documents: Documents, clock: Clock) -> None:
        self._url = url.rstrip("/")
        self._documents = documents
        self._clock = clock

    async def sample(self) -> LoadSample:
        """Its newest numbers.

        Raises:
            SourceError: nobody answers there (a run with --headless has no web interface), or it asks for a log-in.
        """
        return parse_stats(
            await self._documents.get(f"{self._url}/stats/requests", "application/json"), self._url, self._clock
        )


class Either:
    """The first that gives something: Locust's interface, else its CSV."""

    name = NAME
    interval_s = 1.0
    deadline_s = 4.0

    def __init__(self, first: Samples, second: Samples) -> None:
        self._first, self._second = first, second

    async def sample(self) -> LoadSample:
        """What the first tells, or the second while the first tells nothing."""
        try:
            return await self._first.sample()
        except SourceError as exc:
            try:
                return await self._second.sample()
            except SourceError as other:
                raise SourceError(exc.kind, f"{exc.detail}; {other.detail}") from None


_decoder = msgspec.json.Decoder(_Stats)


def parse_stats(document: bytes, url: str, clock: Clock) -> LoadSample:
    """The sample in an answer of `/stats/requests`."""
    try:
        stats = _decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        detail = (
            f"{urlsplit(url).netloc}: no numbers of Locust; a log-in (--web-login) has no way past it, name the CSV"
        )
        raise SourceError(FailureKind.MALFORMED, detail) from None
    total = next((row for row in stats.stats if row.name == "Aggregated"), _Row())
    now = stats.now or _Now()
    runs = stats.state in ("spawning", "running")
    return LoadSample(
        mono=clock.mono(),
        tool="locust",
        feed=urlsplit(url).netloc.rpartition("@")[2],
        users=stats.user_count,
        phase=_PHASES.get(stats.state),
        results_total=total.num_requests,
        failures_total=total.num_failures,
        told=Told(
            requests_per_s=stats.current_rps,
            failures_per_s=stats.current_fail_per_sec,
            times_total_s=times_total(total.avg_response_time, total.num_requests),
            p50_s=seconds(now.p50_ms),
            p95_s=seconds(now.p95_ms),
            p99_s=seconds(now.p99_ms),
        ),
        age_s=0.0 if runs else None,
        trouble="" if runs else f"locust is {stats.state or 'not running'}",
    )
