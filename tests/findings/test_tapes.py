"""Tapes of real faults: what must be concluded from each, and that every other rule stays silent on it."""

from __future__ import annotations

import msgspec
import pytest

from perftui.findings import RULES
from perftui.model.finding import Constraint
from perftui.pipeline.loop import Judge, new_store
from tests.findings.tapes import frames, machine, play, told, without


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    constraint: Constraint
    chain: tuple[str, ...]
    process: str | None = None
    words: tuple[str, ...] = ()
    since_s: tuple[float, float] = (5.5, 10.5)
    """When it began, in seconds of the tape; the fault was made at the sixth."""
    also: frozenset[str] = frozenset()
    """Other rules that may say something on the way."""


EXPECTED = {
    "cpu-hog": Expected(
        constraint=Constraint.CPU_BOUND,
        chain=("host.cpu_saturated",),
        process="stress-ng-cpu",
        words=("want 2 CPUs", "8 x"),
    ),
    "cpu-quota": Expected(
        constraint=Constraint.CPU_BOUND, chain=("host.cpu_throttled",), words=("/pt_quota", "0.2 CPUs", "100%")
    ),
    "disk-saturation": Expected(
        constraint=Constraint.IO_BOUND,
        chain=("host.io_saturated",),
        process="fio",
        words=("no disk is busy", "I/O limit"),
    ),
    "swap-thrash": Expected(
        constraint=Constraint.MEMORY_BOUND,
        chain=("host.memory_pressure", "host.swapping", "host.io_saturated"),
        process="python",
        words=("group /pt_swap is at its limit", "tasks wait for memory"),
        also=frozenset({"host.cpu_saturated"}),
    ),
    "memory-leak": Expected(
        constraint=Constraint.MEMORY_BOUND,
        chain=("host.memory_leak",),
        process="python",
        words=("without a plateau", "lasts"),
    ),
    "oom-kill": Expected(
        constraint=Constraint.MEMORY_BOUND, chain=("host.oom_kill",), process="python", words=("killed", "/pt_oom")
    ),
    "disk-fill": Expected(
        constraint=Constraint.IO_BOUND, chain=("host.disk_filling",), words=("/srv/small", "full in"), since_s=(10, 13)
    ),
    "open-files": Expected(constraint=Constraint.POOL_BOUND, chain=("host.fd_exhaustion",), words=("128 of 128",)),
    "lost-segments": Expected(
        constraint=Constraint.EXTERNAL_BOUND, chain=("host.network_retransmits",), words=("sent again",)
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fault_gives_its_verdict_with_chain_leader_and_evidence(name: str) -> None:
    expected = EXPECTED[name]
    last = next(each for each in reversed(play(name)) if each.verdict.chain == expected.chain)

    cause = next(finding for finding in last.findings if finding.rule == expected.chain[0])
    assert last.verdict.constraint is expected.constraint
    assert last.verdict.summary == cause.title
    assert all(words in cause.title for words in expected.words), cause.title
    if expected.process:
        assert cause.subject["process"] == expected.process
    assert cause.evidence
    assert any(
        each.value is not None and each.limit is not None and each.value >= each.limit for each in cause.evidence
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_every_other_rule_stays_silent_and_nothing_is_said_before_the_fault(name: str) -> None:
    snapshots = play(name)

    assert told(snapshots) <= set(EXPECTED[name].chain) | EXPECTED[name].also
    assert told([each for each in snapshots if each.history.span_s < 5.5]) == set()


@pytest.mark.parametrize("name", EXPECTED)
def test_since_when_is_the_beginning_of_the_fault(name: str) -> None:
    last = play(name)[-1]
    cause = next(finding for finding in last.findings if finding.rule in EXPECTED[name].chain)

    assert not cause.began_before
    earliest, latest = EXPECTED[name].since_s
    assert earliest <= cause.since_at - frames(name)[0].at <= latest


def test_a_healthy_busy_build_is_healthy_and_says_why() -> None:
    snapshots = play("busy-build")

    assert told(snapshots) == set()
    assert {each.verdict.constraint for each in snapshots} == {Constraint.HEALTHY}
    assert "busy" in snapshots[-1].verdict.summary


def test_swapping_and_io_wait_together_are_memory_with_io_wait_as_its_symptom() -> None:
    both = [
        each
        for each in play("swap-thrash")
        if {"host.swapping", "host.io_saturated"} <= {finding.rule for finding in each.findings}
    ]

    assert both
    for each in both:
        assert each.verdict.constraint is Constraint.MEMORY_BOUND
        assert each.verdict.chain[-1] == "host.io_saturated"


@pytest.mark.parametrize("source", ["cpu", "memory"])
def test_who_can_not_see_does_not_say_healthy(source: str) -> None:
    last = play("busy-build", without(source))[-1]

    assert last.verdict.constraint is Constraint.UNKNOWN
    assert source in last.verdict.summary


def test_a_limit_from_the_config_silences_a_rule() -> None:
    rule = next(rule for rule in RULES if rule.name == "host.cpu_saturated")
    higher = msgspec.convert({"runnable_per_core": 20.0}, rule.limits)

    assert told(play("cpu-hog", limits={rule.name: higher})) == set()


def test_a_host_in_trouble_when_we_arrive_is_told_by_the_second_tick() -> None:
    """The kernel's own 10 s means speak before our first window is full."""
    store = new_store()
    judge = Judge(machine=machine("swap-thrash"))
    late = frames("swap-thrash")[-2:]
    second = [judge.snapshot(store.push(frame)) for frame in late][-1]

    assert second.verdict.constraint is Constraint.MEMORY_BOUND
    assert second.verdict.began_before
