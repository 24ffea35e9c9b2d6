"""What `doctor` says of pools: each pooler and application by itself, and what would be needed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from perftui.commands.pool_config import PoolConfig
from perftui.commands.pool_sources import pool_sources
from perftui.history.pool_links import NO_CONNECTIONS
from perftui.model.failure import SourceError
from perftui.model.frame import Sample
from perftui.sources import BY_NAME
from perftui.sources.kind import Source
from perftui.sources.pgbouncer import PgBouncerPart
from perftui.sources.pool import PoolReading
from perftui.sources.pool_metrics import PoolMetricsPart

CONNECT_TRIES = 40
"""Tenths of a second that a connection may take."""
OFF = "none configured by [pools.NAME], and no PgBouncer runs here; docs/pools.md tells how"


async def pool_lines(pools: Mapping[str, PoolConfig]) -> list[tuple[str, str]]:
    """(ok, missing or off; what was found, or why nothing was) of each, all at once."""
    asked = [(name, pool_sources({name: pool}, look_here=False)) for name, pool in pools.items()]
    if not any(pool.dsn for pool in pools.values()):
        here = pool_sources({})
        asked += [("on this host", here)] if here.sources else []
    told = await asyncio.gather(*(_line(name, source) for name, wired in asked for source in wired.sources))
    await asyncio.gather(*(close() for _, wired in asked for close in wired.closing))
    return list(told) or [("off", OFF)]


async def _line(name: str, source: Source) -> tuple[str, str]:
    try:
        sample = await first_sample(source)
    except SourceError as exc:
        return "missing", f"{name:<15} {exc.kind}: {exc.detail.removeprefix(f'{name}: ')}"
    named = [f"{each} {pool.kind}" for each, pool in pools_in(source, sample).items() if pool.kind != NO_CONNECTIONS]
    return "ok", f"{name:<15} {', '.join(named[:5]) or 'nobody has connected through it yet'}"


def pools_in(source: Source, sample: Sample) -> dict[str, PoolReading]:
    """The pools that one sample tells of."""
    part = BY_NAME[source.name].derive(None, sample)
    assert isinstance(part, (PgBouncerPart, PoolMetricsPart))
    return part.pools


async def first_sample(source: Source) -> Sample:
    """A sample, waiting a while for a connection that is being made.

    Raises:
        SourceError: as the source.
    """
    for _ in range(CONNECT_TRIES):
        try:
            return await source.sample()
        except SourceError as exc:
            if "connecting…" not in exc.detail:
                raise
        await asyncio.sleep(0.1)
    return await source.sample()
