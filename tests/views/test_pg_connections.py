"""Connections: counts that are right with the rights there are, holders, backends in the order that is asked for."""

from __future__ import annotations

import msgspec
import pytest

from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_activity import IdleRow
from perftui.views.model import TableState, Zoom
from perftui.views.pg_connections import pane, zoom
from perftui.views.pg_sessions import backend_subject
from tests.views.drawn import column, flat, text
from tests.views.pg_scenes import ACTIVITY, CONNECTIONS, COUNTERS, REFUSED, database


@pytest.fixture(scope="module")
def served() -> Snapshot:
    return database(10)


def zoomed(snapshot: Snapshot, width: int = 200, **chosen: object) -> Zoom:
    return zoom(snapshot, TableState(**chosen), width)  # type: ignore[arg-type]


def test_a_tall_pane_tells_all_of_the_server(served: Snapshot) -> None:
    shown = pane(served, 36, 12)

    assert shown.title == "Connections · 87 of 100"
    for words in (
        "used 87/100   90 % of 97 ███",
        "active 40  idle 44  in tx 3",
        "waiting 37",
        "oldest tx 3m12s",
        "tps 812",
        "rollbacks/s 0.5",
        "hit 99.2 %",
        "temp 3.0 M/s",
        "deadlocks 2",
        "60 orders-api (2 in tx)",
        "7 (no name)",
        "server 16.4 primary, up 4d03h",
    ):
        assert words in text(shown.lines)


def test_one_line_of_an_80_column_screen_tells_what_matters(served: Snapshot) -> None:
    (line,) = pane(served, 59, 1).lines

    assert flat(line).startswith("used 87/100  active 40  idle 44  in tx 3   waiting 37")


def test_numbers_that_change_move_nothing_else(served: Snapshot) -> None:
    few = msgspec.structs.replace(
        ACTIVITY, connections=msgspec.structs.replace(CONNECTIONS, used=100, active=5, idle=0, waiting=1)
    )
    changed = pane(database(10, pg_activity=few), 56, 2).lines[1]
    usual = pane(served, 56, 2).lines[1]

    assert [len(words) for words, _ in changed] == [len(words) for words, _ in usual]


def test_without_rights_only_what_is_known_is_told() -> None:
    blind = msgspec.structs.replace(ACTIVITY, sees_others=False)
    shown = text(pane(database(1, pg_activity=blind), 60, 12).lines)

    for words in ("used 87/100", "active –", "idle –", "in tx –", "waiting 37", "oldest tx ≥ 3m12s"):
        assert words in shown
    assert "states and texts of others need: grant pg_monitor to this role" in " ".join(shown.split())
    assert "in tx)" not in shown


def test_rates_that_are_not_known_are_not_zero() -> None:
    for snapshot in (
        database(10, {"pg_counters": REFUSED}),
        database(1, pg_counters=msgspec.structs.replace(COUNTERS, transactions_per_s=None, rollbacks_per_s=None)),
    ):
        assert "tps –" in text(pane(snapshot, 60, 8).lines)


def test_nobody_in_a_transaction() -> None:
    calm = msgspec.structs.replace(
        ACTIVITY, connections=msgspec.structs.replace(CONNECTIONS, oldest_transaction_s=None)
    )

    assert "oldest tx none" in text(pane(database(1, pg_activity=calm), 60, 8).lines)


def test_the_zoom_names_holders_by_application_and_user(served: Snapshot) -> None:
    lines = text(zoomed(served).lines)

    assert "by application    60 orders-api (2 in tx)   20 batch (1 in tx)    7 (no name)" in lines
    assert "by user    80 orders (3 in tx)    7 postgres" in lines
    assert "oldest xid 150 M" in lines


@pytest.mark.parametrize(
    ("sort", "pids"),
    [
        ("", ["4242", "4310", "4400", "4401", "4402"]),
        ("query", ["4310", "4242", "4400", "4401", "4402"]),
        ("pid", ["4242", "4310", "4400", "4401", "4402"]),
        ("application", ["4400", "4401", "4242", "4310", "4402"]),
    ],
)
def test_backends_sort_with_what_is_not_known_last(served: Snapshot, sort: str, pids: list[str]) -> None:
    table = zoomed(served, sort=sort).table

    assert table is not None
    assert column(table, "pid") == pids


def test_a_backend_tells_what_it_waits_for_and_behind_whom(served: Snapshot) -> None:
    table = zoomed(served).table

    assert table is not None
    assert column(table, "waits for") == ["Client ClientRead", "lock orders", "LWLock WALWrite", "LWLock WALWrite", ""]
    assert column(table, "behind") == ["", "4242", "", "", ""]
    assert column(table, "statement")[0].startswith("last: ")
    assert column(table, "statement")[4] == "SELECT [bold]now[/bold]"


def test_idle_sessions_stand_in_groups_below_and_tell_how_their_slots_are_freed() -> None:
    groups = (
        IdleRow(database="shop", user="app", application="o'rders", count=71, longest_idle_s=125.0),
        IdleRow(database="shop", user="app", application=None, count=2, longest_idle_s=None),
    )
    snapshot = database(1, pg_activity=msgspec.structs.replace(ACTIVITY, idle=groups))
    table = zoomed(snapshot).table

    assert table is not None
    assert column(table, "pid")[-2:] == ["71 x", "2 x"]
    assert column(table, "statement")[-2:] == ["idle for up to 2m05s", "idle for up to –"]
    subject = backend_subject(snapshot, table.rows[-2].key)
    assert subject is not None and (subject.target, subject.title) == (None, "71 idle sessions o'rders")
    assert subject.lines[-1].endswith(
        "where state = 'idle' and datname = 'shop' and usename = 'app' and application_name = 'o''rders';"
    )


@pytest.mark.parametrize(("wanted", "pids"), [("PSQL", ["4402"]), ("walwrite", ["4400", "4401"]), ("4310", ["4310"])])
def test_a_filter_finds_applications_waits_and_pids(served: Snapshot, wanted: str, pids: list[str]) -> None:
    table = zoomed(served, filter=wanted).table

    assert table is not None
    assert column(table, "pid") == pids


def test_the_chart_shows_used_active_and_waiting(served: Snapshot) -> None:
    chart = zoomed(served, span_s=5.0).chart

    assert chart is not None
    assert {line.name: line.values[-1] for line in chart.lines} == {"used": 87.0, "active": 40.0, "waiting": 37.0}
