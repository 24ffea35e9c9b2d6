"""What this environment is: the wiring of clients and sources for one look."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec

from perftui.clients.clock import SystemClock
from perftui.clients.kernel_files import KernelFiles
from perftui.commands.config import load
from perftui.commands.pool_config import PoolConfig
from perftui.commands.pool_doctor import first_sample, pools_in
from perftui.commands.pool_sources import pool_sources
from perftui.commands.sources import machine, postgres_is_here
from perftui.history.parity import CACHE
from perftui.model.facts import Facts, Gathered
from perftui.model.failure import SourceError, Unasked
from perftui.sources.host_facts import host_facts
from perftui.views.format import stamp

if TYPE_CHECKING:
    from perftui.sources.pg_facts import Server

CONNECT_S = 5.0
STATEMENT_MS = 10_000
"""The size of a database of many files takes seconds."""
NO_POSTGRES = "none is named by --dsn or PG* variables, and there is no local socket"
_AGAIN_S = 0.05
T = TypeVar("T")


def facts_here(args: argparse.Namespace, tables: Collection[str] = ()) -> Gathered:
    """What is known of this host, its Postgres and its pools.

    Args:
        args: With `config`, `dsn`, `data` and `watch_s`.
        tables: Those that are told although others are bigger.
    """
    return asyncio.run(_facts(args, load(args.config).config.pools, tables))


async def _facts(args: argparse.Namespace, pools: Mapping[str, PoolConfig], tables: Collection[str]) -> Gathered:
    clock, files = SystemClock(), KernelFiles()
    server, problem = None, NO_POSTGRES
    if args.dsn is not None or postgres_is_here():
        try:
            server = await _server(args.dsn, args.watch_s, tables)
        except SourceError as exc:
            problem = exc.detail
    data_path = args.data or _own_data(files, server) or "/"
    known, notes = await host_facts(files, clock, machine(), data_path)
    known["pools"] = await _pools(pools, notes)
    facts = Facts(at=stamp(clock.wall()), postgres=server.facts if server else None, **known)
    return Gathered(facts, {**notes, **(server.notes if server else {"postgres": problem})})


def _own_data(files: KernelFiles, server: Server | None) -> str | None:
    """Where a server on this host keeps its data; None where that can't be seen from here."""
    if server is None or server.data_directory is None:
        return None
    try:
        files.status(server.data_directory)
    except SourceError:
        return None
    return server.data_directory


async def _pools(pools: Mapping[str, PoolConfig], notes: dict[str, str]) -> dict[str, int]:
    """Connections that each may open, by name; why not is put among the notes."""
    wired = pool_sources(pools)
    found: dict[str, int] = {}
    for source in wired.sources:
        try:
            told = pools_in(source, await first_sample(source))
        except SourceError as exc:
            notes["pools"] = exc.detail
            continue
        found |= {name: pool.max_size for name, pool in told.items() if pool.max_size is not None}
        notes |= {f"pools.{name}": pool.problem for name, pool in told.items() if pool.problem}
    await asyncio.gather(*(close() for close in wired.closing))
    return found


async def _server(dsn: str | None, watch_s: float, tables: Collection[str]) -> Server:
    from perftui.clients.postgres import Postgres
    from perftui.sources.pg_facts import blocks, hit_ratio, pg_facts

    client = Postgres(dsn, SystemClock().mono, STATEMENT_MS)
    try:
        # Before anything else of ours: what we ask for would count as found in the cache.
        before = await _connected(lambda: blocks(client))
        await asyncio.sleep(watch_s)
        ratio, why = hit_ratio(before, await blocks(client))
        found = await pg_facts(client, tables)
    finally:
        await client.close()
    facts = msgspec.structs.replace(found.facts, cache_hit_ratio=ratio)
    return msgspec.structs.replace(found, facts=facts, notes={**found.notes, CACHE: why} if why else found.notes)


async def _connected(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer, waiting a while for a connection that is being made."""
    clock = SystemClock()
    until = clock.mono() + CONNECT_S
    while True:
        try:
            return await ask()
        except Unasked as exc:
            if "connecting…" not in exc.detail or clock.mono() >= until:
                raise
        await asyncio.sleep(_AGAIN_S)
