"""Locks: the tree as the operator reads it, at any size; and what waits for something else."""

from __future__ import annotations

import msgspec
import pytest

from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pg_lock_tree import LockNode
from perftui.views.model import Table, TableState
from perftui.views.pg_locks import pane, zoom
from perftui.views.pg_waits import meaning
from tests.views.drawn import column, flat, text
from tests.views.pg_scenes import ACTIVITY, WAITERS, database, locks, node, root, session


@pytest.fixture(scope="module")
def held() -> Snapshot:
    return database(10)


def activity(*tree: LockNode, **changes: object) -> PgActivityPart:
    return msgspec.structs.replace(ACTIVITY, locks=locks(*tree), **{"backends": (), **changes})


def drawn(*tree: LockNode, width: int = 70, height: int = 12) -> list[str]:
    return [flat(line) for line in pane(database(1, pg_activity=activity(*tree)), width, height).lines]


def table(snapshot: Snapshot, width: int = 200, wanted: str = "") -> Table:
    found = zoom(snapshot, TableState(filter=wanted), width).table
    assert found is not None
    return found


def test_the_picture_of_the_design(held: Snapshot) -> None:
    shown = pane(held, 56, 4)

    assert shown.title == "Locks · 37 waiting, longest 2m50s"
    assert [flat(line) for line in shown.lines] == [
        "● 4242 idle in tx 3m12s orders-api  blocks 37",
        "└ 4310 UPDATE orders …  waits 2m50s  RowExclusive orders",
        "└ 4311 UPDATE orders …  waits 2m49s  RowExclusive orders",
        "  … 35 more wait",
    ]


def test_one_line_of_an_80_column_screen_names_the_root(held: Snapshot) -> None:
    assert [flat(line) for line in pane(held, 59, 1).lines] == [
        "● 4242 idle in tx 3m12s orders-api  blocks 37 for 2m50s"
    ]


def test_nobody_waits() -> None:
    shown = pane(database(1, pg_activity=activity()), 60, 6)

    assert (shown.title, text(shown.lines)) == ("Locks", "no lock waits")


def test_without_lock_waits_the_other_waits_are_told() -> None:
    backends = (
        *(session(i, wait_type="IO", wait_event="WALSync") for i in range(3)),
        session(9),
        session(10, wait_type="Lock", wait_event="tuple", blocked_by=(1,)),
    )
    lines = pane(database(1, pg_activity=activity(backends=backends)), 100, 6).lines

    assert [flat(line) for line in lines] == [
        "no lock waits",
        "  3 IO WALSync  waits until the log is on the disk: commits are as slow as its fsync",
        "  1 CPU  runs, or waits for a CPU",
    ]


def test_every_root_is_seen_before_the_victims_of_the_first() -> None:
    lines = drawn(root(1, 30), *(node(10 + i) for i in range(30)), root(2, 1), node(90), root(3, 1), node(91), height=6)

    assert [line.split()[:2] for line in lines] == [
        ["●", "1"],
        ["└", "10"],
        ["└", "11"],
        ["●", "2"],
        ["●", "3"],
        ["…", "30"],
    ]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (
            root(state="active", query="ALTER TABLE orders ADD x int"),
            "● 4242 active 3m12s orders-api  blocks 37  ALTER",
        ),
        (root(application=None), "● 4242 idle in tx 3m12s orders  blocks 37"),
        (root(state=None, held_s=None, application=None, user=None), "● 4242 state hidden  blocks 37"),
        (root(0, 2, state="prepared transaction", query="tx-17"), "● prepared tx-17 transaction 3m12s"),
        (root(7, 1, in_cycle=True), "● 7 deadlock pending 3m12s"),
        (root(state="idle in transaction (aborted)"), "● 4242 aborted tx 3m12s"),
    ],
)
def test_a_root_says_why_it_holds(one: LockNode, words: str) -> None:
    assert drawn(one, node(10))[0].startswith(words)


def test_the_text_of_an_idle_transaction_is_not_told_as_what_it_does(held: Snapshot) -> None:
    assert "FOR UPDATE" not in text(pane(held, 120, 10).lines)
    assert column(table(held), "query, or what it means")[0].startswith("last: SELECT * FROM orders")


def test_a_long_relation_costs_the_mode_first() -> None:
    (_, line) = drawn(root(), node(10, relation="a_table_with_a_long_name"), width=60)

    assert line.endswith("  a_table_with_a_long_name")


def test_a_deep_tree_tells_its_depth_as_a_number() -> None:
    chain = [node(100 + depth, depth, victims=39 - depth) for depth in range(1, 40)]
    lines = drawn(root(victims=39), *chain, height=50)

    assert len(lines) == 40
    assert "+34 └ 139" in lines[-1]
    assert "waits 2m50s" in lines[-1]


def test_the_zoom_tells_all_of_each_backend(held: Snapshot) -> None:
    found = table(held)

    assert column(found, "backend, or wait")[:2] == ["● 4242", "└ 4310"]
    for name, words in (
        ("state", "active"),
        ("waited", "2m50s"),
        ("held", "2m51s"),
        ("blocks", "0"),
        ("mode", "RowExclusive"),
        ("relation", "orders"),
        ("application", "orders-api"),
        ("user", "orders"),
        ("behind", "4242"),
    ):
        assert column(found, name)[1] == words
    assert len(found.rows) == 38 + 3


def test_waits_that_no_lock_explains_stand_below_with_their_meaning(held: Snapshot) -> None:
    found = table(held)

    assert column(found, "backend, or wait")[38:] == ["LWLock WALWrite", "CPU", "Client ClientRead"]
    assert column(found, "state")[38:] == ["2 wait", "1 wait", "1 wait"]
    assert "many commits wait" in column(found, "query, or what it means")[38]


def test_a_filter_keeps_those_who_are_waited_for() -> None:
    tree = (root(1, 3), node(2, victims=1), node(3, 2, application="needle"), node(4), root(5, 1), node(6))
    found = table(database(1, pg_activity=activity(*tree)), wanted="NEEDLE")

    assert column(found, "backend, or wait") == ["● 1", "└ 2", "  └ 3"]


def test_the_same_backend_keeps_its_key_while_others_come_and_go() -> None:
    early = table(database(1, pg_activity=activity(root(), *WAITERS[:5])))
    late = table(database(1, pg_activity=activity(root(), *WAITERS[3:9])))

    assert {"4242", "4313", "4314"} == {row.key for row in early.rows} & {row.key for row in late.rows}


def test_what_this_role_may_not_see_is_told() -> None:
    part = activity(root(state=None, query=None), node(10, state=None, query=None), sees_others=False)

    assert "states and texts of others need: grant pg_monitor to this role" in text(
        pane(database(1, pg_activity=part), 70, 6).lines
    )


@pytest.mark.parametrize(
    ("wait_type", "event", "words"),
    [
        ("LWLock", "LockManager", "very many locks"),
        ("LWLock", "SomethingNew", "shared memory"),
        ("IO", "DataFileRead", "missing index"),
        ("Client", "ClientRead", "keeps its locks"),
        ("BufferPin", "BufferPin", "open cursor"),
        ("InjectionPoint", "x", ""),
    ],
)
def test_a_wait_has_a_meaning_by_event_or_by_type(wait_type: str, event: str, words: str) -> None:
    assert words in meaning(wait_type, event)
    assert bool(meaning(wait_type, event)) == bool(words)


def test_the_chart_shows_who_waits_over_time(held: Snapshot) -> None:
    chart = zoom(held, TableState(span_s=5.0), 118).chart

    assert chart is not None
    assert {line.name: line.values[-1] for line in chart.lines} == {"waiting": 37.0, "root blockers": 1.0}
