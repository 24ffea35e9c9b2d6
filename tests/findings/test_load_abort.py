"""When a load test should be ended: what fires, what stays silent."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from perftui.findings.explain import links
from perftui.model.finding import Constraint, Finding, Severity
from tests.loads import STARTED_AT, Second, watched

WELL = Second()
STEADY = (0, "steady")
FEWER = [Second(rate=130)] * 60 + [Second(rate=90)] * 31
"""Under the floor, and no fall by half."""


def aborts(course: Sequence[Second], *marks: tuple[int, str]) -> Finding | None:
    found = watched(course, marks).findings
    return next((finding for finding in found if finding.rule == "load.abort"), None)


@pytest.mark.parametrize(
    ("course", "marks", "words"),
    [
        ([WELL] * 60 + [Second(failing=0.2)] * 12, [], "20% of its requests fail"),
        ([WELL] * 10 + [Second(latency_s=6.0)] * 61, [], "its P95 is 6.0 s"),
        ([WELL] * 60 + [Second(rate=60)] * 31, [], "its rate fell from 200 to 60 a second"),
        ([WELL] * 60 + [Second(rate=90)] * 31, [STEADY], "90 requests a second in steady state"),
        (FEWER, [STEADY], "90 requests a second in steady state"),
        ([WELL] * 60 + [Second(failing=0.2)] * 12, [(0, "warm-up")], "20% of its requests fail"),
        ([WELL] * 60 + [Second(failing=0.2, rate=60)] * 31, [(60, "ramp-down")], "20% of its requests fail"),
        ([WELL] * 10 + [Second(latency_s=6.0)] * 61, [(5, "ramp-down")], "its P95 is 6.0 s"),
        ([WELL] * 60 + [Second(rate=60)] * 31, [(0, "warm-up")], "its rate fell from 200 to 60 a second"),
    ],
    ids=[
        "errors",
        "latency",
        "throughput",
        "floor",
        "floor alone",
        "errors in warm-up",
        "errors in ramp-down",
        "latency in ramp-down",
        "throughput in warm-up",
    ],
)
def test_each_reason_fires(course: list[Second], marks: list[tuple[int, str]], words: str) -> None:
    finding = aborts(course, *marks)

    assert finding is not None
    assert finding.severity is Severity.CRITICAL
    assert words in finding.title
    assert all(each.seed == "S002 35.2.4" for each in finding.evidence)


@pytest.mark.parametrize(
    ("course", "marks"),
    [
        ([WELL] * 120, [STEADY]),
        ([WELL] * 60 + [Second(failing=0.2)] * 2 + [WELL] * 8, []),
        ([WELL] * 60 + [Second(failing=0.09)] * 60, []),
        ([WELL] * 10 + [Second(latency_s=6.0)] * 40, []),
        ([Second(latency_s=6.0)] * 30 + [WELL] + [Second(latency_s=6.0)] * 40, []),
        ([WELL] * 60 + [Second(rate=60)] * 20, []),
        ([WELL] * 60 + [Second(rate=60)] * 31, [(60, "ramp-down")]),
        ([WELL] * 60 + [Second(rate=60)] * 31, [STEADY, (60, "cool-down")]),
        (FEWER, [(0, "warm-up")]),
        (FEWER, [STEADY, (60, "ramp-down")]),
        ([WELL] * 60 + [Second(rate=60, users=15)] * 31, []),
        ([WELL] * 60 + [Second(age_s=60.0)] * 40, [STEADY]),
        ([Second(rate=20)] * 120, [STEADY]),
        ([Second(rate=20 + n, users=n) for n in range(1, 60)], []),
    ],
    ids=[
        "well",
        "one bad moment",
        "under the limit",
        "slow for 40 s",
        "slow with an exception",
        "down for 20 s",
        "ramp-down",
        "cool-down",
        "under the floor in warm-up",
        "under the floor in ramp-down",
        "fewer users",
        "silent",
        "a small test",
        "ramp",
    ],
)
def test_it_stays_silent(course: list[Second], marks: list[tuple[int, str]]) -> None:
    assert aborts(course, *marks) is None


@pytest.mark.parametrize("rate", [60, 90])
def test_it_goes_on_as_long_as_the_rate_is_low_and_tells_since_when(rate: float) -> None:
    for seconds in (31, 100, 160):
        finding = aborts([WELL] * 400 + [Second(rate=rate)] * seconds, STEADY)

        assert finding is not None
        assert finding.since_at == STARTED_AT + 400


def test_the_limits_can_be_set() -> None:
    from perftui.findings.load_abort import LoadAbortLimits, load_abort

    history = watched([Second(rate=20)] * 120, [STEADY]).history

    assert load_abort(history, LoadAbortLimits(error_ratio=0.0, p95_s=0.05))[0].title.endswith("its P95 is 0.1 s")


@pytest.mark.parametrize(
    ("then", "cause", "explained"),
    [
        (Second(failing=0.2, latency_s=0.02), "host.cpu_saturated", False),
        (Second(failing=0.2, latency_s=0.02), "pg.slow_statements", False),
        (Second(failing=0.2, latency_s=0.02), "pg.unreachable", True),
        (Second(failing=0.2, latency_s=2.0), "host.cpu_saturated", True),
        (Second(failing=0.2, rate=60, latency_s=0.02), "host.cpu_saturated", True),
    ],
    ids=["refused at once", "no statement either", "by a server that is gone", "slow as well", "and the rate fell"],
)
def test_errors_that_come_at_once_are_not_blamed_on_what_makes_requests_slow(
    then: Second, cause: str, explained: bool
) -> None:
    snapshot = watched([WELL] * 60 + [then] * 40, [])
    abort = next(finding for finding in snapshot.findings if finding.rule == "load.abort")
    blamed = Finding(
        rule=cause,
        severity=Severity.CRITICAL,
        constraint=Constraint.CPU_BOUND,
        title=cause,
        since_at=abort.since_at,
    )

    assert bool(links(snapshot.history, [blamed, abort]).explained) is explained
