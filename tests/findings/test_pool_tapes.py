"""Tapes of real faults of a real PgBouncer: what must be concluded from each, and that nothing is said before and after."""

from __future__ import annotations

import msgspec
import pytest

from perftui.model.finding import Constraint, Severity
from perftui.sources.pgbouncer import PgBouncerSample
from tests.findings.tapes import frames, play, sample_changed, told, without
from tests.findings.test_pg_tapes import HOST

FAULT_S = 2.0
"""No fault was made before this second of a tape."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    constraint: Constraint
    chain: tuple[str, ...]
    words: str
    also: frozenset[str] = frozenset()


EXPECTED = {
    "pool-full": Expected(
        constraint=Constraint.POOL_BOUND,
        chain=("pool.exhausted",),
        words="pool app/postgres has 3 of 3 connections in use, 5 clients wait",
    ),
    "pool-idle-holder": Expected(
        constraint=Constraint.LOCK_BOUND,
        chain=("pg.idle_in_transaction", "pool.exhausted"),
        words="2 backends wait for pid",
        also=frozenset({"pg.lock_pileup"}),
    ),
    "pool-killed-pooler": Expected(
        constraint=Constraint.POOL_BOUND, chain=("pool.unreachable",), words="PgBouncer does not answer any more"
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fault_gives_its_verdict(name: str) -> None:
    expected = EXPECTED[name]
    reached = next(each for each in play(name) if each.verdict.chain == expected.chain)

    assert (reached.verdict.constraint, reached.verdict.severity) == (expected.constraint, Severity.CRITICAL)
    assert expected.words in reached.verdict.summary
    assert (reached.verdict.since_at or 0) >= frames(name)[0].at + FAULT_S - 1


@pytest.mark.parametrize("name", EXPECTED)
def test_every_other_rule_stays_silent_and_nothing_is_said_before_and_after(name: str) -> None:
    expected = EXPECTED[name]
    shown = play(name)

    assert told(shown) - HOST <= set(expected.chain) | expected.also
    assert told([each for each in shown if each.history.span_s < FAULT_S]) - HOST == set()
    # Both end two seconds after the fault, within the window of what was full.
    assert told(shown[-1:]) - HOST <= {"pool.exhausted"}


def test_a_larger_pool_would_not_have_been_full() -> None:
    def larger(sample: PgBouncerSample) -> PgBouncerSample:
        poolers = {
            name: msgspec.structs.replace(
                pooler,
                databases=tuple(msgspec.structs.replace(row, pool_size=20) for row in pooler.databases),
                pools=tuple(msgspec.structs.replace(row, waiting_clients=0, wait_s=0.0) for row in pooler.pools),
            )
            for name, pooler in sample.poolers.items()
        }
        return msgspec.structs.replace(sample, poolers=poolers)

    assert told(play("pool-full", sample_changed("pgbouncer", larger))) - HOST == set()


def test_without_postgres_the_full_pool_is_all_that_is_known() -> None:
    assert told(play("pool-idle-holder", without("pg_activity"))) - HOST == {"pool.exhausted"}
