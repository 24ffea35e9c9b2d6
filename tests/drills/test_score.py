"""What a watch amounts to, by scenes."""

from __future__ import annotations

import msgspec
import pytest

from perftui.drills import DRILLS
from perftui.drills.kind import Drill, Symptom
from perftui.drills.score import Result, Score
from perftui.model.finding import Constraint, Finding, Severity
from tests.views.scenes import STARTED_AT, host

LOCKED = Drill(
    name="any",
    title="somebody holds a lock",
    fault=DRILLS[0].fault,
    constraints=(Constraint.LOCK_BOUND,),
    rules=("pg.lock_pileup",),
    symptom=Symptom("host.cpu.busy_ratio", -1.0),
    remedies=("end it",),
)


def found(rule: str, constraint: Constraint = Constraint.LOCK_BOUND, pid: int = 7) -> Finding:
    return Finding(
        rule=rule,
        severity=Severity.CRITICAL,
        constraint=constraint,
        title=f"{rule} of {pid}",
        since_at=STARTED_AT,
        subject={"pid": pid},
    )


LOCK = found("pg.lock_pileup")
OTHER = found("host.disk_filling", Constraint.IO_BOUND)


def scored(*ticks: tuple[Finding, ...], drill: Drill = LOCKED, fault_at: int = 3) -> Result:
    """One tick a second; the fault is made at the fourth."""
    score = Score(drill)
    begun = host(fault_at).history.mono
    for number, findings in enumerate(ticks):
        score.begun(begun if number >= fault_at else None)
        score.take(host(number, findings=findings))
    return score.result()


CALM: tuple[tuple[Finding, ...], ...] = ((), (), ())


TWO = msgspec.structs.replace(
    LOCKED,
    constraints=(Constraint.LOCK_BOUND, Constraint.IO_BOUND),
    rules=("pg.lock_pileup", "host.disk_filling"),
    apart=("pg.lock_pileup", "host.disk_filling"),
)


def test_two_faults_at_once_are_right_when_each_is_the_cause_of_a_chain() -> None:
    result = scored(*CALM, (), (LOCK,), (OTHER, LOCK), (OTHER, LOCK), drill=TWO)

    assert (result.right, result.verdict_s) == (True, 2.0)
    assert result.verdict is not None
    assert {result.verdict.chain, *result.verdict.others} == {("pg.lock_pileup",), ("host.disk_filling",)}
    assert not scored(*CALM, *[(LOCK,)] * 30, drill=TWO).right


def test_a_right_verdict_is_right_with_its_time() -> None:
    result = scored(*CALM, (), (), (LOCK,), (LOCK,))

    assert (result.right, result.verdict_s, result.symptom_s) == (True, 2.0, 0.0)
    assert result.alarms_before == result.alarms_beside == ()
    assert [told.after_s for told in result.course] == [-3.0, 2.0]


@pytest.mark.parametrize(
    ("ticks", "reason"),
    [
        ([(), ()], "another verdict"),
        ([(LOCK,), (OTHER,)], "it was right, and then another verdict took its place"),
        ([()] * 12 + [(LOCK,)], "12.0 s to the verdict, 10 s allowed"),
    ],
    ids=["nothing", "left again", "late"],
)
def test_what_is_wrong_is_told(ticks: list[tuple[Finding, ...]], reason: str) -> None:
    result = scored(*CALM, *ticks)

    assert (result.right, result.reason) == (False, reason)


def test_what_is_cried_beside_the_fault_is_counted_once_whoever_leads_there() -> None:
    beside = [found("host.cpu_saturated", Constraint.CPU_BOUND, pid) for pid in (1, 2, 3)]
    result = scored((OTHER,), (), (), *((LOCK, each) for each in beside))

    assert result.alarms_before == ("host.disk_filling: host.disk_filling of 7",)
    assert result.alarms_beside == ("host.cpu_saturated: host.cpu_saturated of 3",)


def test_a_symptom_that_is_told_before_its_cause_is_none_too_many() -> None:
    leak = msgspec.structs.replace(LOCKED, rules=("host.memory_leak",), constraints=(Constraint.MEMORY_BOUND,))
    symptom = found("host.memory_pressure", Constraint.MEMORY_BOUND)
    cause = found("host.memory_leak", Constraint.MEMORY_BOUND)

    assert scored(*CALM, (symptom,), (symptom,), (cause, symptom), drill=leak).alarms_beside == ()
    assert len(scored(*CALM, (symptom,), (), (cause,), drill=leak).alarms_beside) == 1


def test_where_nothing_is_wrong_every_finding_is_one_too_many() -> None:
    healthy = next(drill for drill in DRILLS if drill.healthy)

    assert scored(*CALM, (), (), drill=healthy).right
    assert scored(*CALM, (OTHER,), (), drill=healthy).reason == "1 findings where nothing is wrong"


def test_a_fault_that_was_never_made_is_not_right() -> None:
    assert scored(*CALM, fault_at=9).reason == "the fault was never made"
