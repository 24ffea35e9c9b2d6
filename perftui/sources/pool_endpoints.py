"""Asks applications for their pools: a page in the text format of Prometheus, or Spring's actuator in JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

import msgspec

from perftui.model.failure import Failed, FailureKind, SourceError
from perftui.sources.files import Clock
from perftui.sources.pool_dialects import PoolMetrics
from perftui.sources.pool_metrics import MetricsRow, PoolMetricsSample
from perftui.sources.text import printable

TEXT = "text/plain;version=0.0.4"
"""The older format: an OpenMetrics page may carry exemplars behind its values, which its readers stumble over."""
JSON = "application/json"
MOST_POOLS = 10
"""Of one application."""


class Documents(Protocol):
    """Fetches documents over HTTP; raises SourceError."""

    async def get(self, url: str, accept: str) -> bytes: ...


class Endpoint(Protocol):
    """One application that tells of its pools."""

    async def read(self) -> tuple[MetricsRow, ...]:
        """Its pools now.

        Raises:
            SourceError: with the reason.
        """
        ...


class MetricsPage:
    """A page of metrics in the text format of Prometheus."""

    def __init__(self, documents: Documents, url: str, metrics: PoolMetrics) -> None:
        self._documents = documents
        self._url = url
        self._metrics = metrics

    async def read(self) -> tuple[MetricsRow, ...]:
        page = await self._documents.get(self._url, TEXT)
        try:
            found = self._metrics.pools(page)
        except Exception as exc:  # the library's parser raises whatever its slips lead to
            raise SourceError(FailureKind.MALFORMED, f"not the text format of Prometheus: {_words(exc)}") from exc
        if not found:
            raise SourceError(
                FailureKind.MISSING, "no metrics of a pool on that page; give their names in the pool's table names"
            )
        return tuple(found[:MOST_POOLS])


class _Measurement(msgspec.Struct, frozen=True):
    statistic: str
    value: float


class _Tag(msgspec.Struct, frozen=True, rename="camel"):
    tag: str
    values: tuple[str, ...] = ()


class _Meter(msgspec.Struct, frozen=True, rename="camel"):
    measurements: tuple[_Measurement, ...]
    available_tags: tuple[_Tag, ...] = ()


_METERS = {
    "max_size": ("max", "VALUE"),
    "in_use": ("active", "VALUE"),
    "idle": ("idle", "VALUE"),
    "waiting": ("pending", "VALUE"),
    "timeouts": ("timeout", "COUNT"),
    "acquires": ("acquire", "COUNT"),
    "acquire_s": ("acquire", "TOTAL_TIME"),
}
"""Field → (meter below hikaricp.connections, statistic)."""


class Actuator:
    """HikariCP's meters in Spring's actuator: one document for each meter."""

    def __init__(self, documents: Documents, url: str) -> None:
        self._documents = documents
        self._url = f"{url.rstrip('/')}/metrics/hikaricp.connections"
        self._pools: tuple[str, ...] | None = None

    async def read(self) -> tuple[MetricsRow, ...]:
        if self._pools is None:
            found = await self._meter("active", "")
            tags = {tag.tag: tag.values for tag in found.available_tags}
            self._pools = tags.get("pool", ())[:MOST_POOLS] or ("",)
        return tuple(await asyncio.gather(*(self._pool(pool) for pool in self._pools)))

    async def _pool(self, pool: str) -> MetricsRow:
        meters = list(dict.fromkeys(meter for meter, _ in _METERS.values()))
        try:
            read = await asyncio.gather(*(self._meter_if_there(meter, pool) for meter in meters))
        except SourceError:
            self._pools = None  # the application was started again, with other pools perhaps
            raise
        found = dict(zip(meters, read, strict=True))
        values = {field: _value(found[meter], statistic) for field, (meter, statistic) in _METERS.items()}
        return MetricsRow(name=printable(pool, 64), kind="hikaricp", **values)

    async def _meter_if_there(self, meter: str, pool: str) -> _Meter | None:
        try:
            return await self._meter(meter, pool)
        except SourceError as exc:
            if exc.kind is FailureKind.MISSING and meter not in ("active", "max"):
                return None
            raise

    async def _meter(self, meter: str, pool: str) -> _Meter:
        from urllib.parse import quote

        tag = f"?tag=pool:{quote(pool, safe='')}" if pool else ""
        document = await self._documents.get(f"{self._url}.{meter}{tag}", JSON)
        try:
            return msgspec.json.decode(document, type=_Meter)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise SourceError(FailureKind.MALFORMED, f"not the JSON of Spring's actuator: {_words(exc)}") from exc


def _value(meter: _Meter | None, statistic: str) -> float | None:
    if meter is None:
        return None
    return next((each.value for each in meter.measurements if each.statistic == statistic), None)


def _words(exc: Exception) -> str:
    return printable(" ".join(str(exc).split()) or type(exc).__name__, 80)


class PoolEndpoints:
    """Reads all applications of the config at the same time; those that fail don't hold up the others."""

    name = "pool_metrics"
    interval_s = 5.0
    deadline_s = 5.0

    def __init__(self, endpoints: Mapping[str, Endpoint], clock: Clock, instances: Mapping[str, int] = {}) -> None:
        """Prepare it.

        Args:
            endpoints: By the name in the config.
            instances: How many applications like it there are, where there are several.
        """
        self._endpoints = endpoints
        self._instances = dict(instances)
        self._clock = clock

    async def sample(self) -> PoolMetricsSample:
        """Read once.

        Raises:
            SourceError: none could be read; the reason of the first.
        """
        asked = await asyncio.gather(*(each.read() for each in self._endpoints.values()), return_exceptions=True)
        pools: dict[str, tuple[MetricsRow, ...]] = {}
        failed: dict[str, Failed] = {}
        for name, outcome in zip(self._endpoints, asked, strict=True):
            if isinstance(outcome, SourceError):
                failed[name] = outcome.failed()
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                pools[name] = outcome
        if not pools:
            name, why = next(iter(failed.items()))
            raise SourceError(why.kind, f"{name}: {why.detail}")
        return PoolMetricsSample(mono=self._clock.mono(), pools=pools, failed=failed, instances=self._instances)
