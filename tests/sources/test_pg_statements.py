"""Differences of pg_stat_statements on real servers, for a known number of calls."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from perftui.clients.own_postgres import OwnPostgres
from perftui.clients.postgres import Postgres
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.pg_statements import PgStatements, PgStatementsSample, StatementReading, derive
from tests.servers import Clients, Session, connect, dsn, end_all_sessions, execute, restarted, running_bytes, until
from tests.sources.manual_clock import ManualClock

EXTENSION = "create extension if not exists pg_stat_statements"


class Reader:
    """The source under a clock that goes by five seconds from reading to reading."""

    def __init__(self, server: OwnPostgres, user: str = "postgres") -> None:
        self.clock = ManualClock()
        self.client = Postgres(dsn(server, user=user), self.clock.mono)
        self.source = PgStatements(self.client, self.clock)

    async def read(self) -> PgStatementsSample:
        self.clock.now += 5.0
        return await self.source.sample()

    async def connected(self) -> bool:
        with contextlib.suppress(SourceError):
            await self.client.rows("select 1")
        return self.client.connections == 1


@contextlib.asynccontextmanager
async def reading(server: OwnPostgres, user: str = "postgres") -> AsyncIterator[Reader]:
    reader = Reader(server, user)
    try:
        await until(reader.connected)
        yield reader
    finally:
        await reader.client.close()


@pytest.fixture
async def server(postgres: OwnPostgres) -> AsyncIterator[OwnPostgres]:
    await execute(postgres, EXTENSION, "select pg_stat_statements_reset()")
    yield postgres
    await execute(postgres, "drop extension if exists pg_stat_statements")


@pytest.fixture
async def reader(server: OwnPostgres) -> AsyncIterator[Reader]:
    async with reading(server) as found:
        yield found


def statement(sample: PgStatementsSample, word: str) -> StatementReading:
    (found,) = [each for each in derive(None, sample).statements.top if word in (each.query or "")]
    return found


async def major(session: Session) -> int:
    found: int = session.get_server_version().major
    return found


async def test_differences_are_those_of_the_calls_in_between(reader: Reader, clients: Clients) -> None:
    session = await clients.new()
    await session.fetch("select pg_sleep(0.02), 'warm'")
    first = await reader.read()
    for _ in range(5):
        await session.fetch("select pg_sleep(0.02), 'hot'")

    sample = await reader.read()

    part = derive(first, sample).statements
    found = statement(sample, "pg_sleep")
    assert derive(None, first).statements.top == () and first.interval_s is None
    assert (sample.interval_s, found.calls_per_s, found.rows_per_call) == (5.0, 1.0, 1.0)
    assert 0.02 <= found.mean_s < 0.06
    assert part.slowest_mean_s == found.mean_s
    assert 0.5 < found.time_ratio <= 1.0
    assert part.time_per_s is not None and 0.02 <= part.time_per_s < 0.1
    assert found.query is not None and found.query.startswith("select pg_sleep($1)")


async def test_blocks_temp_and_wal(reader: Reader, clients: Clients) -> None:
    session = await clients.new()
    await session.execute("set work_mem = '64kB'")
    await session.execute("create temp table warm as select 1")
    statements = (
        "create table if not exists pt_wal (g int)",
        "insert into pt_wal select generate_series(1, 5000)",
        "select count(*) from (select g from generate_series(1, 100000) g order by -g) s",
    )
    try:
        for sql in statements:
            await session.execute(sql)
        await reader.read()
        for sql in statements[1:]:
            await session.execute(sql)
        sample = await reader.read()
    finally:
        await session.execute("drop table pt_wal")

    assert statement(sample, "insert").wal_bytes_per_s > 50_000
    assert (statement(sample, "insert").hit_ratio or 0) > 0.9
    assert statement(sample, "order by").temp_bytes_per_s > 100_000


async def test_a_reset_is_a_new_baseline(reader: Reader, clients: Clients) -> None:
    session = await clients.new()
    await session.fetch("select 1, 'again'")
    await reader.read()
    for _ in range(50):
        await session.fetch("select 1, 'again'")
    first = await reader.read()
    await session.execute("select pg_stat_statements_reset()")
    await session.fetch("select 1, 'again'")

    after = await reader.read()
    await session.fetch("select 1, 'again'")
    next_one = await reader.read()

    assert all(each.calls_per_s < 10 for each in derive(None, after).statements.top)
    assert all(now.calls >= before.calls for before, now in zip(after.before, after.now, strict=True))
    (hot,) = [each.queryid for each in derive(None, first).statements.top if each.calls_per_s == 10.0]
    assert [each.calls_per_s for each in derive(None, next_one).statements.top if each.queryid == hot] == [0.2]


async def test_new_entries_are_not_ranked_by_a_lifetime_that_is_not_known(reader: Reader, clients: Clients) -> None:
    session = await clients.new()
    await reader.read()
    await session.fetch("select 1, 2, 3, 'new'")

    sample = await reader.read()

    new = [each for each in derive(None, sample).statements.top if (each.query or "").count("$") == 4]
    if await major(session) >= 17:
        assert [each.calls_per_s * (sample.interval_s or 0) for each in new] == [1.0]
    else:
        assert new == [] and sample.unknown >= 1


async def test_eviction_is_told(server: OwnPostgres) -> None:
    settings = {"pg_stat_statements.max": "100"}
    with restarted(server, **settings) as small:
        async with reading(small) as reader:
            await reader.read()
            columns = [",".join(["1"] * count) for count in range(1, 300)]
            await execute(small, *(f"select {each}" for each in columns))
            sample = await reader.read()
            again = await reader.read()

    part = derive(None, sample).statements
    assert part.entries <= 100
    if sample.now and "toplevel" in reader.source._columns:
        assert part.evicted is True and again.evicted is False
    assert all(each.calls_per_s < 1000 for each in part.top)


async def test_missing_and_then_made_and_moved(postgres: OwnPostgres) -> None:
    async with reading(postgres) as reader:
        with pytest.raises(SourceError, match="CREATE EXTENSION") as missing:
            await reader.read()
        await execute(postgres, 'create schema "My ""own  schema"', EXTENSION + ' schema "My ""own  schema"')
        try:
            assert (await reader.read()).entries > 0
            await execute(postgres, "alter extension pg_stat_statements set schema public")
            with pytest.raises(SourceError) as moved:
                await reader.read()
            assert (await reader.read()).entries > 0
        finally:
            await execute(postgres, "drop extension pg_stat_statements", 'drop schema "My ""own  schema"')

    assert missing.value.kind is moved.value.kind is FailureKind.MISSING


async def test_an_extension_older_than_its_server(server: OwnPostgres, clients: Clients) -> None:
    older = "create extension pg_stat_statements version '1.8'"
    await execute(server, "drop extension pg_stat_statements", older)
    session = await clients.new()
    async with reading(server) as reader:
        for _ in range(3):
            sample = await reader.read()
            await session.fetch("select 'old', 'fashioned'")

    assert [(sample.texts[row.query_id], row.toplevel) for row in sample.now] == [("select $1, $2", True)]


async def test_not_preloaded(server: OwnPostgres) -> None:
    with restarted(server, shared_preload_libraries="") as bare:
        async with reading(bare) as reader:
            with pytest.raises(SourceError, match="shared_preload_libraries") as refused:
                await reader.read()

    assert refused.value.kind is FailureKind.UNSUPPORTED


async def test_a_role_without_rights_sees_its_own(server: OwnPostgres) -> None:
    await execute(server, "create role bare login")
    try:
        async with reading(server, "bare") as reader:
            session = await connect(dsn(server, user="bare"))
            for _ in range(3):
                await reader.read()
                await execute(server, "select 'of others'")
                await session.fetch("select 'mine', 'at all'")
            sample = await reader.read()
            session.terminate()
    finally:
        await end_all_sessions(server)
        await execute(server, "drop role bare")

    assert [sample.texts[each.query_id] for each in sample.now] == ["select $1, $2"]
    assert sample.hidden > 0 and all(row.query_id for row in sample.now)


async def test_what_we_run_ourselves_is_not_ranked(server: OwnPostgres) -> None:
    async with reading(server) as reader:
        await reader.read()
        for _ in range(5):
            await reader.read()
        sample = await reader.read()

        assert [sample.texts.get(each.query_id) for each in sample.now] == []
        assert (sample.total_ms, sample.total_calls) == (0, 0)
        counted = "select count(*) from public.pg_stat_statements where query like '%perftui%'"
        ((ours,),) = await reader.client.rows(counted)
        assert ours > 1


async def test_passwords_in_texts_are_masked(reader: Reader, clients: Clients) -> None:
    session = await clients.new()
    await session.execute("create role pt_secret")
    try:
        sql = "alter role pt_secret password 'geheim'"
        await session.execute(sql)
        await reader.read()
        await session.execute(sql)
        sample = await reader.read()
    finally:
        await session.execute("drop role pt_secret")

    assert statement(sample, "pt_secret").query in (
        "alter role pt_secret password ?", "alter role pt_secret password $1", "alter role pt_secret password <REDACTED>",
    )  # fmt: skip


async def test_texts_that_the_server_refuses_leave_the_figures(server: OwnPostgres, clients: Clients) -> None:
    """One statement of a database of any bytes, and pg_stat_statements gives no text to a UTF-8 database."""
    await execute(server, "create database raw encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0")
    session = await clients.new()
    try:
        with running_bytes(server, "raw", b'select 1 as "caf\xe9"'):
            async with reading(server) as reader:
                await session.fetch("select 4, 5")
                await reader.read()
                await session.fetch("select 4, 5")
                sample = await reader.read()
                again = await reader.read()
    finally:
        await clients.close()
        await execute(server, "drop database raw")

    part = derive(None, sample).statements
    assert part.top and all(each.query is None for each in part.top)
    assert part.texts_missing is not None and "encoding" in part.texts_missing
    assert again.texts_missing == sample.texts_missing


async def test_our_own_reading_is_few_entries(reader: Reader, clients: Clients) -> None:
    session = await clients.new()
    for count in range(1, 9):
        for columns in range(count):
            await session.fetch(f"select {','.join(['1'] * (columns + 1))}")
        await reader.read()

    rows = await session.fetch("select query from pg_stat_statements where query like '%pg_stat_statements(%'")

    assert len(rows) <= 4, [row["query"] for row in rows]


class SlowTexts:
    """The client, on a disk that takes so long for the file of texts: how often it was asked for."""

    def __init__(self, reader: Reader, took_s: float) -> None:
        self._reader = reader
        self._took_s = took_s
        self.asked = 0

    @property
    def connections(self) -> int:
        return self._reader.client.connections

    @property
    def pooled(self) -> bool:
        return self._reader.client.pooled

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        self.asked += 1
        self._reader.clock.now += self._took_s
        return await self._reader.client.rows(sql)


@pytest.mark.parametrize(("took_s", "fetches"), [(0.1, 2), (0.3, 1)])
async def test_texts_are_asked_for_every_ten_seconds_at_most_and_not_again_when_that_is_slow(
    took_s: float, fetches: int, reader: Reader, clients: Clients
) -> None:
    session = await clients.new()
    control = SlowTexts(reader, took_s)
    reader.source = PgStatements(reader.client, reader.clock, control)
    for number in range(1, 6):
        for _ in range(2):  # at its second reading an entry has a difference
            await session.execute(f"select {', '.join(['1'] * number)}")
            sample = await reader.read()
        assert control.asked <= 1 + (reader.clock.now - 1000) // 10

    assert control.asked >= fetches if fetches > 1 else control.asked == 1
    missing = derive(None, sample).statements.texts_missing
    assert missing is None if fetches > 1 else missing is not None and "Enter reads the chosen one" in missing


class Kept:
    """Stands in for a server that keeps so many statements: filling a real one takes too long for what is asked here."""

    connections, pooled = 1, False

    def __init__(self, entries: int) -> None:
        self.entries = entries

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        if "pg_extension" in sql:
            return [(b"public", "userid,dbid,queryid")]
        return [(1, 1, number, True, 1, 1.0, 1.0, 1, 0, 0, 0, 0, None) for number in range(self.entries)]


@pytest.mark.parametrize(("entries", "interval_s"), [(4000, 5.0), (4001, 7.5)])
async def test_where_very_many_are_kept_they_are_read_less_often(entries: int, interval_s: float) -> None:
    source = PgStatements(Kept(entries), ManualClock())
    await source.sample()

    assert source.interval_s == interval_s
