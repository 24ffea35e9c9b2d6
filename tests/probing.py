"""Frames of probes made by hand of raw results, one tick a second, for tests of windows, rules and panes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from perftui.model.frame import Frame, Machine
from perftui.model.probe import Certificate, Phase, ProbeOutcome, ProbeResult
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.probes import ProbesSample, ProbeState, ProbeTarget

STARTED_AT = 1_770_806_497.0
"""2026-02-11 10:41:37 UTC."""
DAY_S = 86400.0
MACHINE = Machine(hostname="web-1", system="Linux 6.1", cores=4, memory_bytes=8 << 30)
TARGET = ProbeTarget(url="http://127.0.0.1/health", every_s=1.0, timeout_s=10.0)
SLO = msgspec.structs.replace(TARGET, p95_s=0.2, error_ratio=0.01)


def ok(total_s: float, **seen: Any) -> ProbeResult:
    given: dict[str, Any] = {
        "status_code": 200,
        "address": "127.0.0.1",
        "local": True,
        "connect_s": 0.001,
        "first_byte_s": total_s - 0.001,
    }
    return ProbeResult(mono=0.0, outcome=ProbeOutcome.OK, total_s=total_s, **{**given, **seen})


def failed(outcome: ProbeOutcome = ProbeOutcome.CONNECT, total_s: float = 0.001, **seen: Any) -> ProbeResult:
    given: dict[str, Any] = {"detail": "127.0.0.1 port 80: connection refused", "phase": Phase.CONNECT, "local": True}
    return ProbeResult(mono=0.0, outcome=outcome, total_s=total_s, **{**given, **seen})


def timeout(total_s: float = 10.0, **seen: Any) -> ProbeResult:
    given = {"detail": "no answer for 10.0 s before the first byte", "phase": Phase.FIRST_BYTE}
    return failed(ProbeOutcome.TIMED_OUT, total_s, **{**given, **seen})


def certificate(days: float, lifetime_days: float = 90.0, subject: str = "shop.example") -> Certificate:
    """One that ends so many days after the first tick."""
    end = STARTED_AT + days * DAY_S
    return Certificate(subject, "Middle", end - lifetime_days * DAY_S, end)


Course = Sequence[ProbeResult | None]
"""What ended in each second; None is a second without a result."""


def frames(courses: Mapping[str, tuple[ProbeTarget, Course]]) -> list[Frame]:
    """One frame a second, the first one before any result."""
    states = {name: ProbeState(target=target) for name, (target, _) in courses.items()}
    made = [_frame(0, states)]
    for second in range(1, 1 + max(len(course) for _, course in courses.values())):
        for name, (target, course) in courses.items():
            result = course[second - 1] if second <= len(course) else None
            before = states[name]
            if result is not None:
                bad = result.outcome is not ProbeOutcome.OK
                states[name] = ProbeState(
                    target=target,
                    last=msgspec.structs.replace(result, mono=second - result.total_s),
                    results_total=before.results_total + 1,
                    failures_total=before.failures_total + bad,
                    failed_in_a_row=before.failed_in_a_row + 1 if bad else 0,
                )
        made.append(_frame(second, states))
    return made


def _frame(second: int, states: Mapping[str, ProbeState]) -> Frame:
    sample = ProbesSample(mono=float(second), probes=dict(states))
    return Frame(seq=second, at=STARTED_AT + second, mono=float(second), samples={"probes": sample})


def hanging(before: Course, seconds: int, target: ProbeTarget = TARGET) -> Snapshot:
    """The snapshot while a request has no answer for so many seconds, after others that ended."""
    store, made = new_store(), frames({"health": (target, [*before, *[None] * seconds])})
    for second, frame in enumerate(made):
        waited_s = second - len(before)
        sample = frame.samples["probes"]
        assert isinstance(sample, ProbesSample)
        state = msgspec.structs.replace(sample.probes["health"], running_s=float(waited_s) if waited_s > 0 else None)
        probes = msgspec.structs.replace(sample, probes={"health": state})
        history = store.push(msgspec.structs.replace(frame, samples={"probes": probes}))
    return Judge(machine=MACHINE).snapshot(history)


def probed(course: Course, target: ProbeTarget = TARGET, **others: tuple[ProbeTarget, Course]) -> Snapshot:
    """The snapshot at the end of one probe's course, whose name is `health`, and of others'."""
    store, history = new_store(), None
    for frame in frames({"health": (target, course), **others}):
        history = store.push(frame)
    assert history is not None
    return Judge(machine=MACHINE).snapshot(history)
