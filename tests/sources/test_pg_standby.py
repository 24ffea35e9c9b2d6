"""The sources on a standby, which is read only and replays what the primary does."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from perftui.clients.own_postgres import OwnPostgres
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.pg_activity import derive
from perftui.sources.pg_counters import derive as counters_part
from tests.clients.test_postgres import Watched, watching
from tests.servers import SETTINGS, dsn, execute, until


@pytest.fixture
def standby(postgres: OwnPostgres) -> Iterator[OwnPostgres]:
    if not (postgres.binaries / "pg_basebackup").exists():
        pytest.skip("this build of Postgres has no pg_basebackup")
    with tempfile.TemporaryDirectory(prefix="perftui-standby-") as folder:
        place = Path(folder) / "pg"
        place.mkdir(mode=0o700)
        copy = postgres.spawn("pg_basebackup", "-d", dsn(postgres), "-D", str(place / "db"), "-R", "-c", "fast")
        assert copy.wait(30) == 0
        # In words that any libpq knows: a build may load the system's, which is older than itself.
        primary = {"primary_conninfo": f"host=127.0.0.1 port={postgres.port} user=postgres"}
        impatient = {"max_standby_streaming_delay": "0", "hot_standby_feedback": "off"}
        with OwnPostgres(place, postgres.binaries, {**SETTINGS, **primary, **impatient}) as server:
            yield server


async def test_a_standby_is_one_and_works(standby: OwnPostgres, postgres: OwnPostgres) -> None:
    async with watching(dsn(standby)) as watched:
        sample = await watched.works()
        counters = await watched.counters.sample()

    part = derive(None, sample)
    assert part.role == "standby"
    assert counters.oldest_xid_age
    async with watching(dsn(postgres)) as primary:
        await until(partial(streams, primary))
    assert derive(None, sample).connections.used == 1


async def test_what_replay_ends_costs_no_connection(standby: OwnPostgres, postgres: OwnPostgres) -> None:
    async with watching(dsn(standby)) as watched:
        await watched.works()
        await execute(postgres, "drop table if exists replayed", "create table replayed ()")
        await until(partial(is_there, watched, "replayed"))
        slow = asyncio.create_task(
            watched.client.rows("select pg_sleep(9) from (select count(*) from public.replayed) s")
        )
        await asyncio.sleep(0.1)
        await execute(postgres, "drop table replayed")

        with pytest.raises(SourceError, match="replay went first") as told:
            await slow

        assert told.value.kind is FailureKind.TIMED_OUT
        assert (await watched.works()).server.in_recovery
        assert watched.client.connections == 1


async def is_there(watched: Watched, table: str) -> bool:
    return await watched.client.rows(f"select to_regclass('public.{table}') is not null") == [(True,)]


async def test_a_failover_is_told_and_no_difference_crosses_it(standby: OwnPostgres, postgres: OwnPostgres) -> None:
    hosts = f"host=127.0.0.1,127.0.0.1 port={postgres.port},{standby.port} user=postgres dbname=postgres"
    async with watching(f"{hosts} target_session_attrs=primary") as watched, watching(dsn(standby)) as other:
        assert (await watched.works()).server.change is None
        before = await watched.counters.sample()
        await other.works()
        postgres.stop()
        try:
            await watched.fails(FailureKind.UNREACHABLE, "connection refused", "is a standby")
            await execute(standby, "select pg_promote()")
            here, there = await watched.works(), await other.works()
            after = await watched.counters.sample()
        finally:
            postgres.start()

    assert (there.server.change, here.server.change) == ("promoted", "failed over")
    assert counters_part(before, after).transactions_per_s is None


async def streams(primary: Watched) -> bool:
    return [row.backend_type for row in (await primary.works()).sessions].count("walsender") == 1
