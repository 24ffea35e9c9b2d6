"""Rates of pg_stat_database on real servers."""

from __future__ import annotations

import contextlib

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.own_postgres import OwnPostgres
from perftui.clients.postgres import Postgres
from perftui.model.failure import SourceError
from perftui.sources.pg_counters import PgCounters, PgCountersPart, PgCountersSample, derive
from tests.servers import Clients, dsn, until
from tests.sources.manual_clock import ManualClock

SAMPLE = PgCountersSample(
    mono=10.0,
    commits=1000,
    rollbacks=100,
    blocks_hit=5000,
    blocks_read=500,
    temp_bytes=0,
    deadlocks=1,
    oldest_xid_age=700,
    reset_at=1.0,
    server_started_at=2.0,
)


def later(**changes: float) -> PgCountersSample:
    return msgspec.structs.replace(SAMPLE, mono=12.0, **changes)


def test_rates_of_an_interval() -> None:
    part = derive(
        SAMPLE,
        later(commits=1300, rollbacks=120, blocks_hit=5900, blocks_read=600, temp_bytes=4096, deadlocks=3),
    )

    assert part == PgCountersPart(
        transactions_per_s=160.0,
        rollbacks_per_s=10.0,
        cache_hit_ratio=0.9,
        temp_bytes_per_s=2048.0,
        deadlocks_per_s=1.0,
        deadlocks_total=3,
        oldest_xid_age=700,
    )


@pytest.mark.parametrize(
    "current",
    [
        later(commits=5000, reset_at=3.0),
        later(commits=5000, server_started_at=3.0),
        later(commits=5000, connection=2),
        later(commits=900, rollbacks=50, temp_bytes=-1, deadlocks=0),
        msgspec.structs.replace(SAMPLE, commits=5000),
    ],
    ids=["reset", "restart or other server", "new connection", "backwards", "no time passed"],
)
def test_no_rate_where_the_counters_do_not_continue(current: PgCountersSample) -> None:
    part = derive(SAMPLE, current)

    assert (part.transactions_per_s, part.rollbacks_per_s, part.deadlocks_per_s) == (None, None, None)


def test_no_blocks_asked_for_is_no_ratio() -> None:
    assert derive(SAMPLE, later()).cache_hit_ratio is None


async def sampled(postgres: OwnPostgres) -> tuple[PgCounters, Postgres]:
    clock = SystemClock()
    client = Postgres(dsn(postgres), clock.mono)
    source = PgCounters(client, clock)

    async def once() -> bool:
        with contextlib.suppress(SourceError):
            await source.sample()
        return client.connections == 1

    await until(once)
    return source, client


async def test_what_a_session_did_is_counted(postgres: OwnPostgres, clients: Clients) -> None:
    source, client = await sampled(postgres)
    try:
        before = await source.sample()
        session = await clients.new()
        for _ in range(30):
            await session.execute("begin; select 1; rollback")
        await session.close()  # a session reports what it did when it ends, if not before

        async def counted() -> bool:
            return (await source.sample()).rollbacks - before.rollbacks >= 30

        await until(counted)
        assert (await source.sample()).rollbacks - before.rollbacks == 30
    finally:
        await client.close()


async def test_a_reset_on_the_server_is_no_rate(postgres: OwnPostgres, clients: Clients) -> None:
    source, client = await sampled(postgres)
    try:
        before = await source.sample()
        session = await clients.new()
        await session.execute("select pg_stat_reset()")

        async def reset() -> bool:
            return (await source.sample()).reset_at != before.reset_at

        await until(reset)
        assert derive(before, await source.sample()).transactions_per_s is None
    finally:
        await client.close()


@pytest.mark.parametrize("catalog", ["pg_class", "pg_database", "pg_authid"])
async def test_it_goes_on_while_a_catalog_is_locked(catalog: str, postgres: OwnPostgres, clients: Clients) -> None:
    source, client = await sampled(postgres)
    try:
        session = await clients.new()
        before = await source.sample()
        await session.execute(f"begin; lock table pg_catalog.{catalog} in access exclusive mode")

        locked = await source.sample()
        again = await source.sample()
        await session.execute("rollback")

        assert (locked.oldest_xid_age is None) is (catalog == "pg_database")
        assert locked.blocks_hit >= before.blocks_hit > 0 and locked.reset_at == before.reset_at
        assert derive(locked, again).transactions_per_s is not None
        assert client.connections == 1
    finally:
        await client.close()


async def test_after_the_lock_all_is_read_again(postgres: OwnPostgres, clients: Clients) -> None:
    clock = ManualClock()
    client = Postgres(dsn(postgres), SystemClock().mono)
    source = PgCounters(client, clock)

    async def once() -> bool:
        with contextlib.suppress(SourceError):
            await source.sample()
        return client.connections == 1

    try:
        await until(once)
        await source.sample()
        session = await clients.new()
        await session.execute("begin; lock table pg_catalog.pg_database in access exclusive mode")
        assert (await source.sample()).oldest_xid_age is None
        await session.execute("rollback")
        assert (await source.sample()).oldest_xid_age is None
        clock.now += 11.0
        assert (await source.sample()).oldest_xid_age
    finally:
        await client.close()
