"""What runs now: one row a statement, workers with their leader, waiters with their root; long ones beside ended ones."""

from __future__ import annotations

import msgspec
import pytest

from perftui.model.finding import Constraint, Finding, Severity
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_activity import PgActivityPart, SessionRow
from perftui.views.model import Role, Table, TableState
from perftui.views.pg_statements import pane, zoom
from tests.views.drawn import column, flat, text
from tests.views.pg_scenes import ACTIVITY, CONNECTING, NO_EXTENSION, database, node, root, session

SERVERS_OWN = {"user": None, "application": "", "client": None}


def at_work(*backends: SessionRow, workers: tuple[SessionRow, ...] = (), **changes: object) -> PgActivityPart:
    return msgspec.structs.replace(ACTIVITY, backends=backends, workers=workers, **changes)


def worker(pid: int, leader: int) -> SessionRow:
    return session(pid, backend_type="parallel worker", leader_pid=leader, query_s=40.0)


def turned(snapshot: Snapshot, width: int = 200, **chosen: object) -> Table:
    table = zoom(snapshot, TableState(turned=True, **chosen), width).table  # type: ignore[arg-type]
    assert table is not None
    return table


def running(*backends: SessionRow, width: int = 200, workers: tuple[SessionRow, ...] = (), **chosen: object) -> Table:
    return turned(database(1, pg_activity=at_work(*backends, workers=workers)), width, **chosen)


def test_what_runs_stands_in_the_order_of_its_age_and_who_idles_is_left_out() -> None:
    table = turned(database(1))

    assert column(table, "pid") == ["4310", "4400", "4401", "4402"]
    assert column(table, "running")[0] == "2m50s"
    assert table.sorted_by == "age"
    assert table.rows[0].key == "session 4310:5310.0"


def test_a_waiter_names_its_root_blocker_and_a_wait_what_it_means() -> None:
    waits, roots = (column(turned(database(1)), name) for name in ("waits for", "root blocker"))

    assert waits[0] == "lock orders · idle in tx 3m12s holds it"
    assert waits[1].startswith("LWLock WALWrite · many commits wait")
    assert waits[3] == "on CPU"
    assert roots == ["4242", "", "", ""]


def test_the_root_is_the_end_of_the_chain_and_not_the_next_in_it() -> None:
    chain = (root(1, 2), node(2, 1, blocked_by=(1,)), node(3, 2, blocked_by=(2,)))
    part = at_work(
        session(3, blocked_by=(2,)),
        session(2, blocked_by=(1,)),
        locks=msgspec.structs.replace(ACTIVITY.locks, tree=chain),
    )

    assert column(turned(database(1, pg_activity=part)), "root blocker") == ["1", "1"]


def test_parallel_workers_stand_with_their_leader() -> None:
    table = running(session(7, query_s=50.0), session(8), workers=(worker(70, 7), worker(71, 7), worker(90, 9)))

    assert column(table, "pid") == ["7 +2", "90", "8"], "90's leader is not seen"


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (session(7, backend_type="autovacuum worker", query="autovacuum: VACUUM orders", **SERVERS_OWN), ["7"]),
        (session(7, backend_type="walsender", query="START_REPLICATION ?", **SERVERS_OWN), []),
        (session(7, backend_type="logical replication apply worker", query="", **SERVERS_OWN), []),
        (session(7, backend_type="startup", state=None, query=None, **SERVERS_OWN), []),
    ],
    ids=["autovacuum", "WAL sender", "logical replication", "replay"],
)
def test_of_the_servers_own_processes_those_that_will_end_are_shown(row: SessionRow, shown: list[str]) -> None:
    table = running(workers=(row,))

    assert column(table, "pid") == shown
    assert column(table, "application") == ["autovacuum worker" for _ in shown]


@pytest.mark.parametrize(
    ("sort", "first"), [("", "4310"), ("age", "4310"), ("application", "4400"), ("wait", "4400"), ("calls", "4310")]
)
def test_the_table_sorts_by_its_own_columns(sort: str, first: str) -> None:
    assert column(turned(database(1), sort=sort), "pid")[0] == first


@pytest.mark.parametrize(("wanted", "pids"), [("walwrite", ["4400", "4401"]), ("PSQL", ["4402"]), ("xyz", [])])
def test_a_filter_finds_waits_applications_and_texts(wanted: str, pids: list[str]) -> None:
    assert column(turned(database(1), filter=wanted), "pid") == pids


def test_at_80_columns_pid_age_wait_and_statement_remain() -> None:
    names = [each.name for each in turned(database(1), width=78).columns]

    assert names[:2] == ["pid", "running"] and {"waits for", "root blocker", "statement"} <= set(names)


def test_without_rights_the_reason_is_told() -> None:
    blind = at_work(session(1, state=None, query=None), sees_others=False)
    table = turned(database(1, pg_activity=blind))

    assert table.rows == ()
    assert "grant pg_monitor to this role" in table.empty


def test_the_zoom_turns_between_what_ended_and_what_runs() -> None:
    ended, now = (zoom(database(1), TableState(turned=turn), 118) for turn in (False, True))

    assert (ended.title, ended.turn) == ("Slow statements", "running")
    assert (now.title, now.turn) == ("Running queries", "ended")


def test_without_the_extension_what_runs_is_shown_with_the_reason() -> None:
    snapshot = database(1, {"pg_statements": NO_EXTENSION})
    shown = zoom(snapshot, TableState(), 118)

    assert shown.table is not None and column(shown.table, "pid")[0] == "4310"
    assert "CREATE EXTENSION" in text(shown.lines)
    assert shown.turn == ""


def test_long_ones_stand_below_the_ended_ones_once_each() -> None:
    part = at_work(
        session(7, query_s=192.0, query_id=5, wait_type="IO", wait_event="DataFileRead", query="SELECT report(?)"),
        session(8, query_s=30.0, query_id=5),
        session(9, query_s=9.0, query_id=6),
        session(10, query_s=500.0, blocked_by=(7,)),
    )
    lines = [flat(line) for line in pane(database(1, pg_activity=part), 90, 10).lines]

    assert lines[0].split()[0] == "time%" and lines[1].startswith(" 61 %")
    assert lines[-1] == "runs 3m12s in 2  orders-api 7  IO DataFileRead  SELECT report(?)"
    assert sum(line.startswith("runs") for line in lines) == 1


@pytest.mark.parametrize("told", [True, False])
def test_one_line_is_the_long_one_when_that_is_what_is_wrong(told: bool) -> None:
    finding = Finding(
        rule="pg.long_statement",
        severity=Severity.WARNING,
        constraint=Constraint.QUERY_BOUND,
        title="",
        since_at=0.0,
    )
    part = at_work(session(7, query_s=400.0))
    (line,) = pane(database(1, pg_activity=part, findings=(finding,) if told else ()), 60, 1).lines

    assert flat(line).startswith("runs 6m40s") is told


def test_a_long_one_is_seen_without_the_extension_too() -> None:
    snapshot = database(1, {"pg_statements": NO_EXTENSION}, pg_activity=at_work(session(7, query_s=192.0)))

    lines = pane(snapshot, 90, 5).lines
    assert text(lines).startswith("no pg_stat_statements: missing")
    assert flat(lines[-1]).startswith("runs 3m12s")
    assert flat(pane(snapshot, 90, 1).lines[0]).startswith("runs 3m12s")


def test_while_connecting_nothing_is_claimed_to_run() -> None:
    snapshot = database(1, dict.fromkeys(("pg_activity", "pg_counters", "pg_statements"), CONNECTING))

    assert "connecting…" in text(pane(snapshot, 60, 5).lines)
    assert zoom(snapshot, TableState(turned=True), 118).table is None


def test_a_wait_is_never_markup_and_maintenance_is_dim() -> None:
    table = running(session(7, query="VACUUM [bold]orders[/bold]"))

    assert table.rows[0].cells[-1] == ("VACUUM [bold]orders[/bold]", Role.DIM)
