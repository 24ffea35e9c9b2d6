"""What a real server tells of itself, compared with its own functions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from perftui.clients.own_postgres import OwnPostgres
from perftui.sources.pg_facts import BIGGEST, Blocks, Server, blocks, hit_ratio, parsed_settings, pg_facts
from tests.servers import Clients, Session, execute, until
from tests.sources.pg_reading import client_of

DATABASE = "facts_of"


@pytest.fixture
async def database(postgres: OwnPostgres) -> AsyncIterator[str]:
    await execute(postgres, f"create database {DATABASE}")
    yield DATABASE
    await execute(postgres, f"drop database {DATABASE} with (force)")


async def look(server: OwnPostgres, wanted: tuple[str, ...] = ()) -> Server:
    async with client_of(server, DATABASE) as client:
        return await pg_facts(client, wanted)


async def value(session: Session, sql: str) -> object:
    return await session.fetchval(sql)


async def test_settings_sizes_and_rows(postgres: OwnPostgres, clients: Clients, database: str) -> None:
    session = await clients.new(database=database)
    await session.execute(
        """create table orders as select g as id from generate_series(1, 30000) g;
           create table parts (at int) partition by range (at);
           create table parts_1 partition of parts for values from (0) to (1000);
           create table parts_2 partition of parts for values from (1000) to (2000);
           insert into parts select g from generate_series(0, 1999) g;
           create table "Odd.Name" (a int); create table empty_one (a int)"""
    )
    await session.execute("analyze")
    found = await look(postgres)
    facts = found.facts

    for name, size in (
        ("shared_buffers", facts.shared_buffers_bytes),
        ("work_mem", facts.work_mem_bytes),
        ("effective_cache_size", facts.effective_cache_size_bytes),
        ("max_wal_size", facts.max_wal_size_bytes),
    ):
        assert size == await value(session, f"select pg_size_bytes(current_setting('{name}'))")
    assert str(facts.max_connections) == await value(session, "show max_connections")
    assert facts.version == str(await value(session, "show server_version")).split()[0]
    assert (facts.fsync, facts.autovacuum) == (await value(session, "show fsync") == "on", False)
    assert facts.database_bytes == pytest.approx(
        await value(session, f"select pg_database_size('{database}')"), rel=0.1
    )
    assert facts.table_rows == {
        "public.orders": 30_000,
        "public.parts": 2000,
        'public."Odd.Name"': 0,
        "public.empty_one": 0,
    }
    assert facts.rows == 32_000 and not found.notes
    total = await value(session, "select pg_total_relation_size('orders')")
    assert facts.table_bytes["public.orders"] == total
    assert facts.pg_stat_statements is False
    assert found.data_directory is None  # reached over the network, so it is no path of this host


async def test_rows_are_known_without_analyze_and_after_the_statistics_are_lost(
    postgres: OwnPostgres, database: str
) -> None:
    await execute(postgres, "create table loaded as select g from generate_series(1, 5000) g", database=database)
    await until(lambda: told(postgres, "public.loaded", 5000))  # a session tells the statistics when it ends
    await execute(postgres, "insert into loaded select 1 from generate_series(1, 5000)", "analyze", database=database)
    assert await told(postgres, "public.loaded", 10_000)  # while the statistics say 15,000
    await execute(postgres, "delete from loaded where g = 1", "vacuum loaded", database=database)
    assert await told(postgres, "public.loaded", 4999)

    await execute(postgres, "analyze loaded", "select pg_stat_reset()", database=database)
    await until(lambda: counted(postgres, 0))
    assert await told(postgres, "public.loaded", 4999)


async def told(server: OwnPostgres, table: str, rows: int) -> bool:
    return (await look(server)).facts.table_rows.get(table) == rows


async def counted(server: OwnPostgres, rows: int) -> bool:
    """What the statistics alone know."""
    async with client_of(server, DATABASE) as client:
        return await client.rows("select n_live_tup from pg_stat_user_tables") == [(rows,)]


async def test_rows_that_nobody_counted_are_not_zero(postgres: OwnPostgres, database: str) -> None:
    await execute(postgres, "create table loaded as select g from generate_series(1, 5000) g", database=database)
    await until(lambda: counted(postgres, 5000))
    await execute(postgres, "select pg_stat_reset()", database=database)
    await until(lambda: counted(postgres, 0))

    found = await look(postgres)
    assert found.facts.rows is None and found.facts.table_rows == {}
    assert found.notes["postgres.table_rows.public.loaded"].endswith("run ANALYZE")
    assert "public.loaded" in found.notes["postgres.rows"]


async def test_only_the_biggest_tables_are_named_and_those_that_are_asked_for(
    postgres: OwnPostgres, clients: Clients, database: str
) -> None:
    session = await clients.new(database=database)
    for place in range(BIGGEST + 2):
        await session.execute(f"create table t{place} as select g from generate_series(1, {place + 1}) g")
    await session.execute("analyze")

    assert "public.t0" not in (await look(postgres)).facts.table_rows
    found = (await look(postgres, ("public.t0", "public.no_such"))).facts
    assert len(found.table_rows) == BIGGEST + 1 and found.table_rows["public.t0"] == 1
    assert found.rows == sum(range(1, BIGGEST + 3))


async def test_a_table_that_somebody_keeps_to_himself_holds_up_nothing(
    postgres: OwnPostgres, clients: Clients, database: str
) -> None:
    session = await clients.new(database=database)
    await session.execute("create table kept as select g from generate_series(1, 500) g")
    await session.execute("analyze kept")
    await session.execute("begin")
    await session.execute("lock table kept in access exclusive mode")

    facts = (await look(postgres)).facts
    assert facts.table_rows == {"public.kept": 500} and facts.table_bytes == {}


async def test_an_ordinary_role_sees_the_same_but_where_the_data_lies(postgres: OwnPostgres, database: str) -> None:
    await execute(
        postgres, "create table loaded as select g from generate_series(1, 500) g", "analyze", database=database
    )
    await execute(postgres, "create role facts_plain login")
    try:
        async with client_of(postgres, database, "facts_plain") as client:
            found = await pg_facts(client)
    finally:
        await execute(postgres, "drop role facts_plain")

    assert found == await look(postgres)


async def test_hits_of_a_window(postgres: OwnPostgres, database: str) -> None:
    await execute(postgres, "create table warm as select g from generate_series(1, 100000) g", database=database)
    await until(lambda: counted(postgres, 100_000))  # 13 begins to count with the first session that ends
    async with client_of(postgres, database) as client:
        before = await blocks(client)
        await execute(postgres, *["select count(*) from warm"] * 40, database=database)

        async def asked() -> float | None:
            return hit_ratio(before, await blocks(client))[0]

        assert await until(asked) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("before", "after", "ratio", "why"),
    [
        (Blocks(100, 0, 1.0), Blocks(19_100, 1000, 1.0), 0.95, ""),
        (Blocks(100, 0, 1.0), Blocks(200, 3, 1.0), None, "only 103 blocks were asked for"),
        (Blocks(100, 0, None), Blocks(20_000, 0, 2.0), None, "were reset"),
    ],
)
def test_a_hit_ratio_needs_enough_blocks(before: Blocks, after: Blocks, ratio: float | None, why: str) -> None:
    found, reason = hit_ratio(before, after)

    assert found == ratio and why in reason and bool(why) == bool(reason)


def test_units_of_settings() -> None:
    assert parsed_settings(
        {
            "shared_buffers": ("16384", "8kB"),
            "work_mem": ("4096", "kB"),
            "max_wal_size": ("1024", "MB"),
            "fsync": ("off", None),
        }
    ) == {"shared_buffers_bytes": 128 << 20, "work_mem_bytes": 4 << 20, "max_wal_size_bytes": 1 << 30, "fsync": False}
