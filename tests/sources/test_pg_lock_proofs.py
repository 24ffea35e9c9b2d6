"""Blocking trees of real servers that are hard to get right, compared with pg_blocking_pids."""

from __future__ import annotations

import asyncio

import pytest

from perftui.clients.own_postgres import OwnPostgres
from perftui.sources.pg_activity import derive
from perftui.sources.pg_lock_tree import LockNode
from perftui.sources.pg_running import running
from perftui.sources.pg_session import ASKED_ALL, ASKED_OLDEST
from tests.servers import Clients, Session, execute, restarted, until
from tests.sources.test_pg_session import edges, looking, pid, told, waiting

COMPARED = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"


@pytest.fixture
async def rows(postgres: OwnPostgres) -> str:
    await execute(postgres, "drop table if exists pt_rows", "create table pt_rows (id int primary key, paid bool)")
    await execute(postgres, "insert into pt_rows select g, false from generate_series(1, 200) g")
    return "pt_rows"


async def tree_of(server: OwnPostgres, user: str = "postgres") -> tuple[dict[int, set[int]], tuple[LockNode, ...]]:
    async with looking(server, user=user) as look:
        sample = await look()
    return told(sample), derive(None, sample).locks.tree


async def test_a_deadlock_in_progress_is_a_circle_with_those_behind_it(
    postgres: OwnPostgres, clients: Clients, rows: str
) -> None:
    one, other, behind, innocent = [await clients.new(name) for name in ("one", "other", "behind", "innocent")]
    for place, session in enumerate((one, other), start=1):
        await session.execute(f"set deadlock_timeout = '60s'; begin; update {rows} set paid = true where id = {place}")
    await innocent.execute(f"begin; update {rows} set paid = true where id = 9")
    clients.start(one, f"update {rows} set paid = true where id = 2")
    clients.start(other, f"update {rows} set paid = true where id = 1")
    await waiting(clients, 2)
    clients.start(behind, f"update {rows} set paid = true where id = 1")
    expected = await waiting(clients, 3)

    found, tree = await tree_of(postgres)

    assert found == expected
    circle = {await pid(one), await pid(other)}
    assert {node.pid for node in tree if node.in_cycle} == circle
    (root,) = [node for node in tree if node.depth == 0]
    assert (root.pid, root.victims) == (min(circle), 2)
    assert {node.pid for node in tree} == {*circle, await pid(behind)}, "who blocks nobody is not in it"


async def test_parallel_workers_that_wait_are_their_leader(postgres: OwnPostgres, clients: Clients, rows: str) -> None:
    holder, report, innocent = [await clients.new(name) for name in ("holder", "report", "innocent")]
    await holder.execute("create table if not exists pt_locked (id int)")
    await holder.execute(
        "create or replace function pt_peek(int) returns bool parallel safe language plpgsql as"
        " 'begin perform 1 from pt_locked; return true; end'"
    )
    await report.execute(
        "set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;"
        " set parallel_leader_participation = off; set max_parallel_workers_per_gather = 2"
    )
    await report.execute(f"alter table {rows} set (parallel_workers = 2)")
    await innocent.execute(f"begin; select * from {rows}")
    await holder.execute("begin; lock table pt_locked")
    clients.start(report, f"select count(*) from {rows} where pt_peek(id)")
    observer = await clients.new("observer")
    await until(lambda: workers_wait(observer))
    leader = await pid(report)

    found, tree = await tree_of(postgres)

    assert set().union(*found.values()) == {await pid(holder)}
    assert leader not in found, "the leader itself waits for its workers, not for the lock"
    assert await leaders_blockers(observer, leader) == {await pid(holder)}, "the server's account of the group"
    root, group = tree
    assert (root.pid, root.victims) == (await pid(holder), 1)
    assert (group.pid, group.blocked_by, group.relation) == (leader, (await pid(holder),), "public.pt_locked")


async def workers_wait(observer: Session) -> bool:
    rows = await observer.fetch(
        "select 1 from pg_stat_activity where backend_type = 'parallel worker' and wait_event_type = 'Lock'"
    )
    return bool(rows)


async def leaders_blockers(observer: Session, leader: int) -> set[int]:
    return (await edges(observer)).get(leader, set())


@pytest.mark.parametrize("postgres", [18], indirect=True)
@pytest.mark.parametrize("user", ["postgres", "pt_bare"])
async def test_300_waiters_have_their_roots_though_a_third_of_them_was_asked_about(
    user: str, postgres: OwnPostgres
) -> None:
    with restarted(postgres, max_connections="330") as server:
        await execute(server, "drop role if exists pt_bare", "create role pt_bare login")
        clients = Clients(server)
        try:
            first, second = await clients.new("first"), await clients.new("second")
            await first.execute("select pg_advisory_lock(1)")
            await second.execute("select pg_advisory_lock(2)")
            crowd = await asyncio.gather(*(clients.new("crowd") for _ in range(300)))
            for place, session in enumerate(crowd):
                clients.start(session, f"select pg_advisory_lock({1 if place < 260 else 2})")
            observer = await clients.new("observer")
            await until(lambda: all_wait(observer, 300))

            async with looking(server, user=user) as look:
                sample = await look()
            expected = await edges(observer)
        finally:
            await clients.close()

    found, locks = told(sample), derive(None, sample).locks
    assert ASKED_OLDEST < ASKED_ALL < 300
    assert found.keys() == expected.keys()
    assert {each: root_among(behind, locks.tree) for each, behind in found.items()} == {
        each: root_among(behind, locks.tree) for each, behind in expected.items()
    }
    assert (locks.waiting, locks.unplaced, locks.root_blockers) == (300, 0, 2)
    assert [(node.application, node.victims) for node in locks.tree if node.depth == 0] == [
        ("first", 260),
        ("second", 40),
    ]


async def all_wait(observer: Session, count: int) -> bool:
    return bool(await observer.fetchval(COMPARED) == count)


def root_among(behind: set[int], tree: tuple[LockNode, ...]) -> set[int]:
    """Those of the blockers that wait for nobody."""
    return behind & {node.pid for node in tree if node.depth == 0}


async def test_an_idle_session_with_an_advisory_lock_is_told_and_counted_once(
    postgres: OwnPostgres, clients: Clients
) -> None:
    holder, waiter = await clients.new("jobs"), await clients.new("jobs")
    await clients.new("jobs")
    await holder.execute("select pg_advisory_lock(7)")
    clients.start(waiter, "select pg_advisory_lock(7)")
    await waiting(clients, 1)

    async with looking(postgres) as look:
        sample = await look()

    part = derive(None, sample)
    (root,) = [node for node in part.locks.tree if node.depth == 0]
    assert (root.pid, root.application, root.state, root.victims) == (await pid(holder), "jobs", "idle", 1)
    assert {group.application: group.count for group in sample.idle} == {"jobs": 1, "observer": 1}
    assert (part.connections.idle, part.connections.active, part.connections.used) == (3, 1, 5)
    assert [each.session.pid for each in running(part)] == [await pid(waiter)], "who idles runs nothing"
