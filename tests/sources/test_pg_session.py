"""Sessions and blocking edges as read from real servers, compared with what the server itself says at that moment."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.own_postgres import OwnPostgres
from perftui.clients.postgres import Postgres
from perftui.sources.pg_activity import PgActivitySample, SessionRow, derive
from perftui.sources.pg_lock_tree import LockNode
from perftui.sources.pg_session import EDGES, PgActivity
from tests.servers import Clients, Session, dsn, end_all_sessions, execute, running_bytes, until

Look = Callable[[], Awaitable[PgActivitySample]]


@contextlib.asynccontextmanager
async def looking(server: OwnPostgres, database: str = "postgres", user: str = "postgres") -> AsyncIterator[Look]:
    """The source on a connection of its own, connected."""
    clock = SystemClock()
    client = Postgres(dsn(server, database, user), clock.mono)
    source = PgActivity(client, clock)

    async def connected() -> bool:
        with contextlib.suppress(Exception):
            await client.rows("select 1")
        return client.connections == 1

    try:
        await until(connected)
        yield source.sample
    finally:
        await client.close()


@pytest.fixture
async def look(postgres: OwnPostgres) -> AsyncIterator[Look]:
    async with looking(postgres) as found:
        yield found


@pytest.fixture
async def orders(postgres: OwnPostgres) -> str:
    """A table of two hundred rows."""
    await execute(postgres, "drop table if exists orders", "create table orders (id int primary key, paid bool)")
    await execute(postgres, "insert into orders select g, false from generate_series(1, 200) g")
    return "orders"


async def edges(session: Session) -> dict[int, set[int]]:
    """Who waits for whom by the server's own account."""
    rows = await session.fetch(
        "select pid, pg_blocking_pids(pid) as behind from pg_stat_activity where cardinality(pg_blocking_pids(pid)) > 0"
    )
    return {row["pid"]: set(row["behind"]) for row in rows}


async def waiting(clients: Clients, count: int) -> dict[int, set[int]]:
    """The server's account once so many wait."""
    session = await clients.new("observer")
    found: dict[int, set[int]] = {}

    async def enough() -> bool:
        nonlocal found
        found = await edges(session)
        return len(found) >= count

    await until(enough)
    return found


def row(sample: PgActivitySample, pid: int) -> SessionRow:
    (found,) = (each for each in sample.sessions if each.pid == pid)
    return found


def told(sample: PgActivitySample) -> dict[int, set[int]]:
    return {each.pid: set(each.blocked_by) for each in sample.sessions if each.blocked_by}


def roots(sample: PgActivitySample) -> dict[int, LockNode]:
    return {node.pid: node for node in derive(None, sample).locks.tree if node.depth == 0}


async def pid(session: Session) -> int:
    found: int = session.get_server_pid()
    return found


@pytest.mark.parametrize("length", [1, 3, 40])
async def test_chains_have_the_servers_edges_and_one_root(
    length: int, clients: Clients, orders: str, look: Look
) -> None:
    sessions = [await clients.new(f"chain {place}") for place in range(length + 1)]
    for place, session in enumerate(sessions):
        await session.execute(f"begin; update {orders} set paid = true where id = {place + 1}")
    for place, session in enumerate(sessions[1:]):
        clients.start(session, f"update {orders} set paid = true where id = {place + 1}")
    expected = await waiting(clients, length)

    sample = await look()

    assert told(sample) == expected
    (root,) = roots(sample).values()
    assert (root.pid, root.victims, root.application) == (await pid(sessions[0]), length, "chain 0")
    assert root.state == "idle in transaction" and root.query == f"begin; update {orders} set paid = true where id = ?"
    assert root.held_s is not None and root.held_s >= 0
    last = row(sample, await pid(sessions[-1]))
    assert (last.wait_type, last.lock_mode, last.lock_target) == ("Lock", "ShareLock", f"public.{orders} (row)")
    assert last.waited_s is not None and 0 <= last.waited_s < 60


async def test_two_roots_may_hold_up_the_same_backend(clients: Clients, orders: str, look: Look) -> None:
    readers = [await clients.new() for _ in range(2)]
    for reader in readers:
        await reader.execute(f"begin; select * from {orders}")
    clients.start(await clients.new(), f"alter table {orders} add note text")
    expected = await waiting(clients, 1)

    sample = await look()

    assert told(sample) == expected
    assert set(roots(sample)) == {await pid(reader) for reader in readers}
    assert derive(None, sample).locks.root_blockers == 2


async def test_readers_queue_behind_ddl_that_waits_itself(clients: Clients, orders: str, look: Look) -> None:
    holder, ddl, reader = [await clients.new(name) for name in ("holder", "ddl", "reader")]
    await holder.execute(f"begin; select * from {orders}")
    clients.start(ddl, f"alter table {orders} add note text")
    await waiting(clients, 1)
    clients.start(reader, f"select * from {orders}")
    expected = await waiting(clients, 2)

    sample = await look()

    assert told(sample) == expected == {await pid(ddl): {await pid(holder)}, await pid(reader): {await pid(ddl)}}
    assert [(node.pid, node.victims) for node in roots(sample).values()] == [(await pid(holder), 2)]
    assert (row(sample, await pid(ddl)).lock_mode, row(sample, await pid(ddl)).lock_target) == (
        "AccessExclusiveLock",
        f"public.{orders}",
    )


async def test_a_long_queue_is_told_without_all_its_edges(clients: Clients, orders: str, look: Look) -> None:
    holder = await clients.new()
    await holder.execute(f"begin; lock table {orders}")
    for _ in range(EDGES + 10):
        clients.start(await clients.new(), f"begin; lock table {orders}")
    expected = await waiting(clients, EDGES + 10)

    sample = await look()

    behind = told(sample)
    assert behind.keys() == expected.keys()
    root = await pid(holder)
    assert all(root in each and len(each) <= EDGES for each in behind.values())
    assert [(node.pid, node.victims) for node in roots(sample).values()] == [(await pid(holder), EDGES + 10)]


async def test_advisory_locks(clients: Clients, look: Look) -> None:
    holder, waiter = await clients.new(), await clients.new()
    await holder.execute("select pg_advisory_lock(7)")
    clients.start(waiter, "select pg_advisory_lock(7)")
    expected = await waiting(clients, 1)

    sample = await look()

    assert told(sample) == expected
    assert row(sample, await pid(waiter)).lock_target == "advisory"


async def test_a_prepared_transaction_is_a_root_without_a_process(clients: Clients, orders: str, look: Look) -> None:
    preparing, waiter = await clients.new(), await clients.new()
    await preparing.execute(f"begin; update {orders} set paid = true where id = 1")
    await preparing.execute("prepare transaction 'pt-left'")
    try:
        clients.start(waiter, f"update {orders} set paid = true where id = 1")
        expected = await waiting(clients, 1)

        sample = await look()

        assert told(sample) == expected == {await pid(waiter): {0}}
        (root,) = roots(sample).values()
        assert (root.pid, root.query, root.user, root.victims) == (0, "pt-left", "postgres", 1)
        assert root.held_s is not None and root.held_s >= 0
    finally:
        await preparing.execute("rollback prepared 'pt-left'")


async def test_counts_are_those_of_pg_stat_activity(
    clients: Clients, postgres: OwnPostgres, orders: str, look: Look
) -> None:
    for name, count in (("web", 5), ("jobs", 2)):
        for _ in range(count):
            await (await clients.new(name)).fetch("select 1")
    busy, open_one, aborted = [await clients.new("busy") for _ in range(3)]
    clients.start(busy, "select pg_sleep(30)")
    await open_one.execute(f"begin; update {orders} set paid = true where id = 1")
    await aborted.execute("begin")
    with contextlib.suppress(Exception):
        await aborted.execute("select 1 / 0")
    observer = await clients.new("observer")

    sample = await look()
    counted = await observer.fetch(
        "select application_name, coalesce(state, '') as state, count(*)::int as count from pg_stat_activity"
        " where backend_type = 'client backend' and application_name not like 'perftui/%' and pid <> pg_backend_pid()"
        " group by 1, 2"
    )

    part = derive(None, sample)
    theirs = {(each["application_name"], each["state"]): each["count"] for each in counted}
    assert {group.application: group.count for group in sample.idle} == {"web": 5, "jobs": 2, "observer": 1}
    assert theirs[("web", "idle")] == 5 and theirs[("jobs", "idle")] == 2
    assert (part.connections.active, part.connections.idle_in_transaction) == (1, 2)
    assert part.connections.used == sum(theirs.values()) + 2
    assert part.connections.max == 70 and part.connections.reserved == 3
    assert {each.name: each.count for each in part.connections.by_application} == {
        "web": 5, "jobs": 2, "busy": 3, "observer": 1,
    }  # fmt: skip
    assert part.connections.oldest_transaction_s == max(each.transaction_s or 0 for each in part.backends)
    assert row(sample, await pid(busy)).wait_event == "PgSleep"
    assert row(sample, await pid(aborted)).state == "idle in transaction (aborted)"
    assert (part.role, part.sees_others) == ("primary", True)


@pytest.fixture
async def roles(postgres: OwnPostgres) -> AsyncIterator[None]:
    await execute(
        postgres,
        "create role bare login",
        "create role monitor login in role pg_monitor",
        "create role noinherit login noinherit in role pg_monitor",
    )
    yield
    await execute(postgres, "drop role bare", "drop role monitor", "drop role noinherit")


@pytest.mark.parametrize("user", ["bare", "noinherit"])
async def test_without_rights_the_edges_and_the_count_are_still_right(
    user: str, clients: Clients, postgres: OwnPostgres, roles: None, orders: str
) -> None:
    holder, waiter, idle = [await clients.new(name) for name in ("holder", "waiter", "idle")]
    await holder.execute(f"begin; update {orders} set paid = true where id = 1")
    await idle.fetch("select 1")
    clients.start(waiter, f"update {orders} set paid = true where id = 1")
    expected = await waiting(clients, 1)

    async with looking(postgres, user=user) as look:
        sample = await look()
    if user == "noinherit" and sample.server.version_num < 150000:
        assert sample.server.sees_others and row(sample, await pid(waiter)).query
        return

    part = derive(None, sample)
    assert told(sample) == expected
    assert part.sees_others is False
    assert part.connections.used == 5
    assert {row.application for row in sample.sessions if row.backend_type == "client backend"} >= {"holder", "waiter"}
    hidden = row(sample, await pid(waiter))
    assert (hidden.query, hidden.state, hidden.wait_event, hidden.transaction_s) == (None, None, None, None)
    assert (hidden.user, hidden.database, hidden.lock_mode) == ("postgres", "postgres", "ShareLock")
    (root,) = roots(sample).values()
    assert (root.pid, root.victims, root.application) == (await pid(holder), 1, "holder")
    assert part.connections.oldest_transaction_s is None


async def test_with_pg_monitor_all_is_seen(clients: Clients, postgres: OwnPostgres, roles: None, orders: str) -> None:
    holder = await clients.new("holder")
    await holder.execute(f"begin; update {orders} set paid = true where id = 1")

    async with looking(postgres, user="monitor") as look:
        sample = await look()

    seen = row(sample, await pid(holder))
    assert seen.state == "idle in transaction" and seen.query and seen.transaction_s is not None
    assert sample.server.sees_others is True and sample.server.role == "monitor"


async def test_a_grant_helps_without_a_new_connection(postgres: OwnPostgres, roles: None) -> None:
    clock = Shifted()
    client = Postgres(dsn(postgres, user="bare"), clock.mono)
    source = PgActivity(client, clock)
    try:
        await until(lambda: connected(client))
        assert (await source.sample()).server.sees_others is False
        await execute(postgres, "grant pg_monitor to bare")
        clock.ahead_s = 61.0

        assert (await source.sample()).server.sees_others is True
        assert client.connections == 1
    finally:
        await client.close()
        await execute(postgres, "revoke pg_monitor from bare")


class Shifted(SystemClock):
    """The clock of a minute later."""

    ahead_s = 0.0

    def mono(self) -> float:
        return super().mono() + self.ahead_s


async def connected(client: Postgres) -> bool:
    with contextlib.suppress(Exception):
        await client.rows("select 1")
    return client.connections > 0


async def test_hostile_text_is_harmless(clients: Clients, look: Look) -> None:
    session = await clients.new("app\x1b]0;owned\x07\n\u202e" + "x" * 100)
    clients.start(session, 'select pg_sleep(30) as "\x1b[31m\u202eab\r\n\tc", \'' + "s" * 65_536 + "'")
    await until(lambda: sleeping(look))

    found = row(await look(), await pid(session))

    assert found.query == 'select pg_sleep(?) as "?[?m?ab c", ?…'.replace("[?m", "[31m")
    assert found.application is not None and found.application.isprintable() and len(found.application) <= 64


async def test_bytes_that_are_no_text_of_the_encoding(postgres: OwnPostgres) -> None:
    """As a look from a database of any encoding, at one that takes any bytes."""
    encodings = {"raw": "SQL_ASCII", "latin": "LATIN1", "japanese": "EUC_JP"}
    for name, encoding in encodings.items():
        await execute(
            postgres, f"create database {name} encoding '{encoding}' lc_collate 'C' lc_ctype 'C' template template0"
        )
    try:
        with running_bytes(postgres, "raw", b'select pg_sleep(30) as "caf\xe9", \'' + b"\xe2\x82" * 200 + b"'"):
            for database in ("postgres", *encodings):
                async with looking(postgres, database) as look:
                    await until(partial(sleeping, look))
                    (found,) = [each for each in (await look()).sessions if each.wait_event == "PgSleep"]
                    assert found.query == 'select pg_sleep(?) as "caf\ufffd", ?…', database
                    assert found.database == "raw"
    finally:
        for name in encodings:
            await end_all_sessions(postgres, name)
            await execute(postgres, f"drop database {name}")


async def sleeping(look: Look) -> bool:
    return any(each.wait_event == "PgSleep" for each in (await look()).sessions)


@pytest.mark.parametrize("catalog", ["pg_class", "pg_database", "pg_authid", "pg_extension", "pg_proc", "pg_type"])
async def test_it_goes_on_while_a_catalog_is_locked(catalog: str, clients: Clients, orders: str, look: Look) -> None:
    holder, waiter, locker = [await clients.new(name) for name in ("holder", "waiter", "locker")]
    await holder.execute(f"begin; lock table {orders}")
    await look()
    clients.start(waiter, f"begin; lock table {orders}")
    expected = await waiting(clients, 1)
    await locker.execute(f"begin; lock table pg_catalog.{catalog} in access exclusive mode")

    sample = await look()

    assert told(sample) == expected
    found = row(sample, await pid(waiter))
    assert found.user == "postgres" and found.database == "postgres"
    assert found.lock_target is not None and ("orders" in found.lock_target) is (catalog != "pg_class")


async def test_thousands_of_roles_and_many_databases(postgres: OwnPostgres, clients: Clients) -> None:
    make = "do $$ begin for i in 1..5000 loop execute format('create role pt_many_%s', i); end loop; end $$"
    drop = "do $$ begin for i in 1..5000 loop execute format('drop role if exists pt_many_%s', i); end loop; end $$"
    await execute(postgres, make)
    try:
        await clients.new()
        async with looking(postgres) as look:
            began = time.perf_counter()
            sample = await look()
            took_s = time.perf_counter() - began
            again = await look()
    finally:
        await execute(postgres, drop)

    print(f"first look at 5,000 roles: {took_s * 1000:.0f} ms")
    assert took_s < 1.0
    assert [each.user for each in sample.idle] == [each.user for each in again.idle] == ["postgres"]


async def test_who_we_are_is_told(postgres: OwnPostgres, roles: None) -> None:
    await execute(postgres, "create database pt_shop")
    try:
        async with looking(postgres, "pt_shop", "monitor") as look:
            part = derive(None, await look())
        assert (part.login, part.database, part.pooled, part.change) == ("monitor", "pt_shop", False, None)
    finally:
        await end_all_sessions(postgres, "pt_shop")
        await execute(postgres, "drop database pt_shop")
