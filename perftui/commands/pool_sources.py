"""From `[pools.NAME]`, and the PgBouncer that runs here, to what is sampled."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from perftui.clients.clock import SystemClock
from perftui.commands.pool_config import PoolConfig
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.kind import Source
from perftui.sources.pool_metrics import MetricsRow

if TYPE_CHECKING:
    from perftui.sources.pool_endpoints import Endpoint


class PoolSources(msgspec.Struct, frozen=True):
    """What is sampled, and what ends its connections."""

    sources: list[Source]
    closing: tuple[Callable[[], Awaitable[None]], ...] = ()


class Unprepared:
    """An application whose request lacks a secret: said at each try, and no reason to keep the console shut."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    async def read(self) -> tuple[MetricsRow, ...]:
        raise SourceError(FailureKind.MISSING, self._problem)


def pool_sources(pools: Mapping[str, PoolConfig], look_here: bool = True) -> PoolSources:
    """The poolers and applications of the config.

    Args:
        look_here: Without a pooler in the config, take the one that runs on this host.
    """
    poolers, applications = _poolers(pools, look_here), _applications(pools)
    return PoolSources([*poolers.sources, *applications.sources], (*poolers.closing, *applications.closing))


def found_here() -> str | None:
    """The DSN of the PgBouncer on this host; None where none runs."""
    if sys.platform != "linux":
        return None
    from perftui.clients.local_pgbouncer import local_console

    return local_console()


def _poolers(pools: Mapping[str, PoolConfig], look_here: bool) -> PoolSources:
    places = {name: pool.dsn for name, pool in pools.items() if pool.dsn}
    if not places:
        here = found_here() if look_here else None
        if here is None:
            return PoolSources([])
        places = {"": here}
    from perftui.clients.pgbouncer import PgBouncer
    from perftui.sources.pgbouncer_console import PgBouncers

    clock = SystemClock()
    consoles = {name: PgBouncer(dsn, clock.mono) for name, dsn in places.items()}
    return PoolSources(
        [PgBouncers(consoles, clock, time.thread_time, _instances(pools))],
        tuple(console.close for console in consoles.values()),
    )


def _applications(pools: Mapping[str, PoolConfig]) -> PoolSources:
    asked = {name: pool for name, pool in pools.items() if not pool.dsn}
    if not asked:
        return PoolSources([])
    from perftui.sources.pool_endpoints import PoolEndpoints

    closing: list[Callable[[], Awaitable[None]]] = []
    endpoints = {name: _endpoint(pool, closing, os.environ) for name, pool in asked.items()}
    return PoolSources([PoolEndpoints(endpoints, SystemClock(), _instances(asked))], tuple(closing))


def _instances(pools: Mapping[str, PoolConfig]) -> dict[str, int]:
    return {name: pool.instances for name, pool in pools.items() if pool.instances > 1}


def _endpoint(
    pool: PoolConfig, closing: list[Callable[[], Awaitable[None]]], environment: Mapping[str, str]
) -> Endpoint:
    from perftui.clients.http import HttpDocuments
    from perftui.sources.pool_dialects import DIALECTS, PoolMetrics, own_dialect
    from perftui.sources.pool_endpoints import Actuator, MetricsPage

    for name in pool.headers_from_env.values():
        value = environment.get(name, "")
        if not value:
            return Unprepared(f"environment variable {name} is not set; export it before perftui starts")
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            return Unprepared(f"environment variable {name} holds a line break or a sign no header may have")
    headers = {header: environment[name] for header, name in pool.headers_from_env.items()}
    documents = HttpDocuments(headers, pool.ca_file)
    closing.append(documents.close)
    if pool.actuator:
        return Actuator(documents, pool.actuator)
    dialects = (own_dialect(pool.names, pool.label),) if pool.names else DIALECTS
    return MetricsPage(documents, pool.metrics or "", PoolMetrics(dialects))
