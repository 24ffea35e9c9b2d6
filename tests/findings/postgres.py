"""Frames of a Postgres, made by hand: one a second, each source's sample as it would be read then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from perftui.model.failure import Failed, FailureKind
from perftui.model.finding import Finding
from perftui.model.frame import Frame, Machine, Sample
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.memory import MemorySample
from perftui.sources.pg_activity import IdleRow, PgActivitySample, PreparedRow, ServerRow, SessionRow
from perftui.sources.pg_counters import PgCountersSample
from perftui.sources.pg_statements import PgStatementsSample, StatementRow
from tests import frames

STARTED_AT = 1_770_806_497.0
MACHINE = Machine(hostname="db", system="Linux 6.1", cores=4, memory_bytes=8 << 30)
SERVER = ServerRow(
    version_num=160004,
    uptime_s=90_000.0,
    in_recovery=False,
    max_connections=100,
    reserved_connections=3,
    sees_others=True,
    role="monitor",
    database="app",
)


def session(pid: int, *blocked_by: int, **seen: Any) -> SessionRow:
    row: dict[str, Any] = {
        "pid": pid,
        "backend_start_at": STARTED_AT - 5000,
        "backend_type": "client backend",
        "database": "app",
        "user": "app",
        "application": "orders-api",
        "client": "10.0.0.9",
        "state": "active",
        "wait_type": "Lock" if blocked_by else None,
        "wait_event": None,
        "transaction_s": 1.0,
        "query_s": 1.0,
        "state_s": 1.0,
        "query": "UPDATE orders SET state = ? WHERE id = ?",
        "query_id": 11,
        "blocked_by": blocked_by,
        "lock_mode": "RowExclusiveLock" if blocked_by else None,
        "lock_target": "orders" if blocked_by else None,
        "waited_s": 1.0 if blocked_by else None,
    }
    return SessionRow(**{**row, **seen})


def idle_in_transaction(pid: int, seconds: float, **seen: Any) -> SessionRow:
    ages = {"transaction_s": seconds, "query_s": seconds, "state_s": seconds}
    return session(pid, **{"state": "idle in transaction", "wait_type": "Client", **ages, **seen})


def activity(*sessions: SessionRow, idle: int = 0, prepared: tuple[PreparedRow, ...] = (), **seen: Any) -> Sample:
    group = IdleRow(database="app", user="app", application="web", count=idle, longest_idle_s=30.0)
    given = {"server": SERVER, "idle": (group,) if idle else (), "prepared": prepared, "own": 1, **seen}
    return PgActivitySample(mono=0.0, sessions=sessions, **given)


def counters(**seen: Any) -> Sample:
    given: dict[str, Any] = {
        "commits": 1000,
        "rollbacks": 0,
        "blocks_hit": 100_000,
        "blocks_read": 0,
        "temp_bytes": 0,
        "deadlocks": 3,
        "oldest_xid_age": 50_000_000,
    }
    return PgCountersSample(mono=0.0, **{**given, **seen})


def statements(*rows: tuple[int, str, int, float], interval_s: float = 5.0, **of_all: Any) -> Sample:
    """Of each statement (queryid, text, calls, seconds) in the interval."""
    given: dict[str, Any] = {"hit": 100, "read": 0, "temp_blocks": 0, "rows_per_call": 1, **of_all}
    return PgStatementsSample(
        mono=0.0,
        before=tuple(StatementRow(10, 5, queryid, True, 0, 0.0, 0.0, 0, 0, 0, 0, 0.0) for queryid, *_ in rows),
        now=tuple(
            StatementRow(
                10, 5, queryid, True, calls, 1000 * spent, 1000 * spent, calls * given["rows_per_call"],
                given["hit"], given["read"], given["temp_blocks"], 0.0,
            )
            for queryid, _, calls, spent in rows
        ),
        interval_s=interval_s,
        total_ms=sum(1000 * spent for *_, spent in rows),
        total_calls=sum(calls for _, _, calls, _ in rows),
        entries=len(rows),
        texts={queryid: text for queryid, text, *_ in rows},
    )  # fmt: skip


def memory(oom_kills: int = 0) -> Sample:
    found = {"MemTotal": 8 << 30, "MemFree": 4 << 30, "MemAvailable": 6 << 30}
    return MemorySample(mono=0.0, meminfo=found, vmstat={"oom_kill": oom_kills, "pswpin": 0, "pswpout": 0})


Second = Mapping[str, Sample | Failed]
"""What arrives in a second, by source."""


def failed(detail: str, kind: FailureKind = FailureKind.UNREACHABLE) -> Failed:
    return Failed(kind=kind, detail=detail)


def watch(second: Callable[[int], Second], seconds: int) -> list[Snapshot]:
    """The snapshots of so many seconds on a host that is quiet itself unless the seconds say otherwise."""
    judge, store = Judge(machine=MACHINE), new_store()
    shown = []
    for number in range(seconds):
        mono = float(number)
        quiet = {"cpu": frames.sample(mono, 10 * number, 90 * number), "memory": memory()}
        arrived = {**quiet, **second(number)}
        samples = {name: _at(told, mono) for name, told in arrived.items() if isinstance(told, Sample)}
        failures = {name: told for name, told in arrived.items() if isinstance(told, Failed)}
        frame = Frame(seq=number, at=STARTED_AT + mono, mono=mono, samples=samples, failed=failures)
        shown.append(judge.snapshot(store.push(frame)))
    return shown


def _at(sample: Sample, mono: float) -> Sample:
    return msgspec.structs.replace(sample, mono=mono)


def always(**sources: Sample | Failed) -> Callable[[int], Second]:
    return lambda number: sources


def of(snapshot: Snapshot, rule: str) -> list[Finding]:
    return [finding for finding in snapshot.findings if finding.rule == rule]
