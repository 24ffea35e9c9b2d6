"""Tapes of real faults: what must be concluded from each, and that every other rule stays silent on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perftui.findings import RULES
from perftui.findings.rule import ChosenLimits
from perftui.model.finding import Constraint, Severity
from perftui.model.frame import Frame
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.recording.reader import Tape
from perftui.sources.cpu import CpuSample, CpuTimes
from perftui.sources.memory import MemorySample

TAPES = Path(__file__).parent.parent / "tapes"
Change = Callable[[Frame], Frame]


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


@cache
def frames(name: str) -> tuple[Frame, ...]:
    return tuple(Tape(TAPES / f"{name}.ptape").frames())


def play(name: str, change: Change = lambda frame: frame, limits: ChosenLimits | None = None) -> list[Snapshot]:
    """Every snapshot of a tape, its frames changed on the way where a test is about a variant of what was recorded."""
    judge, store = Judge(machine=Tape(TAPES / f"{name}.ptape").machine, limits=limits or {}), new_store()
    return [judge.snapshot(store.push(change(frame))) for frame in frames(name)]


def told(snapshots: list[Snapshot]) -> set[str]:
    return {finding.rule for each in snapshots for finding in each.findings if finding.severity > Severity.INFO}


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


def sample_changed(source: str, change: Callable[[Any], Any]) -> Change:
    """A change of one source's samples."""

    def changed(frame: Frame) -> Frame:
        if source not in frame.samples:
            return frame
        samples = {**frame.samples, source: change(frame.samples[source])}
        return msgspec.structs.replace(frame, samples=samples)

    return changed


def without(*sources: str) -> Change:
    """The tape of a host where these sources can't be read."""

    def changed(frame: Frame) -> Frame:
        kept = {name: sample for name, sample in frame.samples.items() if name not in sources}
        return msgspec.structs.replace(frame, samples=kept)

    return changed


def on_cores(count: int) -> Change:
    """The same load on a host with more CPUs, the others idle: as the kernel would have counted it."""

    def changed(sample: CpuSample) -> CpuSample:
        extra = count - len(sample.per_cpu)
        idle = CpuTimes(0, 0, 0, round(sample.mono * 100), 0, 0, 0, 0)
        whole = msgspec.structs.replace(sample.all, idle=sample.all.idle + extra * idle.idle)
        per_cpu = {**sample.per_cpu, **{f"idle{number}": idle for number in range(extra)}}
        return msgspec.structs.replace(sample, all=whole, per_cpu=per_cpu)

    return sample_changed("cpu", changed)


def stolen(sample: CpuSample) -> CpuSample:
    """Hand-cut, since no hypervisor here steals: what the hogs used is what others took."""
    times = sample.all
    return msgspec.structs.replace(sample, all=msgspec.structs.replace(times, user=0, steal=times.user), runnable=1)


def niced(sample: CpuSample) -> CpuSample:
    times = sample.all
    return msgspec.structs.replace(sample, all=msgspec.structs.replace(times, user=0, nice=times.user))


def nearly_full(sample: MemorySample) -> MemorySample:
    total = sample.meminfo["MemTotal"]
    return msgspec.structs.replace(sample, meminfo={**sample.meminfo, "MemAvailable": total // 50})


def full_of_cache(sample: MemorySample) -> MemorySample:
    total = sample.meminfo["MemTotal"]
    changed = {
        "MemFree": total // 100,
        "Cached": total * 9 // 10,
        "MemAvailable": total * 9 // 10,
        "Dirty": 0,
        "Writeback": 0,
    }
    return msgspec.structs.replace(sample, meminfo={**sample.meminfo, **changed})


@pytest.mark.parametrize(
    ("name", "change", "rules"),
    [
        ("cpu-hog", sample_changed("cpu", stolen), {"host.cpu_stolen"}),
        ("cpu-hog", sample_changed("cpu", niced), set()),
        ("cpu-hog", on_cores(16), set()),
        ("cpu-hog", without("pressure"), {"host.cpu_saturated"}),
        ("cpu-hog", without("processes"), {"host.cpu_saturated"}),
        ("disk-saturation", on_cores(16), {"host.io_saturated"}),
        ("disk-saturation", without("pressure"), {"host.io_saturated"}),
        ("disk-saturation", without("disks"), {"host.io_saturated"}),
        ("oom-kill", without("kernel_log"), {"host.oom_kill"}),
        ("swap-thrash", without("pressure", "processes", "cgroups"), {"host.swapping"}),
        ("busy-build", sample_changed("memory", nearly_full), {"host.memory_pressure"}),
        ("busy-build", sample_changed("memory", full_of_cache), set()),
    ],
    ids=[
        "stolen by the hypervisor",
        "niced work gives way",
        "eight hogs on 16 cores",
        "a kernel without pressure information",
        "processes can't be read",
        "I/O wait diluted by 16 cores",
        "no pressure information: I/O wait alone",
        "disks can't be read",
        "no right to the kernel's log",
        "swap alone tells",
        "two per cent of memory left",
        "a memory full of file cache",
    ],
)
def test_variants(name: str, change: Change, rules: set[str]) -> None:
    found = told(play(name, change))

    assert rules <= found
    assert found <= rules | (EXPECTED[name].also | set(EXPECTED[name].chain) if name in EXPECTED and rules else set())


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
    judge = Judge(machine=Tape(TAPES / "swap-thrash.ptape").machine)
    late = frames("swap-thrash")[-2:]
    second = [judge.snapshot(store.push(frame)) for frame in late][-1]

    assert second.verdict.constraint is Constraint.MEMORY_BOUND
    assert second.verdict.began_before


def test_every_rule_of_the_host_has_a_tape_on_which_it_fires() -> None:
    fired = set().union(*(told(play(name)) for name in EXPECTED)) | told(play("cpu-hog", sample_changed("cpu", stolen)))

    assert fired == {rule.name for rule in RULES if rule.name.startswith("host.")}
