"""Tapes of real faults of a real Postgres: what must be concluded from each, and what of it must not depend on this server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from perftui.findings.pg_statement_regressed import PgStatementRegressedLimits
from perftui.findings.rule import ChosenLimits
from perftui.model.finding import Constraint, Severity
from perftui.sources.pg_activity import PgActivitySample
from perftui.sources.pg_counters import PgCountersSample
from tests.findings.test_tapes import Change, frames, play, sample_changed, told, without

FAULT_S = 4.0
"""When the fault was made on most of them, in seconds of the tape."""
HOST = frozenset({"host.cpu_saturated", "host.io_saturated"})
"""The machine had other work as well."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    constraint: Constraint
    chain: tuple[str, ...]
    words: tuple[str, ...]
    severity: Severity = Severity.WARNING
    subject: tuple[tuple[str, object], ...] = ()
    since_s: tuple[float, float] = (FAULT_S - 1, FAULT_S + 2)
    also: frozenset[str] = frozenset()
    limits: ChosenLimits = {}


EXPECTED = {
    "pg-lock-chain": Expected(
        constraint=Constraint.LOCK_BOUND,
        chain=("pg.idle_in_transaction", "pg.lock_pileup"),
        words=("5 backends wait for pid", "idle in transaction", "orders-api"),
        subject=(("application", "orders-api"), ("relation", "public.orders")),
    ),
    "pg-orphaned-transaction": Expected(
        constraint=Constraint.LOCK_BOUND,
        chain=("pg.lock_pileup",),
        words=("4 backends wait for prepared transaction orphan",),
        subject=(("pid", 0),),
    ),
    "pg-deadlock": Expected(
        constraint=Constraint.LOCK_BOUND,
        chain=("pg.deadlocks",),
        words=("1 deadlock",),
    ),
    "pg-too-many-clients": Expected(
        constraint=Constraint.POOL_BOUND,
        chain=("pg.connections_exhausted",),
        words=("40 of 40 connections are used", "greedy"),
        severity=Severity.CRITICAL,
        subject=(("application", "greedy"),),
    ),
    "pg-temp-spill": Expected(
        constraint=Constraint.QUERY_BOUND,
        chain=("pg.temp_spill",),
        words=("spill into temporary files",),
        also=frozenset({"pg.slow_statements"}),
    ),
    "pg-slow-statement": Expected(
        constraint=Constraint.QUERY_BOUND,
        chain=("pg.slow_statements",),
        words=("mean", "select count(*) from generate_series"),
        since_s=(0.0, FAULT_S + 1),
    ),
    "pg-killed-server": Expected(
        constraint=Constraint.EXTERNAL_BOUND,
        chain=("pg.unreachable",),
        words=("does not answer any more", "Connect call failed"),
        severity=Severity.CRITICAL,
    ),
    "pg-frozen-server": Expected(
        constraint=Constraint.EXTERNAL_BOUND,
        chain=("pg.unreachable",),
        words=("does not answer any more", "no answer in time"),
        severity=Severity.CRITICAL,
    ),
    "pg-unread-results": Expected(
        constraint=Constraint.QUERY_BOUND,
        chain=("pg.long_statement",),
        words=("5 backends run one statement", "export", "select repeat"),
        subject=(("application", "export"),),
    ),
    "pg-n-plus-one": Expected(
        constraint=Constraint.QUERY_BOUND,
        chain=("pg.n_plus_one",),
        words=("calls per transaction for one row each", "select state from orders"),
    ),
    "pg-dropped-index": Expected(
        constraint=Constraint.QUERY_BOUND,
        chain=("pg.statement_regressed",),
        words=("x as slow as before", "blocks for the same rows", "select id from items"),
        since_s=(8.0, 12.0),
        limits={"pg.statement_regressed": PgStatementRegressedLimits(window_s=4.0, baseline_s=5.0)},
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fault_gives_its_verdict_with_its_object_since_its_beginning(name: str) -> None:
    expected = EXPECTED[name]
    last = next(each for each in reversed(play(name, limits=expected.limits)) if each.verdict.chain == expected.chain)

    cause = next(finding for finding in last.findings if finding.rule == expected.chain[0])
    assert (last.verdict.constraint, last.verdict.severity) == (expected.constraint, expected.severity)
    assert all(words in last.verdict.summary for words in expected.words), last.verdict.summary
    assert dict(expected.subject).items() <= cause.subject.items()
    assert cause.evidence
    earliest, latest = expected.since_s
    assert earliest <= cause.since_at - frames(name)[0].at <= latest


@pytest.mark.parametrize("name", EXPECTED)
def test_every_other_rule_stays_silent_and_nothing_is_said_before_the_fault(name: str) -> None:
    expected = EXPECTED[name]
    shown = play(name, limits=expected.limits)

    assert told(shown) - HOST <= set(expected.chain) | expected.also
    assert told([each for each in shown if each.history.span_s < FAULT_S - 1]) - HOST == set()


def room_for(connections: int) -> Change:
    """The same sessions on a server that takes more."""

    def changed(sample: PgActivitySample) -> PgActivitySample:
        server = msgspec.structs.replace(sample.server, max_connections=connections)
        return msgspec.structs.replace(sample, server=server)

    return sample_changed("pg_activity", changed)


def sessions(**seen: Any) -> Change:
    """Of each session something else, or nothing."""

    def changed(sample: PgActivitySample) -> PgActivitySample:
        rows = tuple(msgspec.structs.replace(row, **seen) for row in sample.sessions)
        return msgspec.structs.replace(sample, sessions=rows)

    return sample_changed("pg_activity", changed)


def as_an_ordinary_role(sample: PgActivitySample) -> PgActivitySample:
    """What a role without pg_monitor is told of others."""
    waits = ("wait_type", "wait_event", "transaction_s", "query_s", "state_s")
    hidden: dict[str, Any] = dict.fromkeys((*waits, "state", "query", "query_id", "xmin_age"))
    rows = tuple(msgspec.structs.replace(row, **hidden) for row in sample.sessions)
    server = msgspec.structs.replace(sample.server, sees_others=False)
    return msgspec.structs.replace(sample, sessions=rows, server=server)


def old_ids(age: int) -> Callable[[PgCountersSample], PgCountersSample]:
    """Hand-cut, since two thousand million transactions take days."""
    return lambda sample: msgspec.structs.replace(sample, oldest_xid_age=age)


@pytest.mark.parametrize(
    ("name", "change", "rules"),
    [
        ("pg-too-many-clients", room_for(400), set()),
        ("pg-too-many-clients", room_for(45), {"pg.connections_exhausted"}),
        ("pg-lock-chain", room_for(8), {"pg.idle_in_transaction", "pg.lock_pileup", "pg.connections_exhausted"}),
        ("pg-lock-chain", sample_changed("pg_activity", as_an_ordinary_role), {"pg.lock_pileup"}),
        ("pg-lock-chain", sessions(blocked_by=()), set()),
        ("pg-lock-chain", sample_changed("pg_counters", old_ids(1_700_000_000)), {"pg.wraparound"}),
        ("pg-deadlock", without("pg_counters"), set()),
        ("pg-slow-statement", without("pg_statements"), set()),
        ("pg-slow-statement", sample_changed("pg_counters", old_ids(1_100_000_000)), {"pg.wraparound"}),
        ("pg-unread-results", sessions(query_id=None), {"pg.long_statement"}),
        ("pg-unread-results", sessions(query_id=None, query=None), set()),
        ("pg-unread-results", sessions(query="COPY orders TO STDOUT"), set()),
        ("pg-n-plus-one", sessions(query_id=None), {"pg.n_plus_one"}),
        ("pg-n-plus-one", without("pg_counters"), set()),
        ("pg-dropped-index", lambda frame: frame, set()),
    ],
    ids=[
        "the same clients where there is room for 400",
        "a few more slots than that",
        "the pile-up takes all connections",
        "a role that may not see what others do",
        "nobody waits",
        "ids run out beside",
        "deadlocks are counted there",
        "without pg_stat_statements",
        "old ids",
        "13 gives no queryid",
        "no texts, no queryid",
        "an export by COPY",
        "13 gives no queryid, statements do",
        "transactions can't be counted",
        "a minute before a regression is needed by default",
    ],
)  # fmt: skip
def test_variants(name: str, change: Change, rules: set[str]) -> None:
    found = told(play(name, change)) - HOST

    assert rules <= found
    assert found <= rules | (set(EXPECTED[name].chain) if rules else set())


def test_ids_that_run_out_are_no_part_of_a_lock_chain() -> None:
    last = play("pg-lock-chain", sample_changed("pg_counters", old_ids(1_700_000_000)))[-1]

    assert last.verdict.finding == "pg.wraparound", "it is critical, the queue a warning"
    assert last.verdict.chain == ("pg.wraparound",)
