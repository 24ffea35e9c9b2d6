"""All findings together: one chain for each incident, the heaviest first, and never healthy where it is not known."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from perftui.findings import explain
from perftui.findings.explain import Edge
from perftui.findings.gates import anywhere
from perftui.findings.verdict import incidents, told_order, verdict
from perftui.model.failure import FailureKind
from perftui.model.finding import Constraint, Finding, Severity
from perftui.pipeline.loop import Judge
from perftui.pipeline.tree import verdict_tree
from tests.findings.postgres import MACHINE, Second, activity, failed, idle_in_transaction, session, watch
from tests.probing import TARGET, ok
from tests.probing import frames as probe_frames
from tests.views.scenes import STARTED_AT, host

HISTORY = host(3).history
WARNING, CRITICAL, INFO = Severity.WARNING, Severity.CRITICAL, Severity.INFO


def finding(
    rule: str,
    severity: Severity = WARNING,
    since_s: float = 0.0,
    constraint: Constraint = Constraint.CPU_BOUND,
    **subject: Any,
) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        constraint=constraint,
        title=f"{rule} is found",
        since_at=STARTED_AT + since_s,
        subject=subject,
    )


LEAK = finding("host.memory_leak", constraint=Constraint.MEMORY_BOUND)
PRESSURE = finding("host.memory_pressure", since_s=1, constraint=Constraint.MEMORY_BOUND)
SWAPPING = finding("host.swapping", since_s=2, constraint=Constraint.MEMORY_BOUND)
WAITING = finding("host.io_saturated", since_s=3, constraint=Constraint.IO_BOUND)
KILLED = finding("host.oom_kill", CRITICAL, since_s=4, constraint=Constraint.MEMORY_BOUND)
CERTIFICATE = finding("tls.expiring", constraint=Constraint.EXTERNAL_BOUND, probe="shop", certificate="shop")
FULL = finding("host.disk_filling", constraint=Constraint.IO_BOUND, filesystem="/data")


def test_two_faults_that_have_nothing_to_do_with_each_other_are_two_chains() -> None:
    said = verdict(HISTORY, [CERTIFICATE, PRESSURE, SWAPPING, WAITING])

    assert said.chain == ("host.memory_pressure", "host.swapping", "host.io_saturated")
    (other,) = said.others
    assert (other.chain, other.constraint) == (("tls.expiring",), Constraint.EXTERNAL_BOUND)
    assert other.summary == CERTIFICATE.title


def test_the_heaviest_incident_is_the_verdict_and_the_others_follow_by_weight() -> None:
    worse = msgspec.structs.replace(CERTIFICATE, severity=CRITICAL)
    said = verdict(HISTORY, [worse, FULL, PRESSURE])

    assert said.finding == "tls.expiring"
    assert [each.finding for each in said.others] == ["host.memory_pressure", "host.disk_filling"]


def test_each_link_says_what_explains_it_and_why() -> None:
    said = verdict(HISTORY, [SWAPPING, PRESSURE, WAITING])

    assert [(link.finding, link.explained_by) for link in said.links] == [(1, None), (0, 1), (2, 0)]
    assert said.links[0].because == ""
    assert said.links[1].because == "the kernel moves pages to swap to find memory; the cause began 1 s before"


def test_what_follows_beside_the_longest_way_is_no_incident_of_its_own_and_counts() -> None:
    said = verdict(HISTORY, [LEAK, PRESSURE, SWAPPING, WAITING, KILLED])

    assert said.chain == ("host.memory_leak", "host.memory_pressure", "host.swapping", "host.io_saturated")
    assert [link.rule for link in said.beside] == ["host.oom_kill"]
    assert said.others == ()
    assert said.severity is CRITICAL


def test_a_symptom_that_two_causes_explain_is_in_both_chains() -> None:
    stolen, abort = finding("host.cpu_stolen"), finding("load.abort", CRITICAL, constraint=Constraint.UNKNOWN)
    said = verdict(HISTORY, [stolen, PRESSURE, abort])

    assert said.chain == ("host.memory_pressure", "load.abort")
    assert [each.chain for each in said.others] == [("host.cpu_stolen", "load.abort")]


def test_notes_are_in_no_chain() -> None:
    said = verdict(HISTORY, [PRESSURE, msgspec.structs.replace(FULL, severity=INFO)])

    assert (said.chain, said.others, said.beside) == (("host.memory_pressure",), (), ())


def test_findings_that_explain_each_other_in_a_circle_are_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    circle = (
        Edge("host.swapping", "host.io_saturated", anywhere),
        Edge("host.io_saturated", "host.swapping", anywhere),
    )
    monkeypatch.setattr(explain, "EDGES", circle)

    found = incidents(HISTORY, [CERTIFICATE, WAITING, SWAPPING])

    assert [each.chain for each in found] == [("host.swapping", "host.io_saturated"), ("tls.expiring",)]


def test_causes_of_one_weight_do_not_change_places_with_the_milliseconds_of_their_ages() -> None:
    assert len({_top_pid(ahead_s) for ahead_s in (-0.4, 0.004, 0.4)}) == 1
    assert _top_pid(-30.0) == 4242
    assert _top_pid(30.0) == 77


def _top_pid(ahead_s: float) -> object:
    """Of two queues, the first of which began so long after the second."""
    queues = [
        finding("pg.lock_pileup", CRITICAL, ahead_s, Constraint.LOCK_BOUND, pid=4242),
        finding("pg.lock_pileup", CRITICAL, 0.0, Constraint.LOCK_BOUND, pid=77),
    ]
    return queues[verdict(HISTORY, queues).links[0].finding].subject["pid"]


def test_many_findings_that_all_explain_each_other_cost_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [finding(f"host.rule{number}") for number in range(25)]
    pairs = [(a.rule, b.rule) for a in many for b in many if a is not b]
    monkeypatch.setattr(explain, "EDGES", tuple(Edge(cause, symptom, anywhere) for cause, symptom in pairs))

    (found,) = incidents(HISTORY, many)

    assert len(found.chain) + len(found.beside) == 25


def test_findings_are_told_from_the_cause_to_the_last_symptom_then_the_next_incident_then_notes() -> None:
    note = msgspec.structs.replace(FULL, severity=INFO)
    findings = [note, KILLED, CERTIFICATE, WAITING, SWAPPING, PRESSURE]

    told = [each.rule for each in told_order(verdict(HISTORY, findings), findings)]

    assert told == [
        "host.memory_pressure",
        "host.swapping",
        "host.io_saturated",
        "host.oom_kill",
        "tls.expiring",
        "host.disk_filling",
    ]


def test_the_playbook_is_that_of_the_cause_or_of_the_next_link_that_has_one() -> None:
    answers = {"pg.lock_pileup": "db-lock-contention", "tls.expiring": "certificates"}
    waiters = [session(5000 + n, 4242, waited_s=30.0) for n in range(5)]
    sample = activity(idle_in_transaction(4242, 60.0), *waiters)
    history = watch(lambda second: {"pg_activity": sample}, 3)[-1].history

    said = Judge(machine=MACHINE, answers=answers).snapshot(history).verdict

    assert said.chain == ("pg.idle_in_transaction", "pg.lock_pileup")
    assert said.playbook == "db-lock-contention"


def test_other_incidents_stand_in_the_tree_with_words_and_times() -> None:
    said = verdict(HISTORY, [PRESSURE, CERTIFICATE])
    told = verdict_tree(said)

    assert list(told)[:8] == [
        "class",
        "finding",
        "severity",
        "since_at",
        "began_before",
        "summary",
        "chain",
        "playbook",
    ]
    (other,) = told["others"]
    assert (other["class"], other["severity"], other["chain"]) == ("external_bound", "warning", ["tls.expiring"])
    assert other["since_at"] == "2026-02-11T10:41:37.000Z"


CONNECTING = failed("postgres: connecting…")
REFUSED = failed("postgres: connection refused; is it running there?")
LATE = failed("postgres: no answer for 1.0 s; still waiting", FailureKind.TIMED_OUT)


@pytest.mark.parametrize(
    ("then", "expected", "words"),
    [
        ({"pg_activity": CONNECTING}, Constraint.UNKNOWN, "still connecting to Postgres, CPU 10% busy"),
        ({"pg_activity": activity()}, Constraint.HEALTHY, "Postgres 1 of 100 connections"),
        ({}, Constraint.HEALTHY, "CPU 10% busy"),
    ],
    ids=["connecting", "connected", "no server is watched"],
)
def test_while_a_server_is_not_read_yet_nothing_is_called_healthy(
    then: Second, expected: Constraint, words: str
) -> None:
    said = watch(lambda second: then, 6)[-1].verdict

    assert (said.constraint, said.severity) == (expected, INFO)
    assert said.summary.startswith(words)


def test_probes_and_poolers_that_told_nothing_yet_are_named_where_all_else_is_well() -> None:
    pooler = watch(lambda second: {"pgbouncer": failed("pgbouncer: connecting…")}, 6)[-1].verdict
    waiting, answered = (
        probe_frames({"shop": (TARGET, [result] * 2)})[-1].samples["probes"] for result in (None, ok(0.1))
    )
    probe = watch(lambda second: {"probes": waiting}, 6)[-1].verdict

    assert pooler.constraint is Constraint.HEALTHY
    assert pooler.summary.endswith("nothing swaps, still connecting to PgBouncer")
    assert probe.summary.endswith("1 of 1 probes not answered yet")
    assert "probes" not in watch(lambda second: {"probes": answered}, 6)[-1].verdict.summary


@pytest.mark.parametrize(
    ("failure", "expected", "words"),
    [
        (REFUSED, Constraint.UNKNOWN, "Postgres: connection refused; is it running there?, last read 2 s ago"),
        (LATE, Constraint.HEALTHY, "Postgres: no answer for 1.0 s; still waiting, last read 2 s ago"),
    ],
    ids=["the connection is lost", "an answer is late"],
)
def test_a_lost_connection_is_not_healthy_from_its_first_second_on(
    failure: Any, expected: Constraint, words: str
) -> None:
    seen = watch(lambda second: {"pg_activity": activity() if second < 8 else failure}, 10)

    assert {each.verdict.constraint for each in seen[5:8]} == {Constraint.HEALTHY}
    assert {each.verdict.constraint for each in seen[8:]} == {expected}
    assert seen[-1].verdict.summary.startswith(words)
