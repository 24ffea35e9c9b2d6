"""The panes of tables and replication: what is told at each size, and when they stand at all."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from perftui.model.finding import Constraint, Finding, Severity
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_replication import PgReplicationPart
from perftui.sources.pg_tables import PgTablesPart
from perftui.sources.pg_vacuum import PgVacuumPart
from perftui.views import pg_connections, pg_replication, pg_tables
from perftui.views.model import Line, Role, TableState
from tests.views.drawn import flat
from tests.views.pg_scenes import DENIED, REFUSED, database, down
from tests.views.pg_storage_scenes import (
    NO_REPLICATION,
    QUIET_TABLES,
    REPLICATION,
    STANDBY,
    TABLES,
    VACUUM,
    WAL,
    replica,
    slot,
)
from tests.views.scenes import host


def words(lines: Sequence[Line]) -> list[str]:
    return [flat(line).rstrip() for line in lines]


def finding(rule: str) -> Finding:
    return Finding(
        rule=rule,
        severity=Severity.WARNING,
        constraint=Constraint.IO_BOUND,
        title="something",
        since_at=1_770_806_497.0,
    )


NEW = msgspec.structs.replace(TABLES, tables_interval_s=None, tables=())


def test_tables_that_are_read_whole_come_before_those_with_dead_rows() -> None:
    pane = pg_tables.pane(database(), 60, 6)

    assert pane.title == "Tables of shop"
    assert words(pane.lines) == [
        "table                             rows/s  dead scans/s  size",
        "public.orders                       12 M   0 %      12  80 M",
        "public.events                          0  50 %       0  80 M",
    ]


def test_tables_in_one_line() -> None:
    assert words(pg_tables.pane(database(), 60, 1).lines) == ["public.orders 12 M rows/s   public.events 50 % dead"]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (QUIET_TABLES, "1234 tables: none is read whole, none is full of dead rows"),
        (NEW, "first interval is being measured"),
    ],
    ids=["calm", "new"],
)
def test_tables_that_are_well(part: PgTablesPart, said: str) -> None:
    assert words(pg_tables.pane(database(pg_tables=part), 70, 5).lines) == [said]


def test_the_zoom_of_tables_says_who_keeps_vacuum_from_its_work() -> None:
    zoom = pg_tables.zoom(database(), TableState(), 118)

    assert words(zoom.lines)[-4:] == [
        "holds back vacuum  session 4242 orders-api idle in tx 3m12s · 1.2 M transactions since",
        "                   slot analytics inactive · 9.0 k transactions since · system catalogs only",
        "                   prepared transaction tx-17 12 s · 1 transaction since · other database",
        "vacuum now  public.events  autovacuum 5012  scanning heap  41 %  12 s",
    ]
    assert zoom.table is not None
    cells = {row.key: [cell for cell, _ in row.cells] for row in zoom.table.rows}
    assert list(cells) == [each.relation for each in TABLES.tables]
    assert {key: row[-1] for key, row in cells.items()} == {
        "public.orders": "never",
        "public.events": "scanning heap",
        "public.jobs": "autovacuum off",
        "public.carts": "–",
    }
    assert "tables of other databases can't be seen from here" in " ".join(words(zoom.lines))
    assert zoom.chart is not None and zoom.chart.lines[0].values[-1] == 12.0


def test_the_connections_tell_who_keeps_vacuum_from_its_work() -> None:
    nobody = PgVacuumPart(xmin_holders=(), oldest_xmin_age=None, vacuums=())

    assert words(pg_connections.zoom(database(), TableState(), 118).lines)[-2:] == [
        "holds back vacuum  session 4242 orders-api idle in tx 3m12s · 1.2 M transactions since",
        "                   slot analytics inactive · 9.0 k transactions since · system catalogs only  +1 more",
    ]
    assert words(pg_connections.zoom(database(pg_vacuum=nobody), TableState(), 118).lines)[-1] == (
        "holds back vacuum  nobody"
    )


def test_a_short_transaction_that_holds_back_vacuum_is_no_warning() -> None:
    calm = msgspec.structs.replace(VACUUM.xmin_holders[0], age=4, held_s=0.2)
    part = msgspec.structs.replace(VACUUM, xmin_holders=(calm,))
    line = pg_connections.zoom(database(pg_vacuum=part), TableState(), 118).lines[-1]

    assert Role.WARNING not in {role for _, role in line}


def test_replication_on_a_primary() -> None:
    pane = pg_replication.pane(database(), 44, 6)

    assert pane.title == "Replication · 12 M behind"
    assert words(pane.lines) == [
        "s1 streaming async  12 M behind",
        "slot analytics inactive  keeps 2.0 G",
        "log 6.0 M/s  archiver ok",
        "checkpoints timed 212    requested 3",
    ]


def test_replication_on_a_standby() -> None:
    pane = pg_replication.pane(database(pg_replication=STANDBY), 60, 4)

    assert words(pane.lines)[:2] == [
        "from 10.0.0.1:5432 streaming  behind 200 M  replay paused",
        "age 1m15s  conflicts 3",
    ]


def test_what_is_wrong_is_told_by_a_word_and_a_colour() -> None:
    part = msgspec.structs.replace(
        REPLICATION,
        replication=(replica(state="catchup"), replica("s2", state=None, sync_state=None, lag_bytes=None)),
        slots=(slot(wal_status="lost", retained_bytes=None),),
    )
    archiver = msgspec.structs.replace(WAL.archiver, failing=True, failures_total=9) if WAL.archiver else None
    pane = pg_replication.pane(
        database(pg_replication=part, pg_wal=msgspec.structs.replace(WAL, archiver=archiver)), 60, 8
    )

    assert words(pane.lines)[:4] == [
        "s1 catchup async  12 M behind",
        "s2 –  – behind",
        "slot analytics inactive 2h01m  lost",
        "log 6.0 M/s  archiver fails, 9 times",
    ]
    assert pane.lines[2][-1] == ("  lost", Role.CRITICAL)


def test_the_zoom_of_replication_has_standbys_and_slots() -> None:
    zoom = pg_replication.zoom(database(), TableState(), 118)

    assert zoom.table is not None
    assert [row.key for row in zoom.table.rows] == ["logical slot analytics", "standby s1", "physical slot s1"]
    told = " ".join(words(zoom.lines))
    assert "max_slot_wal_keep_size 10 G" in told and "time in fsync 10 %" in told


@pytest.mark.parametrize(
    ("snapshot", "stands"),
    [
        (host(5), False),
        (database(), True),
        (database(pg_replication=NO_REPLICATION), False),
        (database(pg_replication=STANDBY), True),
        (
            database(pg_replication=NO_REPLICATION, findings=(finding("pg.checkpoint_pressure"),)),
            True,
        ),
        (down(REFUSED), False),
        (down(REFUSED, 20, after=15), True),
    ],
    ids=["no server", "standby", "none", "is one", "log in trouble", "never answered", "gone"],
)
def test_where_replication_has_a_pane(snapshot: Snapshot, stands: bool) -> None:
    assert pg_replication.shown(snapshot) == stands


@pytest.mark.parametrize("source", ["pg_tables", "pg_replication"])
def test_what_can_not_be_read_is_told_in_its_own_pane(source: str) -> None:
    view = pg_tables if source == "pg_tables" else pg_replication
    snapshot = database(failures={source: DENIED})

    assert "grant pg_monitor" in " ".join(words(view.pane(snapshot, 60, 4).lines))
    assert "grant pg_monitor" in " ".join(words(view.zoom(snapshot, TableState(), 118).lines))
    assert isinstance(snapshot.history.latest(PgReplicationPart), PgReplicationPart | None)
