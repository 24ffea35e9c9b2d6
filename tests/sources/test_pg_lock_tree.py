from __future__ import annotations

import time

import pytest

from perftui.sources.pg_activity import PreparedRow, SessionRow
from perftui.sources.pg_lock_tree import LockNode, lock_tree


def session(pid: int, *blocked_by: int, leader: int | None = None, **seen: str | float | None) -> SessionRow:
    row = {
        "pid": pid,
        "backend_start_at": 0.0,
        "backend_type": "parallel worker" if leader else "client backend",
        "database": "app",
        "user": "u",
        "application": "orders-api",
        "client": None,
        "state": "active",
        "wait_type": "Lock" if blocked_by else None,
        "wait_event": None,
        "transaction_s": 60.0,
        "query_s": 10.0,
        "state_s": 10.0,
        "query": f"select {pid}",
        "leader_pid": leader,
        "blocked_by": blocked_by,
        "waited_s": 5.0 if blocked_by else None,
        **seen,
    }
    return SessionRow(**row)  # type: ignore[arg-type]  # a table of mixed values


def chain(length: int) -> list[SessionRow]:
    """100 holds up 101, 101 holds up 102, …: as many waiters as the chain is long."""
    return [session(100), *(session(pid, pid - 1) for pid in range(101, 101 + length))]


def drawn(*sessions: SessionRow) -> list[tuple[int, int, int]]:
    """(pid, depth, victims) of each node."""
    return [(node.pid, node.depth, node.victims) for node in lock_tree(sessions)]


@pytest.mark.parametrize("length", [1, 3, 40])
def test_a_chain_is_drawn_to_its_end_from_the_root_down(length: int) -> None:
    assert drawn(*reversed(chain(length))) == [(100 + depth, depth, length - depth) for depth in range(length + 1)]


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        ([], []),
        ([session(1), session(2)], []),
        # 1 read the table and went idle, 2 wants to alter it, the readers 3 and 4 queue behind 2 though 1 would let them.
        (
            [session(1), session(2, 1, waited_s=9.0), session(3, 2, waited_s=8.0), session(4, 2, waited_s=3.0)],
            [(1, 0, 3), (2, 1, 2), (3, 2, 0), (4, 2, 0)],
        ),
        # A row's queue: each waits for those ahead of it as well. A flat list below the first of them.
        (
            [session(1), session(2, 1), *(session(pid, *range(2, pid), waited_s=9.0 - pid) for pid in (3, 4, 5))],
            [(1, 0, 4), (2, 1, 3), (3, 2, 2), (4, 2, 1), (5, 2, 0)],
        ),
        # The alter (3) waits for the idle root and for the row's waiter (2).
        ([session(1), session(2, 1), session(3, 1, 2), session(4, 3)], [(1, 0, 3), (2, 1, 2), (3, 1, 1), (4, 2, 0)]),
        # Two roots share 5 and 6: drawn below the one that holds up more, counted by both.
        (
            [session(1), session(2), session(3, 2), session(5, 1, 2), session(6, 5)],
            [(2, 0, 3), (3, 1, 0), (5, 1, 1), (6, 2, 0), (1, 0, 2)],
        ),
        # Of victims that waited as long, the lower pid comes first; the longer wait before both.
        ([session(9), session(3, 9), session(2, 9), session(4, 9, waited_s=7.0)], [(9, 0, 3), (4, 1, 0), (2, 1, 0), (3, 1, 0)]),
        # A blocker that ended between the two reads of the server.
        ([session(3, 77)], [(77, 0, 1), (3, 1, 0)]),
        # Told twice, blocked twice by the same.
        ([session(1), session(2, 1, 1), session(2, 1, 1)], [(1, 0, 1), (2, 1, 0)]),
    ],
    ids=[
        "nobody",
        "nobody waits",
        "DDL behind an open transaction, readers behind the DDL",
        "queue for one row",
        "behind a waiter and its root",
        "two roots share victims",
        "order of victims",
        "blocker is missing",
        "duplicates",
    ],
)  # fmt: skip
def test_who_hangs_below_whom(sessions: list[SessionRow], expected: list[tuple[int, int, int]]) -> None:
    assert drawn(*sessions) == expected


@pytest.mark.parametrize(
    ("sessions", "expected", "caught"),
    [
        ([session(2, 1), session(1, 2)], [(1, 0, 1), (2, 1, 1)], {1, 2}),
        ([session(3, 2), session(1, 3), session(2, 1)], [(1, 0, 2), (2, 1, 2), (3, 2, 2)], {1, 2, 3}),
        ([session(2, 1), session(1, 2), session(5, 2)], [(1, 0, 2), (2, 1, 2), (5, 2, 0)], {1, 2}),
        # Somebody holds up a cycle: that one is the root.
        ([session(9), session(2, 1), session(1, 2, 9)], [(9, 0, 2), (1, 1, 1), (2, 2, 1)], {1, 2}),
        # One cycle behind another, which has the higher pids.
        (
            [session(8, 9), session(9, 8), session(1, 2, 8), session(2, 1)],
            [(8, 0, 3), (1, 1, 1), (2, 2, 1), (9, 1, 3)],
            {1, 2, 8, 9},
        ),
        # Two cycles with a member in common are one.
        ([session(1, 2, 3), session(2, 1), session(3, 1)], [(1, 0, 2), (2, 1, 2), (3, 1, 2)], {1, 2, 3}),
        ([session(4, 4)], [], set()),
    ],
    ids=["two", "three", "a victim of a cycle", "a cycle's blocker", "a cycle behind a cycle", "two in one", "itself alone"],
)  # fmt: skip
def test_cycles(sessions: list[SessionRow], expected: list[tuple[int, int, int]], caught: set[int]) -> None:
    nodes = lock_tree(sessions)

    assert sorted((node.pid, node.depth, node.victims) for node in nodes) == sorted(expected)
    assert {node.pid for node in nodes if node.in_cycle} == caught
    assert [node.depth for node in nodes][:1] in ([0], [])


def test_a_prepared_transaction_is_pid_0_with_the_age_of_the_oldest() -> None:
    root, victim = lock_tree(
        [session(7, 0)],
        [
            PreparedRow(gid="young", prepared_s=3.0, owner="app", database="d"),
            PreparedRow(gid="orphan", prepared_s=4000.0, owner="batch", database="d"),
        ],
    )

    assert (root.pid, root.held_s, root.user, root.state, root.query) == (
        0,
        4000.0,
        "batch",
        "prepared transaction",
        "orphan",
    )
    assert victim.blocked_by == (0,)


def test_parallel_workers_count_as_their_leader() -> None:
    sessions = [
        session(1, query="the holder"),
        session(20, query="the leader"),
        session(21, 1, leader=20, waited_s=4.0, lock_mode="AccessShareLock", lock_target="orders"),
        session(22, 1, 20, leader=20, waited_s=6.0, lock_mode="AccessShareLock", lock_target="items"),
        session(30, 22),
    ]

    root, group, behind = lock_tree(sessions)

    assert (root.pid, root.victims) == (1, 2)
    assert (group.pid, group.blocked_by, group.query) == (20, (1,), "the leader")
    assert (group.waited_s, group.relation) == (6.0, "items"), "of the worker that waited longest"
    assert behind.blocked_by == (20,)


def test_a_worker_whose_leader_was_not_seen_stands_for_it() -> None:
    _, group = lock_tree([session(1), session(21, 1, leader=20, query="select")])

    assert (group.pid, group.query) == (20, "select")


def test_a_node_tells_what_it_waits_for_and_how_long_its_blocker_holds() -> None:
    idle = session(1, state="idle in transaction", transaction_s=192.0, query="UPDATE orders SET a = ?")
    waiter = session(2, 1, waited_s=170.0, lock_mode="RowExclusiveLock", lock_target="orders")

    root, victim = lock_tree([idle, waiter])

    assert (root.state, root.held_s, root.waited_s, root.mode) == ("idle in transaction", 192.0, None, None)
    assert (victim.waited_s, victim.mode, victim.relation) == (170.0, "RowExclusiveLock", "orders")
    assert victim.application == "orders-api"


def _star(count: int) -> list[SessionRow]:
    return [session(1), *(session(pid, 1) for pid in range(2, count + 2))]


def _row_queue(count: int) -> list[SessionRow]:
    return [session(1), *(session(pid, *range(1, pid)) for pid in range(2, count + 2))]


@pytest.mark.parametrize(
    "sessions",
    [_star(2000), chain(2000), _row_queue(250), [*chain(1999), session(100, 2099)]],
    ids=["all behind one", "one behind the other", "a row's queue", "a cycle of 2,000"],
)
def test_2000_waiters_cost_little(sessions: list[SessionRow]) -> None:
    took = []
    for _ in range(3):
        began = time.perf_counter()
        tree: tuple[LockNode, ...] = lock_tree(sessions)
        took.append(time.perf_counter() - began)

    assert len(tree) == len({each.pid for each in sessions})
    assert min(took) < 1.0, "not a benchmark: the square of 2,000 would take minutes"
