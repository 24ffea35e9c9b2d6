"""Rules of probes and objectives: what fires, what stays silent, what may explain it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from perftui.findings.explain import links
from perftui.model.finding import Constraint, Finding, Severity
from perftui.model.probe import Phase, ProbeOutcome, ProbeResult
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.probes import ProbeTarget
from tests.probing import DAY_S, SLO, STARTED_AT, TARGET, certificate, failed, hanging, ok, probed, timeout

ELSEWHERE: dict[str, Any] = {"address": "10.0.0.9", "local": False}


def found(snapshot: Snapshot, rule: str) -> Finding | None:
    return next((finding for finding in snapshot.findings if finding.rule == rule), None)


def severity(snapshot: Snapshot, rule: str) -> Severity | None:
    finding = found(snapshot, rule)
    return None if finding is None else finding.severity


@pytest.mark.parametrize(
    ("course", "expected"),
    [
        ([ok(0.1)] * 10 + [failed()] * 2, Severity.CRITICAL),
        ([ok(0.1)] * 10 + [failed()], None),
        ([failed(), ok(0.1)] * 10, Severity.WARNING),
        ([ok(0.1)] * 30 + [failed()] + [ok(0.1)] * 2, None),
        ([None] * 10, None),
    ],
    ids=["two in a row", "one alone", "now and then", "a tenth is not reached", "no result yet"],
)
def test_failing(course: Sequence[ProbeResult | None], expected: Severity | None) -> None:
    assert severity(probed(course), "probe.failing") == expected


def test_failing_says_why_how_often_and_since_when() -> None:
    finding = found(probed([ok(0.1)] * 10 + [failed()] * 5), "probe.failing")

    assert finding is not None
    assert finding.title == "probe health: 127.0.0.1 port 80: connection refused, 5 in a row"
    assert (finding.since_at, finding.began_before) == (STARTED_AT + 11, False)


def test_a_probe_that_never_answered_failed_before_we_looked() -> None:
    finding = found(probed([failed()] * 5), "probe.failing")

    assert finding is not None and finding.began_before


@pytest.mark.parametrize(
    ("target", "result", "expected"),
    [
        (TARGET, failed(), Constraint.UNKNOWN),
        (TARGET, failed(**ELSEWHERE), Constraint.EXTERNAL_BOUND),
        (msgspec.structs.replace(TARGET, depends_on=("postgres",)), failed(**ELSEWHERE), Constraint.UNKNOWN),
        (msgspec.structs.replace(TARGET, external=True), failed(), Constraint.EXTERNAL_BOUND),
        (TARGET, failed(ProbeOutcome.DNS, local=None), Constraint.EXTERNAL_BOUND),
    ],
    ids=["this host", "another host", "served from here", "another's", "name"],
)
def test_whose_fault_it_is(target: ProbeTarget, result: ProbeResult, expected: Constraint) -> None:
    verdict = probed([result] * 3, target).verdict

    assert (verdict.constraint, verdict.finding, verdict.severity) == (expected, "probe.failing", Severity.CRITICAL)


@pytest.mark.parametrize(
    ("course", "target", "expected"),
    [
        ([ok(0.1)] * 5 + [ok(1.2)] * 3, TARGET, Severity.WARNING),
        ([ok(0.1)] * 5 + [ok(4.5)] * 3, TARGET, Severity.CRITICAL),
        ([ok(1.2)] * 2 + [ok(0.1)] + [ok(1.2)] * 2, TARGET, None),
        ([ok(0.3)] * 8, TARGET, None),
        ([ok(0.3)] * 8, SLO, Severity.WARNING),
        ([ok(1.2)] * 8 + [failed()], TARGET, None),
    ],
    ids=["over a second", "frustrating", "not in a row", "fast enough", "over its own objective", "fails"],
)
def test_slow(course: Sequence[ProbeResult | None], target: ProbeTarget, expected: Severity | None) -> None:
    assert severity(probed(course, target), "probe.slow") == expected


def test_slow_names_the_part_that_takes_the_time() -> None:
    finding = found(probed([ok(2.4)] * 5), "probe.slow")

    assert finding is not None
    assert finding.title == "probe health takes 2.4 s, 2.4 s of it before the first byte"


@pytest.mark.parametrize(
    ("before", "seconds", "waited"),
    [
        ([ok(0.1)] * 10, 4, None),
        ([ok(0.1)] * 10, 5, "5.0 s"),
        ([ok(0.1)] * 10 + [timeout()], 0, "10.0 s"),
        ([ok(0.1)] * 10 + [timeout()], 3, "13.0 s"),
        ([ok(0.1)] * 10 + [timeout()] * 2, 5, None),
        ([ok(0.1)] * 10 + [timeout(), ok(0.1)], 1, None),
        ([ok(0.1)] * 10 + [failed()], 1, None),
    ],
    ids=["short", "hangs", "timed out", "and hangs again", "told as failing", "answered again", "refused"],
)
def test_one_request_that_hangs_is_told_before_its_timeout(
    before: Sequence[ProbeResult | None], seconds: int, waited: str | None
) -> None:
    finding = found(hanging(before, seconds), "probe.slow")

    assert (None if finding is None else finding.title) == (waited and f"probe health has no answer for {waited}")
    if finding is not None:
        assert finding.since_at == pytest.approx(
            STARTED_AT + len(before) + seconds - float(waited[:-2] if waited else 0)
        )


@pytest.mark.parametrize(
    ("course", "expected"),
    [
        ([ok(0.1)] * 118 + [ok(1.5)] * 2, Severity.WARNING),
        ([ok(0.1)] * 118 + [ok(0.5)] * 2, Severity.INFO),
        ([ok(0.1)] * 118 + [ok(0.15)] * 2, None),
        ([ok(0.1)] * 60 + [ok(1.5)], None),
        ([ok(0.001)] * 118 + [ok(0.05)] * 2, None),
    ],
    ids=["felt", "a note", "no hockey stick", "too few for a P99", "too short to be felt"],
)
def test_tail_latency(course: Sequence[ProbeResult | None], expected: Severity | None) -> None:
    assert severity(probed(course), "probe.tail_latency") == expected


@pytest.mark.parametrize(
    ("p95_s", "newest_s", "expected"),
    [
        (0.14, 0.14, None),
        (0.16, 0.16, Severity.INFO),
        (0.185, 0.185, Severity.WARNING),
        (0.21, 0.21, Severity.CRITICAL),
        (0.21, 0.05, Severity.WARNING),
    ],
    ids=["below 75 %", "75 %", "90 %", "100 %", "100 % but back"],
)
def test_slo_latency(p95_s: float, newest_s: float, expected: Severity | None) -> None:
    assert severity(probed([ok(p95_s)] * 30 + [ok(newest_s)] * 3, SLO), "slo.latency") == expected


@pytest.mark.parametrize(
    ("failures", "after", "expected"),
    [
        (2, 0, None),
        (4, 0, None),
        (5, 0, Severity.INFO),
        (8, 0, Severity.WARNING),
        (9, 0, Severity.CRITICAL),
        (9, 5, Severity.INFO),
        (9, 400, Severity.INFO),
    ],
    ids=["too few", "less than half", "half", "most", "all", "all, but answered again", "all, long ago"],
)
def test_slo_error_budget(failures: int, after: int, expected: Severity | None) -> None:
    """Nine failures are allowed within a quarter of an hour, however much of it was watched."""
    target = msgspec.structs.replace(SLO, budget_window_s=900.0)
    course = [ok(0.1)] * 60 + [failed(), ok(0.1)] * failures + [ok(0.1)] * after

    assert severity(probed(course, target), "slo.error_budget") == expected


def test_after_a_fault_what_lasts_ten_minutes_is_a_note() -> None:
    """The windows still hold what happened; who looks now is told of now."""
    for slow, rule in ((16, "slo.latency"), (3, "probe.tail_latency")):
        course = [ok(0.1)] * 150 + [timeout()] * (slow // 2) + [ok(5.0)] * (slow - slow // 2)
        assert probed(course, SLO).verdict.severity > Severity.INFO

        snapshot = probed([*course, *[ok(0.1)] * 6], SLO)
        assert rule in {each.rule for each in snapshot.findings}
        assert {each.severity for each in snapshot.findings} == {Severity.INFO}


@pytest.mark.parametrize(
    ("days", "lifetime", "expected"),
    [
        (31, 90, None),
        (29, 90, Severity.WARNING),
        (29, 365, Severity.WARNING),
        (6, 90, Severity.CRITICAL),
        (-1, 90, Severity.CRITICAL),
        (5, 6, None),
        (1.9, 6, Severity.WARNING),
    ],
)
def test_a_certificate_ends(days: float, lifetime: float, expected: Severity | None) -> None:
    assert severity(probed([ok(0.1, certificates=(certificate(days, lifetime),))]), "tls.expiring") == expected


def test_an_intermediate_that_ends_is_told_once_for_all_probes() -> None:
    chain = (certificate(60), certificate(12, subject="Middle"))
    snapshot = probed([ok(0.1, certificates=chain)], other=(TARGET, [ok(0.1, certificates=chain)]))

    (finding,) = [each for each in snapshot.findings if each.rule == "tls.expiring"]
    assert finding.title == "intermediate certificate Middle ends in 12 days, issued by Middle, shown to probe health"
    assert finding.since_at == pytest.approx(STARTED_AT - 18 * DAY_S)


def test_an_expired_certificate_explains_the_failure_and_is_the_verdict() -> None:
    result = failed(ProbeOutcome.TLS, phase=Phase.TLS, certificates=(certificate(-2),))
    snapshot = probed([result] * 5)

    assert snapshot.verdict.chain == ("tls.expiring", "probe.failing")
    assert snapshot.verdict.constraint is Constraint.EXTERNAL_BOUND


SLOW = [ok(2.0)] * 5


@pytest.mark.parametrize(
    ("cause", "course", "target", "explained"),
    [
        ("pg.lock_pileup", SLOW, TARGET, True),
        ("pool.exhausted", SLOW, TARGET, True),
        ("host.io_saturated", SLOW, TARGET, True),
        ("host.io_saturated", [timeout()] * 5, TARGET, True),
        ("host.io_saturated", [failed()] * 5, TARGET, False),
        ("pg.lock_pileup", [failed()] * 5, TARGET, False),
        ("pg.lock_pileup", [failed(ProbeOutcome.STATUS, detail="status 500")] * 5, TARGET, True),
        ("host.oom_kill", [failed()] * 5, TARGET, True),
        ("host.fd_exhaustion", [failed()] * 5, TARGET, True),
        ("host.fd_exhaustion", SLOW, TARGET, True),
        ("host.network_retransmits", [timeout()] * 5, TARGET, True),
        ("host.network_retransmits", [failed()] * 5, TARGET, False),
        ("pg.n_plus_one", SLOW, TARGET, True),
        ("pg.statement_regressed", [failed(ProbeOutcome.STATUS, detail="status 500")] * 5, TARGET, True),
        ("pg.lock_pileup", [ok(2.0, **ELSEWHERE)] * 5, TARGET, False),
        (
            "pg.lock_pileup",
            [ok(2.0, **ELSEWHERE)] * 5,
            msgspec.structs.replace(TARGET, depends_on=("postgres",)),
            True,
        ),
        (
            "host.cpu_saturated",
            [ok(2.0, **ELSEWHERE)] * 5,
            msgspec.structs.replace(TARGET, depends_on=("postgres",)),
            False,
        ),
        ("pg.lock_pileup", SLOW, msgspec.structs.replace(TARGET, external=True), False),
    ],
)
def test_what_explains_a_probe(cause: str, course: Sequence[ProbeResult], target: ProbeTarget, explained: bool) -> None:
    snapshot = probed(course, target)
    finding = Finding(
        rule=cause,
        severity=Severity.CRITICAL,
        constraint=Constraint.LOCK_BOUND,
        title="a cause",
        since_at=STARTED_AT - 60,
    )
    (symptom,) = [each for each in snapshot.findings if each.rule.startswith("probe.")]

    assert links(snapshot.history, [finding, symptom]).symptoms == ({0: (1,)} if explained else {})


def test_healthy_probes_are_no_finding() -> None:
    assert probed([ok(0.05)] * 200, SLO).findings == ()
