"""A database server on the host of `scenes`: 37 backends wait for one that is idle in a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from perftui.model.failure import Failed, FailureKind
from perftui.model.finding import Finding
from perftui.model.frame import Sample
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.kind import Part
from perftui.sources.pg_activity import (
    ConnectionsReading,
    HolderReading,
    LocksReading,
    PgActivityPart,
    SessionRow,
)
from perftui.sources.pg_counters import PgCountersPart
from perftui.sources.pg_lock_tree import LockNode
from perftui.sources.pg_replication import PgReplicationPart
from perftui.sources.pg_statements import PgStatementsPart, StatementReading, StatementsReading
from perftui.sources.pg_tables import PgTablesPart
from perftui.sources.pg_vacuum import PgVacuumPart
from perftui.sources.pg_wal import PgWalPart
from tests.views.pg_storage_scenes import REPLICATION, TABLES, VACUUM, WAL
from tests.views.scenes import KINDS, MIB, Given, given, host

PG_KINDS = (
    given("pg_activity", PgActivityPart, root="postgres", stale_s=5.0),
    given("pg_counters", PgCountersPart, root="postgres", stale_s=5.0),
    given("pg_statements", PgStatementsPart, root="postgres", stale_s=30.0),
    given("pg_tables", PgTablesPart, root="postgres", stale_s=300.0),
    given("pg_vacuum", PgVacuumPart, root="postgres", stale_s=20.0),
    given("pg_replication", PgReplicationPart, root="postgres", stale_s=20.0),
    given("pg_wal", PgWalPart, root="postgres", stale_s=20.0),
)
CONNECTING = Failed(kind=FailureKind.UNREACHABLE, detail="postgres: connecting…")
REFUSED = Failed(kind=FailureKind.UNREACHABLE, detail="postgres: connection refused by db:5432")
DENIED = Failed(kind=FailureKind.DENIED, detail="postgres: permission denied; grant pg_monitor to this role")
NO_EXTENSION = Failed(
    kind=FailureKind.MISSING, detail="pg_stat_statements is not installed; run CREATE EXTENSION pg_stat_statements"
)
UPDATE = "UPDATE orders SET state = $1 WHERE id = $2"


def node(pid: int, depth: int = 1, **changes: Any) -> LockNode:
    """A backend that waits for 4242."""
    fields: dict[str, Any] = {
        "victims": 0,
        "blocked_by": (4242,),
        "in_cycle": False,
        "waited_s": 170.0,
        "held_s": 171.0,
        "mode": "RowExclusiveLock",
        "relation": "orders",
        "application": "orders-api",
        "user": "orders",
        "state": "active",
        "query": UPDATE,
    }
    return LockNode(pid=pid, depth=depth, **{**fields, **changes})


def root(pid: int = 4242, victims: int = 37, **changes: Any) -> LockNode:
    """A backend that waits for nobody."""
    fields = {
        "victims": victims,
        "blocked_by": (),
        "waited_s": None,
        "held_s": 192.0,
        "mode": None,
        "relation": None,
        "state": "idle in transaction",
        "query": "SELECT * FROM orders FOR UPDATE",
    }
    return node(pid, 0, **{**fields, **changes})


def session(pid: int, **changes: Any) -> SessionRow:
    """A client backend that runs a statement on a CPU."""
    fields: dict[str, Any] = {
        "backend_start_at": 1000.0 + pid,
        "backend_type": "client backend",
        "database": "shop",
        "user": "orders",
        "application": "orders-api",
        "client": "10.0.0.7",
        "state": "active",
        "wait_type": None,
        "wait_event": None,
        "transaction_s": 2.0,
        "query_s": 1.5,
        "state_s": 1.5,
        "query": UPDATE,
    }
    return SessionRow(pid=pid, **{**fields, **changes})


def locks(*tree: LockNode) -> LocksReading:
    waits = [each.waited_s for each in tree if each.depth and each.waited_s is not None]
    return LocksReading(
        waiting=sum(each.depth > 0 for each in tree),
        longest_wait_s=max(waits, default=None),
        unplaced=0,
        root_blockers=sum(each.depth == 0 for each in tree),
        tree=tree,
    )


def holder(name: str, number: int, active: int, in_transaction: int = 0) -> HolderReading:
    return HolderReading(
        name=name,
        count=number,
        active=active,
        idle=number - active - in_transaction,
        idle_in_transaction=in_transaction,
    )


CONNECTIONS = ConnectionsReading(
    used=87,
    max=100,
    reserved=3,
    utilization_ratio=87 / 97,
    active=40,
    idle=44,
    idle_in_transaction=3,
    waiting=37,
    oldest_transaction_s=192.0,
    by_application=(holder("orders-api", 60, 38, 2), holder("batch", 20, 2, 1), holder("", 7, 0)),
    by_user=(holder("orders", 80, 40, 3), holder("postgres", 7, 0)),
)
WAITERS = tuple(node(4310 + i, waited_s=170.0 - i) for i in range(37))
ACTIVITY = PgActivityPart(
    version="16.4",
    role="primary",
    database="shop",
    uptime_s=356_400.0,
    sees_others=True,
    connections=CONNECTIONS,
    locks=locks(root(), *WAITERS),
    backends=(
        session(4242, state="idle in transaction", transaction_s=192.0, wait_type="Client", wait_event="ClientRead"),
        session(4310, blocked_by=(4242,), wait_type="Lock", wait_event="tuple", lock_target="orders", query_s=170.0),
        session(4400, application="batch", user="batch", wait_type="LWLock", wait_event="WALWrite"),
        session(4401, application="batch", user="batch", wait_type="LWLock", wait_event="WALWrite"),
        session(4402, application="psql", query="SELECT [bold]now[/bold]", transaction_s=None),
    ),
)
COUNTERS = PgCountersPart(
    transactions_per_s=812.0,
    rollbacks_per_s=0.5,
    cache_hit_ratio=0.992,
    temp_bytes_per_s=3.0 * MIB,
    deadlocks_per_s=0.0,
    deadlocks_total=2,
    oldest_xid_age=150_000_000,
)


def statement(queryid: int, **changes: Any) -> StatementReading:
    reading = StatementReading(
        queryid=queryid,
        query=UPDATE,
        calls_per_s=212.0,
        mean_s=0.118,
        max_s=2.1,
        time_ratio=0.61,
        rows_per_call=1.0,
        hit_ratio=0.97,
        temp_bytes_per_s=0.0,
        wal_bytes_per_s=1.0 * MIB,
        blocks_per_call=4.0,
    )
    return msgspec.structs.replace(reading, **changes)


STATEMENTS = PgStatementsPart(
    statements=StatementsReading(
        slowest_mean_s=0.9,
        calls_per_s=1400.0,
        time_per_s=41.0,
        entries=4321,
        evicted=False,
        interval_s=5.0,
        texts_missing=None,
        top=(
            statement(11),
            statement(
                12, query="SELECT report($1)", time_ratio=0.2, mean_s=0.9, calls_per_s=8.0, temp_bytes_per_s=5.0 * MIB
            ),
            statement(13, query=None, time_ratio=0.1, mean_s=0.001, calls_per_s=1100.0, max_s=0.02, hit_ratio=None),
        ),
    )
)
PARTS: dict[str, Part] = {
    "pg_activity": ACTIVITY,
    "pg_counters": COUNTERS,
    "pg_statements": STATEMENTS,
    "pg_tables": TABLES,
    "pg_vacuum": VACUUM,
    "pg_replication": REPLICATION,
    "pg_wal": WAL,
}


def database(
    seconds: int = 10,
    failures: Mapping[str, Failed] = {},
    after: int = -1,
    findings: tuple[Finding, ...] = (),
    **parts: Part,
) -> Snapshot:
    """The host with its server.

    Args:
        failures: Sources that fail after second `after`, with the reason; from the start where it is -1.
        parts: Instead of the usual ones, by source.
    """
    found = {**PARTS, **parts}

    def change(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        served = {
            name: Given(mono=100.0 + second, part=part)
            for name, part in found.items()
            if name not in failures or second <= after
        }
        return {**read, **served}

    return host(seconds, change, findings=findings, kinds=(*KINDS, *PG_KINDS), failures=failures)


def down(failed: Failed, seconds: int = 10, after: int = -1) -> Snapshot:
    """The server gives nothing, from a second on."""
    return database(seconds, dict.fromkeys(PARTS, failed), after)
