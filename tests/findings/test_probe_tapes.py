"""Tapes of real faults behind a real HTTP service: what must be concluded, what a missing layer takes away, and the end."""

from __future__ import annotations

import msgspec
import pytest

from perftui.model.finding import Constraint, Severity
from perftui.sources.probes import ProbesSample
from perftui.views.banner import verdict_lines
from tests.findings.tapes import frames, play, sample_changed, told, without
from tests.findings.test_pg_tapes import HOST
from tests.views.drawn import flat

FAULT_S = 2.0
"""No fault was made before this second of a tape."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    constraint: Constraint
    chain: tuple[str, ...]
    words: str
    second_line: str
    """What follows the verdict's title at 120 columns."""


EXPECTED = {
    "probe-hung-service": Expected(
        constraint=Constraint.UNKNOWN,
        chain=("probe.failing",),
        words="probe shop: no answer for 2.0 s before the first byte, 2 in a row",
        second_line="",
    ),
    "probe-forgotten-commit": Expected(
        constraint=Constraint.LOCK_BOUND,
        chain=("pg.idle_in_transaction", "pg.lock_pileup", "pool.exhausted", "probe.failing"),
        words="4 backends wait for pid",
        second_line="→ stock locked → pool app/postgres → probe shop: no answer for 2.0 s before the first byte",
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fault_gives_its_verdict(name: str) -> None:
    expected = EXPECTED[name]
    reached = next(each for each in play(name) if each.verdict.chain == expected.chain)

    assert (reached.verdict.constraint, reached.verdict.severity) == (expected.constraint, Severity.CRITICAL)
    assert expected.words in reached.verdict.summary
    assert (reached.verdict.since_at or 0) >= frames(name)[0].at + FAULT_S - 1
    assert expected.second_line in flat(verdict_lines(reached, 120)[1])


@pytest.mark.parametrize("name", EXPECTED)
def test_every_other_rule_stays_silent_and_nothing_is_said_before_and_after(name: str) -> None:
    shown = play(name)

    assert told(shown) - HOST == set(EXPECTED[name].chain)
    assert told([each for each in shown if each.history.span_s < FAULT_S]) - HOST == set()
    # Both end two seconds after the fault, within the window of what was full.
    assert told(shown[-1:]) - HOST <= {"pool.exhausted"}


def test_each_layer_that_is_missing_shortens_the_chain() -> None:
    whole = EXPECTED["probe-forgotten-commit"].chain

    assert told(play("probe-forgotten-commit", without("pg_activity"))) - HOST == set(whole[2:])
    assert told(play("probe-forgotten-commit", without("pgbouncer"))) - HOST == {*whole[:2], whole[3]}
    assert told(play("probe-forgotten-commit", without("probes"))) - HOST == set(whole[:3])


def test_a_page_of_somebody_else_is_not_explained_by_a_lock_here() -> None:
    def external(sample: ProbesSample) -> ProbesSample:
        probes = {
            name: msgspec.structs.replace(state, target=msgspec.structs.replace(state.target, external=True))
            for name, state in sample.probes.items()
        }
        return msgspec.structs.replace(sample, probes=probes)

    shown = play("probe-forgotten-commit", sample_changed("probes", external))

    assert "probe.failing" in told(shown)
    assert not any("probe.failing" in each.verdict.chain[1:] for each in shown)
