"""What the three panes of Postgres have in common: when they stand there, what they say when the server does not answer."""

from __future__ import annotations

import time

import msgspec
import pytest

from perftui.model.failure import Failed, FailureKind
from perftui.model.finding import Constraint, Finding, Severity
from perftui.pipeline.player import Mode, Shown
from perftui.pipeline.snapshot import Snapshot
from perftui.views import PANES, PaneKind
from perftui.views.banner import header
from perftui.views.layout import length
from perftui.views.model import Role, TableState
from perftui.views.tone import pane_of
from tests.views.drawn import flat, text
from tests.views.pg_scenes import (
    ACTIVITY,
    CONNECTING,
    DENIED,
    NO_EXTENSION,
    PARTS,
    REFUSED,
    STATEMENTS,
    WAITERS,
    database,
    down,
    locks,
    root,
    session,
    statement,
)
from tests.views.scenes import host

KEYS = ("statements", "locks", "connections")
KINDS = [kind for kind in PANES if kind.key in KEYS]
BY_KEY = {kind.key: kind for kind in KINDS}
each_pane = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)


@pytest.fixture(scope="module")
def served() -> Snapshot:
    return database(30)


@each_pane
def test_a_pane_stands_only_where_a_server_is_watched(served: Snapshot, kind: PaneKind) -> None:
    assert not kind.shown(host(1))
    assert kind.shown(served)
    assert kind.shown(down(CONNECTING, 0))


@each_pane
def test_a_pane_stays_within_its_size(served: Snapshot, kind: PaneKind) -> None:
    blind = database(3, pg_activity=msgspec.structs.replace(ACTIVITY, sees_others=False))
    for snapshot in (served, blind, database(0), host(0), down(CONNECTING), down(DENIED, 30, after=10)):
        for height in (1, 2, 3, 4, 6, 10, 20, 60):
            for width in (18, 22, 36, 40, 56, 80, 118, 200):
                lines = kind.pane(snapshot, width, height).lines
                assert 1 <= len(lines) <= height, (width, height)
                assert all(length(line) <= width for line in lines), (width, height, text(lines))


@each_pane
@pytest.mark.parametrize("width", [18, 40, 76, 118, 200])
def test_a_zoom_fits_its_width(served: Snapshot, kind: PaneKind, width: int) -> None:
    shown = kind.zoom(served, TableState(), width)

    assert all(length(line) <= width for line in shown.lines)
    assert shown.table is not None and shown.table.rows
    assert sum((column.width or 10) + 1 for column in shown.table.columns) - 1 <= max(width, 35)
    assert sum(column.width == 0 for column in shown.table.columns) <= 1
    assert all(len(row.cells) == len(shown.table.columns) for row in shown.table.rows)
    assert len({row.key for row in shown.table.rows}) == len(shown.table.rows)


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        (CONNECTING, "connecting…"),
        (REFUSED, "unreachable: connection refused by db:5432"),
        (DENIED, "denied: permission denied; grant pg_monitor to this role"),
    ],
)
@each_pane
def test_a_server_that_never_answered_is_told_in_words(kind: PaneKind, failed: Failed, words: str) -> None:
    pane = kind.pane(down(failed), 80, 6)

    assert text(pane.lines) == words
    assert pane.lines[0][0][1] is Role.WARNING
    assert text(kind.zoom(down(failed), TableState(), 80).lines) == words


@each_pane
def test_what_was_known_last_stays_dimmed_below_its_age(kind: PaneKind) -> None:
    pane = kind.pane(down(REFUSED, 30, after=18), 100, 8)

    assert flat(pane.lines[0]) == "no reading for 12 s: unreachable: connection refused by db:5432; as it was then:"
    assert {role for line in pane.lines[1:] for _, role in line} == {Role.DIM}
    assert any(word in text(pane.lines) for word in ("UPDATE orders", "4242 idle in tx", "used  87/100", "used 87/100"))
    assert pane.title == kind.title


@each_pane
def test_one_line_keeps_what_to_do_about_it(kind: PaneKind) -> None:
    long = Failed(kind=FailureKind.DENIED, detail=f"postgres: {DENIED.detail * 2}; grant pg_monitor to this role")
    (line,) = kind.pane(down(long, 30, after=18), 59, 1).lines

    assert flat(line).startswith("denied: ")
    assert flat(line).endswith("; grant pg_monitor to this role")


def refused(kind: FailureKind, words: str) -> Failed:
    return Failed(kind=kind, detail=f"postgres: {words}; trying again")


def changed(what: str, ago_s: float) -> Snapshot:
    return database(1, pg_activity=msgspec.structs.replace(ACTIVITY, change=what, change_s=ago_s))


def test_a_role_without_rights_and_a_pooler_are_told_with_what_to_do() -> None:
    part = msgspec.structs.replace(ACTIVITY, sees_others=False, login="app", pooled=True)
    shown = text(BY_KEY["connections"].zoom(database(1, pg_activity=part), TableState(), 118).lines)

    assert "states and texts of others need: grant pg_monitor to app" in shown
    assert "read through a pooler, while it has a slot for us: name the server itself with --dsn" in shown


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (database(1), "· pg 16.4 primary"),
        (down(CONNECTING), "· pg connecting…"),
        (down(REFUSED, 30, after=18), "· pg down 12 s"),
        (down(REFUSED), "· pg down "),
        (down(DENIED), "· pg denied "),
        (down(NO_EXTENSION), "· pg missing "),
        (down(refused(FailureKind.FULL, "sorry, too many clients already"), 30, after=18), "· pg full 12 s"),
        (down(refused(FailureKind.NOT_READY, "the database system is starting up")), "· pg starting "),
        (down(refused(FailureKind.NOT_READY, "the database system is in recovery mode")), "· pg recovering "),
        (down(refused(FailureKind.NOT_READY, "the database system is shutting down")), "· pg shutting down "),
        (down(refused(FailureKind.TIMED_OUT, "no answer in time from db:5432"), 30, after=18), "· pg no answer 12 s"),
        (down(refused(FailureKind.UNREACHABLE, "the host db is not known")), "· pg unreachable "),
        (down(refused(FailureKind.UNREACHABLE, "the server closed the connection")), "· pg connection lost "),
        (changed("restarted", 12.0), "· pg restarted 12 s ago"),
        (changed("restarted", 90.0), "· pg 16.4 primary  "),
    ],
)
def test_the_header_tells_of_the_server(snapshot: Snapshot, words: str) -> None:
    for width in (80, 120):
        assert words in flat(header(Shown(snapshot=snapshot, mode=Mode.LIVE, recording="on"), width))


def test_a_host_without_a_server_has_a_header_without_one() -> None:
    assert " pg " not in flat(header(Shown(snapshot=host(1), mode=Mode.LIVE), 200))


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ("pg.lock_pileup", "locks"),
        ("pg.deadlocks", "locks"),
        ("pg.idle_in_transaction", "locks"),
        ("pg.slow_statements", "statements"),
        ("pg.temp_spill", "statements"),
        ("pg.cache_misses", "statements"),
        ("pg.connections_exhausted", "connections"),
        ("pg.unreachable", "connections"),
        ("pg.wraparound", "connections"),
    ],
)
def test_a_finding_points_at_one_pane(rule: str, key: str) -> None:
    found = Finding(
        rule=rule, severity=Severity.CRITICAL, constraint=Constraint.LOCK_BOUND, title="it is so", since_at=0.0
    )
    snapshot = database(1, findings=(found,))

    assert pane_of(rule) == key
    assert {kind.key for kind in PANES if kind.pane(snapshot, 40, 4).tone is Role.CRITICAL} == {key}


@each_pane
def test_text_of_the_server_is_no_markup(kind: PaneKind) -> None:
    marked = msgspec.structs.replace(
        ACTIVITY,
        locks=locks(root(application="[red]x[/red]"), WAITERS[0]),
        connections=msgspec.structs.replace(
            ACTIVITY.connections,
            by_application=(msgspec.structs.replace(ACTIVITY.connections.by_application[0], name="[red]x[/red]"),),
        ),
    )
    top = (statement(1, query="[red]x[/red]"),)
    statements = msgspec.structs.replace(STATEMENTS, statements=msgspec.structs.replace(STATEMENTS.statements, top=top))
    snapshot = database(1, pg_activity=marked, pg_statements=statements)

    assert "[red]x[/red]" in text(kind.pane(snapshot, 100, 10).lines)


def test_three_panes_of_forty_rows_cost_little() -> None:
    top = tuple(statement(i, query=f"SELECT {i} FROM a_table_with_a_name WHERE id = $1") for i in range(40))
    statements = msgspec.structs.replace(STATEMENTS, statements=msgspec.structs.replace(STATEMENTS.statements, top=top))
    backends = tuple(session(i) for i in range(300))
    snapshot = database(30, pg_statements=statements, pg_activity=msgspec.structs.replace(ACTIVITY, backends=backends))

    def cost_s() -> float:
        began = time.process_time()
        for _ in range(20):
            for kind in KINDS:
                kind.pane(snapshot, 56, 11)
        return (time.process_time() - began) / 20

    cost_s()
    best = min(cost_s() for _ in range(5))

    assert set(PARTS) > {"pg_activity", "pg_counters", "pg_statements"}
    assert best < 0.002  # 0.4 ms where nothing else runs
    print(f"three panes: {best * 1e3:.2f} ms")
