"""Who holds back vacuum on real servers, and a vacuum that runs."""

from __future__ import annotations

import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.own_postgres import OwnPostgres
from perftui.sources.pg_vacuum import PgVacuum, PgVacuumSample, VacuumRow, XminHolder, derive
from tests.servers import Clients, execute, until
from tests.sources.pg_reading import client_of


@pytest.fixture
async def items(postgres: OwnPostgres) -> None:
    await execute(
        postgres,
        "drop table if exists items",
        "create table items as select g as id, repeat('x', 100) as note from generate_series(1, 20000) g",
    )


async def sample_of(server: OwnPostgres) -> PgVacuumSample:
    async with client_of(server) as client:
        return await PgVacuum(client, SystemClock()).sample()


def named(sample: PgVacuumSample, name: str) -> XminHolder:
    (found,) = (each for each in sample.holders if each.name == name)
    return found


async def test_sessions_and_prepared_transactions_oldest_first(
    postgres: OwnPostgres, clients: Clients, items: None
) -> None:
    reader, writer, forgotten, quiet = [await clients.new(name) for name in ("reader", "writer", "forgotten", "quiet")]
    await forgotten.execute("begin; insert into items values (0); prepare transaction 'pt-x'")
    try:
        await reader.execute("begin isolation level repeatable read; select * from items limit 1")
        await writer.execute("begin; insert into items values (0)")
        await quiet.execute("begin")
        for _ in range(3):
            await execute(postgres, "insert into items values (0)")

        sample = await sample_of(postgres)
    finally:
        await execute(postgres, "rollback prepared 'pt-x'")

    assert [(each.kind, each.name) for each in sample.holders] == [
        ("prepared transaction", "pt-x"),
        ("session", "reader"),
        ("session", "writer"),
    ]
    ages = [each.age for each in sample.holders]
    assert ages[0] == ages[1] > ages[2] > 0, "the reader's snapshot is from a time when the prepared one ran"
    found = named(sample, "reader")
    assert (found.pid, found.state, found.here) == (reader.get_server_pid(), "idle in transaction", True)
    assert found.held_s is not None and 0 <= found.held_s < 30
    assert derive(None, sample).oldest_xmin_age == ages[0]


async def test_a_transaction_of_another_database_is_no_concern_of_the_tables_here(
    postgres: OwnPostgres, clients: Clients
) -> None:
    await execute(postgres, "create database elsewhere")
    try:
        session = await clients.new("far", "elsewhere")
        await session.execute("begin isolation level repeatable read; select 1")

        assert named(await sample_of(postgres), "far").here is False
        await session.close()
    finally:
        await execute(postgres, "drop database elsewhere")


async def test_a_vacuum_that_runs_is_told_with_its_phase_and_holds_back_nobody(
    postgres: OwnPostgres, clients: Clients, items: None
) -> None:
    worker = await clients.new("worker")
    await worker.execute("set vacuum_cost_delay = 100; set vacuum_cost_limit = 1")
    clients.start(worker, "vacuum items")

    async with client_of(postgres) as client:
        source = PgVacuum(client, SystemClock())

        async def scanning() -> PgVacuumSample | None:
            sample = await source.sample()
            return sample if any((row.scanned or 0) > 0 for row in sample.vacuums) else None

        sample: PgVacuumSample = await until(scanning)

    (vacuum,) = derive(None, sample).vacuums
    assert (vacuum.relation, vacuum.by, vacuum.pid) == ("public.items", "a session", worker.get_server_pid())
    assert vacuum.phase == "scanning heap"
    assert vacuum.scanned_ratio is not None and 0 < vacuum.scanned_ratio < 1
    assert vacuum.pid not in {each.pid for each in sample.holders}


async def test_without_rights_who_vacuums_is_known_and_not_what(
    postgres: OwnPostgres, clients: Clients, items: None
) -> None:
    worker = await clients.new("worker")
    await worker.execute("set vacuum_cost_delay = 100; set vacuum_cost_limit = 1")
    await execute(postgres, "create role bare login")
    try:
        clients.start(worker, "vacuum items")
        async with client_of(postgres, user="bare") as client:
            source = PgVacuum(client, SystemClock())

            async def runs() -> PgVacuumSample | None:
                sample = await source.sample()
                return sample if sample.vacuums else None

            sample: PgVacuumSample = await until(runs)
    finally:
        await clients.leave()
        await execute(postgres, "drop role bare")

    (vacuum,) = derive(None, sample).vacuums
    assert (vacuum.relation, vacuum.phase, vacuum.scanned_ratio) == (None, None, None)


@pytest.mark.parametrize(
    ("kind", "wraparound", "by"),
    [
        ("autovacuum worker", False, "autovacuum"),
        ("autovacuum worker", True, "autovacuum to prevent wraparound"),
        ("client backend", False, "a session"),
    ],
)
def test_who_vacuums(kind: str, wraparound: bool, by: str) -> None:
    row = VacuumRow(
        pid=5, oid=16384, relation=None, phase=2, blocks=0, scanned=0, backend_type=kind, wraparound=wraparound,
        running_s=1.0,
    )  # fmt: skip
    (vacuum,) = derive(None, PgVacuumSample(mono=0.0, holders=(), vacuums=(row,))).vacuums

    assert (vacuum.by, vacuum.relation, vacuum.phase, vacuum.scanned_ratio) == (by, "16384", "vacuuming indexes", None)
