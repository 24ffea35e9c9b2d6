"""The rules about tables, vacuum, replication, slots and the log on samples made by hand: fires, stays silent, since when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from perftui.findings.predicates import predicate_columns
from perftui.model.finding import Finding, Severity
from perftui.model.frame import Sample
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_replication import SenderRow, SlotRow
from perftui.sources.pg_tables import TableRow
from perftui.sources.pg_vacuum import VacuumRow, XminHolder
from tests.findings.pg_storage import (
    MIB,
    filesystems,
    holder,
    replication,
    sender,
    slot,
    standby,
    table,
    tables,
    vacuum,
    wal,
)
from tests.findings.postgres import (
    STARTED_AT,
    Second,
    activity,
    always,
    counters,
    idle_in_transaction,
    of,
    session,
    statements,
    watch,
)

INDEX = "pg.missing_index"
DEAD = "pg.dead_tuples"
LAG = "pg.replication_lag"
CONFLICTS = "pg.replication_conflicts"
SLOT = "pg.slot_retention"
ARCHIVER = "pg.archiver_failing"
CHECKPOINTS = "pg.checkpoint_pressure"
WRAPAROUND = "pg.wraparound"
GIB = 1 << 30


def last(second: Callable[[int], Second], seconds: int = 2) -> Snapshot:
    return watch(second, seconds)[-1]


def only(snapshot: Snapshot, rule: str) -> Finding:
    (found,) = of(snapshot, rule)
    return found


def severities(snapshot: Snapshot, rule: str) -> list[Severity]:
    return [finding.severity for finding in of(snapshot, rule)]


def expected(severity: Severity | None) -> list[Severity]:
    return [] if severity is None else [severity]


# Tables

READ: dict[str, Any] = {"scans": 180, "rows_read": 180_000_000}
"""A million rows, twelve times a second."""


def test_a_missing_index_names_table_rows_and_the_column_of_the_statement() -> None:
    query = "SELECT * FROM orders WHERE customer_id = $1"
    seen = last(always(pg_tables=tables(table(**READ)), pg_statements=statements((11, query, 60, 9.0))))

    found = only(seen, INDEX)
    assert (
        found.title
        == "public.orders is read whole 12 times a second, 1 M rows each, 12 M rows/s: no index on customer_id"
    )
    assert found.subject == {"relation": "public.orders", "columns": "customer_id", "queryid": 11, "query": query}
    assert {each.reading: each.value for each in found.evidence} == {
        "postgres.tables[].rows_read_per_s": 12e6,
        "postgres.tables[].sequential_scans_per_s": 12.0,
        "postgres.tables[].index_scans_per_s": pytest.approx(1000 / 15, rel=1e-5),
        "postgres.tables[].live_rows": 1e6,
    }
    assert seen.verdict.chain == (INDEX, "pg.slow_statements")


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("SELECT * FROM orders WHERE id = $1", ""),
        ("SELECT * FROM orders WHERE id = $1 AND state = $2", ""),
        ("SELECT count(*) FROM orders", ""),
        ("SELECT * FROM myorders WHERE customer_id = $1", ""),
        ("SELECT * FROM public.orders o WHERE lower(o.email) = $1", ": no index on lower(email)"),
    ],
)
def test_a_column_is_named_only_where_the_statement_gives_it_away(query: str, hint: str) -> None:
    seen = last(always(pg_tables=tables(table(**READ)), pg_statements=statements((11, query, 60, 9.0))))

    assert only(seen, INDEX).title.partition("rows/s")[2] == hint


@pytest.mark.parametrize(
    "row",
    [
        table(scans=180, rows_read=180 * 9000),
        table(scans=1, rows_read=10_000_000),
        table(scans=15, rows_read=1_400_000),
        table(scans=0, rows_read=0),
    ],
    ids=["small table", "one report", "few rows a second", "not read"],
)
def test_tables_that_are_rightly_read_whole(row: TableRow) -> None:
    assert of(last(always(pg_tables=tables(row))), INDEX) == []


def test_a_first_reading_is_no_rate() -> None:
    assert of(last(always(pg_tables=tables(table(**READ), interval_s=None))), INDEX) == []


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT * FROM orders WHERE customer_id = $1 ORDER BY id", ("customer_id",)),
        ("select * from orders o join items i on i.oid = o.id where i.sku = $1 and o.state = $2", ("state",)),
        ("select * from orders, items where sku = $1", ()),
        ('select * from "Orders" where "customer" = ?', ("customer",)),
        ("update orders set x = $1 where note like $2", ("note",)),
        ("select * from orders where not paid and created < now() and id in ($1, $2)", ("created", "id")),
        ("select 1 from orders where $1 = id", ()),
        ("delete from orders where exists (select 1 from b where b.x = orders.y)", ()),
        ("", ()),
    ],
)
def test_predicate_columns(query: str, columns: tuple[str, ...]) -> None:
    assert predicate_columns(query, "public.orders") == columns


FULL: dict[str, Any] = {"live": 400_000, "dead": 200_000}
"""A third of it."""


def autovacuum(share: float) -> VacuumRow:
    return VacuumRow(
        pid=5, oid=1, relation="public.orders", phase=1, blocks=100, scanned=round(100 * share),
        backend_type="autovacuum worker", wraparound=False, running_s=3.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "held", "severity", "why"),
    [
        ({}, (), Severity.INFO, "vacuumed 8m18s ago, autovacuum does not keep up"),
        ({"autovacuumed_at": None}, (), Severity.WARNING, "never vacuumed, autovacuum has not come yet"),
        ({"autovacuum_enabled": False}, (), Severity.WARNING, "autovacuum is off for it, vacuumed 8m18s ago"),
        ({"locked_by": 31}, (), Severity.WARNING, "vacuum skips it, pid 31 has it locked"),
        (
            {},
            (holder(500),),
            Severity.WARNING,
            "vacuum can't remove what pid 77 (report), idle in transaction 5m00s may still see",
        ),
        ({}, (holder(500, here=False),), Severity.INFO, "does not keep up"),
        ({}, (holder(500, held_s=20.0),), Severity.INFO, "does not keep up"),
        ({}, (holder(200_000, "slot", catalog_only=True),), Severity.INFO, "does not keep up"),
        ({}, (holder(200_000, "slot", state="inactive"),), Severity.WARNING, "what inactive slot report may still see"),
        ({}, (holder(9, "prepared transaction"),), Severity.WARNING, "what prepared transaction report, open 5m00s may"),
        ({"live": 100_000}, (), Severity.WARNING, "autovacuum does not keep up"),
    ],
    ids=[
        "late", "never", "off", "locked", "session", "of another database", "just begun", "logical slot", "slot",
        "prepared", "two thirds",
    ],
)  # fmt: skip
def test_dead_rows_come_with_the_reason(
    seen: dict[str, Any], held: tuple[XminHolder, ...], severity: Severity, why: str
) -> None:
    snapshot = last(
        always(pg_tables=tables(table(**{**FULL, **seen})), pg_vacuum=vacuum(*held), pg_activity=activity(session(1)))
    )

    found = only(snapshot, DEAD)
    assert found.severity is severity
    assert found.subject["relation"] == "public.orders"
    assert found.title.startswith(("33% of public.orders is dead rows (200,000): ", "67% of public.orders"))
    assert why in found.title


def test_a_vacuum_that_runs_is_told() -> None:
    seen = last(always(pg_tables=tables(table(**FULL)), pg_vacuum=vacuum(vacuums=(autovacuum(0.4),))))

    assert only(seen, DEAD).title.endswith("autovacuum is at it, scanning heap 40%")


@pytest.mark.parametrize("seen", [{"dead": 40_000, "live": 50_000}, {"dead": 200_000}, {"live": 0, "dead": 0}])
def test_few_dead_rows_are_no_finding(seen: dict[str, Any]) -> None:
    assert of(last(always(pg_tables=tables(table(**seen)))), DEAD) == []


def test_a_forgotten_transaction_explains_dead_rows_that_explain_a_slow_statement() -> None:
    old = idle_in_transaction(77, 700.0, xmin_age=500, application="report")
    seen = last(
        always(
            pg_activity=activity(old),
            pg_tables=tables(table(**FULL)),
            pg_vacuum=vacuum(holder(500, held_s=700.0)),
            pg_statements=statements((11, "SELECT * FROM orders WHERE id = $1", 60, 9.0)),
        )
    )

    assert seen.verdict.chain == ("pg.idle_in_transaction", DEAD, "pg.slow_statements")


@pytest.mark.parametrize(
    ("kind", "words", "subject"),
    [
        ("session", "held back by pid 77 (report), idle in transaction 5m00s", {"pid": 77, "application": "report"}),
        ("slot", "held back by inactive slot report", {"slot": "report"}),
        ("standby", "held back by standby report (hot_standby_feedback)", {"standby": "report"}),
        (
            "prepared transaction",
            "held back by prepared transaction report, open 5m00s",
            {"prepared_transaction": "report"},
        ),
    ],
)
def test_wraparound_names_who_holds_it_back(kind: str, words: str, subject: dict[str, Any]) -> None:
    age = 1_100_000_000
    held = holder(age - 1000, kind, **({"state": "inactive"} if kind == "slot" else {}))
    seen = last(always(pg_counters=counters(oldest_xid_age=age), pg_vacuum=vacuum(held, holder(5))))

    found = only(seen, WRAPAROUND)
    assert found.title.endswith(words)
    assert found.subject == subject


def test_who_holds_back_little_is_not_blamed_for_wraparound() -> None:
    seen = last(always(pg_counters=counters(oldest_xid_age=1_100_000_000), pg_vacuum=vacuum(holder(400_000_000))))

    assert only(seen, WRAPAROUND).subject == {}


# Replication


def lagging(first_bytes: int, grows_by: int = 0, **seen: Any) -> Callable[[int], Second]:
    """One standby, whose slot is s1."""

    def second(number: int) -> Second:
        behind = first_bytes + number * grows_by
        owner = slot(active=True, active_pid=900, retained_bytes=behind)
        return {"pg_replication": replication(sender(behind, **seen), slots=(owner,))}

    return second


def test_a_standby_that_falls_behind_is_judged_by_bytes() -> None:
    found = only(last(lagging(100 * MIB, 2 * MIB), 20), LAG)

    assert found.severity is Severity.WARNING
    assert found.title == (
        "standby s1 is 138 MiB behind, 2.0 MiB/s more: on its disk and not replayed: replay is paused, slow, or waits for "
        "queries there"
    )
    assert found.subject == {"standby": "s1", "slot": "s1"}
    assert found.began_before


@pytest.mark.parametrize(
    ("second", "seconds", "severity"),
    [
        (lagging(63 * MIB), 20, None),
        (lagging(100 * MIB), 8, None),
        (lagging(100 * MIB), 20, Severity.WARNING),
        (lagging(400 * MIB, -8 * MIB), 20, Severity.INFO),
        (lagging(2 * GIB), 20, Severity.CRITICAL),
        (lagging(2 * GIB, -80 * MIB), 20, Severity.INFO),
    ],
    ids=["little", "for a moment", "stands", "catches up", "much", "much, catches up"],
)
def test_when_a_lag_is_a_finding(second: Callable[[int], Second], seconds: int, severity: Severity | None) -> None:
    assert severities(last(second, seconds), LAG) == expected(severity)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"unsent_bytes": 90 * MIB, "unflushed_bytes": 95 * MIB}, "not sent, it takes no more"),
        ({"unflushed_bytes": 90 * MIB}, "sent and not on its disk"),
        ({"state": "catchup"}, "catchup"),
        ({"state": None}, "its state is not visible to this role"),
    ],
)
def test_where_the_lag_is(seen: dict[str, Any], words: str) -> None:
    assert words in only(last(lagging(100 * MIB, **seen), 20), LAG).title


def test_lags_that_may_not_be_seen_are_not_zero() -> None:
    hidden = SenderRow(
        pid=1, application="s1", client=None, state=None, sync_state=None, unsent_bytes=None, unflushed_bytes=None,
        unreplayed_bytes=None, replay_lag_s=None,
    )  # fmt: skip
    seen = last(always(pg_replication=replication(hidden)))

    assert seen.history.value("postgres.replication_lag_bytes") is None
    assert of(seen, LAG) == []


def test_a_paused_standby_says_so_itself() -> None:
    behind = standby(300 * MIB, 100 * MIB, paused=True)
    seen = last(always(pg_replication=replication(standby=behind)), 20)

    assert only(seen, LAG).title == "this standby is 200 MiB behind: replay is paused"


@pytest.mark.parametrize(
    ("gone", "seconds", "fires"),
    [
        ({"receiver": None, "silent_s": None}, 20, True),
        ({"silent_s": 90.0}, 20, True),
        ({"receiver": None, "silent_s": None}, 5, False),
        ({"receiver": None, "silent_s": None, "received": None}, 20, False),
        ({}, 20, False),
    ],
    ids=["no receiver", "silent", "for a moment", "from an archive", "streams"],
)
def test_a_standby_that_nothing_arrives_at(gone: dict[str, Any], seconds: int, fires: bool) -> None:
    row = standby(**{"received": 300 * MIB, "replayed": 300 * MIB, **gone})
    found = of(last(always(pg_replication=replication(standby=row)), seconds), LAG)

    assert [finding.severity for finding in found] == ([Severity.CRITICAL] if fires else [])


def test_cancelled_queries_of_a_standby_are_told_for_a_minute() -> None:
    def second(number: int) -> Second:
        return {"pg_replication": replication(standby=standby(0, 0, conflicts=4 if number < 5 else 6))}

    seen = watch(second, 80)
    assert only(seen[10], CONFLICTS).title.startswith("2 queries were cancelled here within 60 s")
    assert only(seen[10], CONFLICTS).since_at == STARTED_AT + 5
    assert of(seen[4], CONFLICTS) == [] and of(seen[79], CONFLICTS) == []


# Slots

LIMITED: dict[str, Any] = {"slot_limit_bytes": 10 * GIB}


@pytest.mark.parametrize(
    ("kept", "server", "severity", "words"),
    [
        (slot(retained_bytes=2 * GIB), {}, Severity.WARNING, "s1, unused for 2h01m, keeps 2.0 GiB of the log; no max_slot"),
        (slot(retained_bytes=2 * GIB, active=True), {}, None, ""),
        (slot(retained_bytes=GIB // 2), {}, None, ""),
        (slot(retained_bytes=4 * GIB), LIMITED, None, ""),
        (slot(retained_bytes=6 * GIB), LIMITED, Severity.WARNING, "keeps 6.0 GiB of the log of the 10 GiB that it may"),
        (slot(retained_bytes=9 * GIB), LIMITED, Severity.CRITICAL, "at 10 GiB (max_slot_wal_keep_size) it is lost"),
        (slot(retained_bytes=GIB, wal_status="unreserved"), LIMITED, Severity.CRITICAL, "it is lost"),
        (slot(retained_bytes=9 * GIB, wal_status="lost"), LIMITED, Severity.WARNING, "slot s1 is lost: whoever"),
        (
            slot(retained_bytes=None, wal_status="lost", invalidation_reason="wal_removed"),
            LIMITED,
            Severity.WARNING,
            "slot s1 is lost (wal removed)",
        ),
    ],
    ids=["forgotten", "in use", "little", "limit far", "half of the limit", "near", "unreserved", "lost", "reason"],
)  # fmt: skip
def test_slots(kept: SlotRow, server: dict[str, Any], severity: Severity | None, words: str) -> None:
    seen = last(always(pg_replication=replication(slots=(kept,), **server)))

    assert severities(seen, SLOT) == expected(severity)
    assert all(words in finding.title for finding in of(seen, SLOT))


@pytest.mark.parametrize(
    ("place", "grows_mib", "explained"),
    [({}, 30, True), ({"data_directory": "/srv/pg"}, 30, False), ({"same_host": False}, 30, False), ({}, 300, False)],
    ids=["its disk", "another disk", "another host", "others write more"],
)
def test_spills_explain_a_disk_that_they_fill(place: dict[str, Any], grows_mib: int, explained: bool) -> None:
    def second(number: int) -> Second:
        used = 0.91 + number * grows_mib * MIB / (100 * GIB)
        spilled = counters(temp_bytes=number * 32 * MIB)
        return {"pg_replication": replication(**place), "filesystems": filesystems(used), "pg_counters": spilled}

    seen = last(second, 20)

    chains = {seen.verdict.chain, *(each.chain for each in seen.verdict.others)}
    assert (("pg.temp_spill", "host.disk_filling") in chains) is explained
    assert {rule for chain in chains for rule in chain} == {"pg.temp_spill", "host.disk_filling"}


@pytest.mark.parametrize(
    ("place", "critical"),
    [
        ({}, True),
        ({"same_host": False}, False),
        ({"data_directory": None}, False),
        ({"data_directory": "/srv/pg"}, False),
    ],
    ids=["its disk", "another host", "not told", "another disk"],
)
def test_without_a_limit_the_disk_is_what_counts_where_it_is_known(place: dict[str, Any], critical: bool) -> None:
    kept = slot(retained_bytes=12 * GIB)
    seen = last(always(pg_replication=replication(slots=(kept,), **place), filesystems=filesystems(0.9)))

    assert severities(seen, SLOT) == [Severity.CRITICAL if critical else Severity.WARNING]
    assert ("/var/lib has 10 GiB left" in only(seen, SLOT).title) == critical
    assert seen.verdict.chain == ((SLOT, "host.disk_filling") if critical else (seen.verdict.finding,))


def test_a_standby_that_is_behind_explains_what_its_slot_keeps() -> None:
    second = lagging(9 * GIB)

    def limited(number: int) -> Second:
        owner = slot(active=True, active_pid=900, retained_bytes=9 * GIB)
        return {**second(number), "pg_replication": replication(sender(9 * GIB), slots=(owner,), **LIMITED)}

    assert last(limited, 20).verdict.chain == (LAG, SLOT)


# The log


def checkpointing(every_s: int, wal_mib_per_s: float, **seen: Any) -> Callable[[int], Second]:
    def second(number: int) -> Second:
        return {
            "pg_wal": wal(
                round(number * wal_mib_per_s * MIB),
                **{"requested": 2 + number // every_s, "max_wal_bytes": 64 * MIB, **seen},
            )
        }

    return second


def test_checkpoints_that_a_small_max_wal_size_asks_for() -> None:
    found = only(last(checkpointing(5, 6.0), 61), CHECKPOINTS)

    assert (
        found.title
        == "a checkpoint every 5 s instead of every 300 s: max_wal_size 64 MiB is small for 6.0 MiB/s of log"
    )
    assert found.since_at == STARTED_AT + 5


@pytest.mark.parametrize(
    ("second", "seconds", "words"),
    [
        (checkpointing(5, 0.1), 61, "somebody asks for them by command"),
        (checkpointing(50, 1.0), 120, None),
        (checkpointing(5, 6.0), 12, None),
        (checkpointing(1000, 6.0), 61, None),
    ],
    ids=["by command", "far apart", "a burst", "none"],
)
def test_when_checkpoints_are_a_finding(second: Callable[[int], Second], seconds: int, words: str | None) -> None:
    found = of(last(second, seconds), CHECKPOINTS)

    assert len(found) == (words is not None)
    assert all(words is not None and words in each.title for each in found)


def test_a_reset_of_the_counters_is_no_checkpoint() -> None:
    def second(number: int) -> Second:
        return {"pg_wal": wal(requested=500 if number < 30 else 0)}

    assert of(last(second, 60), CHECKPOINTS) == []


@pytest.mark.parametrize(
    ("seen", "severity"),
    [
        ({"archive_failures": 3, "archive_failed_s": 1.0}, Severity.WARNING),
        ({"archive_failures": 2, "archive_failed_s": 1.0}, None),
        ({"archive_failures": 9, "archive_failed_s": 50.0, "archive_done_s": 20.0}, None),
        ({"archive_failures": 9, "archive_failed_s": 20.0, "archive_done_s": 50.0}, Severity.WARNING),
        ({"archive_failures": 9, "archive_failed_s": 20.0, "archive_done_s": 4000.0}, Severity.CRITICAL),
        ({"archive_failures": 9, "archive_failed_s": 20.0, "archives": False}, None),
    ],
    ids=["never worked", "not yet", "works again", "fails", "for an hour", "off"],
)
def test_archiver(seen: dict[str, Any], severity: Severity | None) -> None:
    sample: Sample = wal(**{"archives": True, **seen})

    assert severities(last(always(pg_wal=sample)), ARCHIVER) == expected(severity)
