"""Tables of real servers: read whole, full of dead rows, kept from vacuum; compared with the server's own views."""

from __future__ import annotations

import msgspec
import pytest

from perftui.clients.own_postgres import OwnPostgres
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.pg_tables import (
    FIRST_S,
    LEAST_S,
    MOST_S,
    Before,
    PgTables,
    PgTablesPart,
    PgTablesSample,
    TableReading,
    TableRow,
    chosen,
    derive,
)
from tests.findings.pg_storage import table, tables
from tests.servers import Clients, Session, execute, until
from tests.sources.pg_reading import ShiftedClock, client_of

ROWS = 20_000
SAMPLE = tables(table("public.orders", scans=30, rows_read=3000, live=600, dead=200, pages=10))


def test_rates_are_of_the_interval_that_the_sample_spans() -> None:
    (reading,) = derive(None, SAMPLE).tables

    assert (reading.sequential_scans_per_s, reading.rows_read_per_s) == (2.0, 200.0)
    assert (reading.dead_ratio, reading.size_bytes) == (0.25, 81920)
    assert derive(None, SAMPLE).sequential_rows_per_s == 200.0


@pytest.mark.parametrize(
    "sample",
    [
        msgspec.structs.replace(SAMPLE, interval_s=None, rows_read=None),
        msgspec.structs.replace(SAMPLE, tables=(table(scans=-1, rows_read=-1),), rows_read=None),
    ],
    ids=["first", "reset"],
)
def test_no_rate_where_there_is_no_interval(sample: PgTablesSample) -> None:
    part = derive(None, sample)

    assert part.tables[0].rows_read_per_s is None and part.sequential_rows_per_s is None


def test_statistics_that_know_nothing_are_not_zero() -> None:
    empty = msgspec.structs.replace(SAMPLE, tables=(table(live=0, dead=0, pages=0, index_scans=None),))
    (reading,) = derive(None, empty).tables

    assert (reading.live_rows, reading.dead_rows, reading.dead_ratio) == (None, None, None)
    assert (reading.size_bytes, reading.index_scans_per_s) == (None, None)


def test_of_twenty_thousand_tables_those_that_grew_are_asked_for() -> None:
    counts = [(oid, 1, oid, 0) for oid in range(40_000)]
    known = {oid: Before(1, oid - (500 if oid in (7, 20_007, 30_009) else 0), None) for oid in range(40_000)}
    found = chosen([*counts, (50_000, 0, 0, 5000), (60, 0, 0, 2000)], known)

    assert {20_007, 30_009, 50_000, 60} <= found and len(found) <= 45
    assert 7 not in found, "catalogs are read by every look at them"


@pytest.fixture
async def orders(postgres: OwnPostgres) -> str:
    """A table without an index on what is looked for, which autovacuum leaves alone."""
    await execute(
        postgres,
        "drop table if exists orders",
        "create table orders (id int primary key, customer int) with (autovacuum_enabled = off)",
        f"insert into orders select g, g % 100 from generate_series(1, {ROWS}) g",
        "analyze orders",
        "select count(*) from orders",
    )
    return "public.orders"


async def seen_by(source: PgTables, relation: str) -> TableRow:
    """Up to 14 what a session did reaches the others by way of a collector."""

    async def found() -> TableRow | None:
        return next((row for row in (await source.sample()).tables if row.relation == relation), None)

    row: TableRow = await until(found)
    return row


def of(part: PgTablesPart, relation: str) -> TableReading | None:
    return next((each for each in part.tables if each.relation == relation), None)


async def flushed(session: Session) -> None:
    """Statistics of a session reach the others at once only when it ends, or is told to report."""
    if session.get_server_version().major >= 15:
        await session.execute("select pg_stat_force_next_flush()")
    await session.close()


async def test_full_scans_and_dead_rows_are_as_the_server_counts_them(
    postgres: OwnPostgres, clients: Clients, orders: str
) -> None:
    clock = ShiftedClock()
    async with client_of(postgres) as client:
        await seen_by(PgTables(client, clock), orders)
        source = PgTables(client, clock)
        first = await source.sample()
        assert first.interval_s is None and source.interval_s == FIRST_S
        session = await clients.new()
        for _ in range(5):
            await session.fetch("select count(*) from orders where customer = 7")
        await session.fetch("select * from orders where id = 5")
        for _ in range(2):
            await session.execute("update orders set customer = customer + 1")
        await flushed(session)
        read = 0.0

        async def counted() -> PgTablesSample | None:
            nonlocal read
            clock.ahead_s += 10.0
            sample = await source.sample()
            found = of(derive(None, sample), orders)
            read += (found.rows_read_per_s or 0.0) * (sample.interval_s or 0.0) if found else 0.0
            return sample if found and (found.dead_rows or 0) >= 2 * ROWS else None

        sample: PgTablesSample = await until(counted)

    seen = next(row for row in sample.tables if row.relation == orders)
    observer = await clients.new()
    theirs = await observer.fetchrow(
        "select seq_scan, seq_tup_read, idx_scan, n_live_tup, n_dead_tup from pg_stat_all_tables where relname = 'orders'"
    )
    assert (seen.scans, seen.rows_read, seen.index_scans, seen.live, seen.dead) == tuple(theirs)
    assert seen.indexed == ("id",)
    assert seen.autovacuum_enabled is False
    reading = of(derive(None, sample), orders)
    assert reading is not None and reading.dead_ratio is not None and reading.dead_ratio > 0.4
    assert read == pytest.approx(7 * ROWS), "five counts and two updates, however many readings it took to see them"
    assert reading.autovacuum is False and reading.last_vacuum_at is None
    assert reading.size_bytes and reading.size_bytes > ROWS * 30
    assert LEAST_S <= source.interval_s <= MOST_S


async def test_the_second_tick_comes_too_soon_for_a_rate(postgres: OwnPostgres, orders: str) -> None:
    clock = ShiftedClock()
    async with client_of(postgres) as client:
        source = PgTables(client, clock)
        await source.sample()
        assert (await source.sample()).interval_s is None
        clock.ahead_s = 5.0
        third = await source.sample()

    assert third.interval_s is not None and third.interval_s >= 5.0, "the first reading stays what is compared with"
    assert third.rows_read is not None


async def test_a_locked_table_holds_up_nothing_and_who_locked_it_is_told(
    postgres: OwnPostgres, clients: Clients, orders: str
) -> None:
    holder = await clients.new()
    await holder.execute("begin; lock table orders in access exclusive mode")
    async with client_of(postgres) as client:
        seen = await seen_by(PgTables(client, ShiftedClock()), orders)

    assert seen.locked_by == holder.get_server_pid()


async def test_a_locked_catalog_is_told_and_goes_by(postgres: OwnPostgres, clients: Clients, orders: str) -> None:
    async with client_of(postgres) as client:
        source = PgTables(client, ShiftedClock())
        await source.sample()
        session = await clients.new()
        await session.execute("begin; lock table pg_catalog.pg_class in access exclusive mode")

        with pytest.raises(SourceError, match="catalog is locked") as told:
            await source.sample()

        assert told.value.kind is FailureKind.TIMED_OUT
        await session.execute("rollback")
        assert (await source.sample()).tables


async def test_a_role_without_rights_sees_the_tables_too(postgres: OwnPostgres, orders: str) -> None:
    await execute(postgres, "create role bare login")
    try:
        async with client_of(postgres, user="bare") as client:
            seen = await seen_by(PgTables(client, ShiftedClock()), orders)
    finally:
        await execute(postgres, "drop role bare")

    assert seen.rows_read >= ROWS


async def test_slow_statistics_are_read_less_often(postgres: OwnPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ShiftedClock()
    monkeypatch.setattr("perftui.sources.pg_tables.DUTY", 10_000_000)
    async with client_of(postgres) as client:
        source = PgTables(client, clock)
        await source.sample()
        clock.ahead_s = 10.0
        await source.sample()

    assert source.interval_s == MOST_S
