"""Tapes of real faults of a real Postgres: what must be concluded from each, and that every other rule stays silent on it."""

from __future__ import annotations

import msgspec
import pytest

from perftui.findings.pg_statement_regressed import PgStatementRegressedLimits
from perftui.findings.rule import ChosenLimits
from perftui.model.finding import Constraint, Severity
from tests.findings.tapes import frames, play, told

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
