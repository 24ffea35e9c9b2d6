"""A hockey stick: most requests are fast, a few take much longer."""

from __future__ import annotations

from perftui.findings.holding import evidence
from perftui.findings.probes import Probe, probes, seconds
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.probe_windows import WINDOW_S, ended, is_over
from perftui.model.finding import Constraint, Finding, Severity

NAME = "probe.tail_latency"


class ProbeTailLatencyLimits(Limits, frozen=True, kw_only=True):
    p99_to_p95: float = 2.0
    """S002 §35.4.2 and S003: the P99 is at most twice the P95."""
    min_p99_s: float = 0.1
    """Ours: below this nobody feels the difference."""
    warning_s: float = 1.0
    """Ours: a P99 up to here, or up to the SLO's P95, is a note; above it a warning until the slow requests are over."""


def probe_tail_latency(history: History, limits: ProbeTailLatencyLimits) -> list[Finding]:
    """Each probe whose P99 is far above its P95; silent until there are results enough for a P99."""
    return [finding for probe in probes(history) if (finding := _judge(history, probe, limits))]


def _judge(history: History, probe: Probe, limits: ProbeTailLatencyLimits) -> Finding | None:
    p95_s, p99_s = probe.window.p95_s, probe.window.p99_s
    if p95_s is None or p99_s is None or p99_s <= limits.p99_to_p95 * p95_s or p99_s < limits.min_p99_s:
        return None
    felt_s = probe.reading.p95_s_target or limits.warning_s
    past = is_over([each.time_s > limits.p99_to_p95 * p95_s for each in ended(history, probe.name, WINDOW_S)])
    since_at, before = history.held_since(probe.path("p99_s"), limits.p99_to_p95 * p95_s)
    return Finding(
        rule=NAME,
        severity=Severity.WARNING if p99_s > felt_s and not past else Severity.INFO,
        constraint=probe.constraint,
        title=f"probe {probe.name}: P99 {seconds(p99_s)} is {p99_s / p95_s:.1f} times the P95, look for GC, locks, timeouts",
        since_at=since_at,
        began_before=before,
        subject=probe.subject,
        evidence=(
            evidence(probe.path("p99_s"), p99_s, "s", limits.p99_to_p95 * p95_s, WINDOW_S, "S002 35.4.2"),
            evidence(probe.path("p95_s"), p95_s, "s", window_s=WINDOW_S),
            evidence(probe.path("cv_ratio"), probe.window.cv_ratio, "ratio", 0.3, WINDOW_S, "S002 35.4.1"),
        ),
    )


RULE = Rule(
    name=NAME,
    constraint=Constraint.EXTERNAL_BOUND,
    limits=ProbeTailLatencyLimits,
    find=probe_tail_latency,
    needs=("probes",),
)
