"""A probe's P95 comes near its objective, or passes it."""

from __future__ import annotations

from perftui.findings.holding import evidence
from perftui.findings.probes import Probe, alike, probes, seconds
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.probe_windows import WINDOW_S, ended, is_over
from perftui.model.finding import Constraint, Finding, Severity

NAME = "slo.latency"


class SloLatencyLimits(Limits, frozen=True, kw_only=True):
    near_ratio: float = 0.75
    """S003 performance budget tracking: of the P95 that is allowed; a note."""
    close_ratio: float = 0.90
    """S003: a warning."""
    over_ratio: float = 1.0
    """S003: critical. A level is one step lower while the newest requests are back below the first one, and a note when the
    slow ones are over (ours)."""
    recovered: int = 3
    """Ours: so many requests one after the other that were quick are such newest ones."""


def slo_latency(history: History, limits: SloLatencyLimits) -> list[Finding]:
    """Each probe with an objective whose P95 of ten minutes has come near it."""
    return [finding for probe in probes(history) if (finding := _judge(history, probe, limits))]


def _judge(history: History, probe: Probe, limits: SloLatencyLimits) -> Finding | None:
    target_s, p95_s = probe.reading.p95_s_target, probe.window.p95_s
    if target_s is None or p95_s is None or p95_s < limits.near_ratio * target_s:
        return None
    used = p95_s / target_s
    level = (used >= limits.close_ratio) + (used >= limits.over_ratio)
    near_s = limits.near_ratio * target_s
    slow = [each.failed or each.time_s > near_s for each in ended(history, probe.name, WINDOW_S)]
    recovered, past = not alike(slow, limits.recovered), is_over(slow)
    share = f"{used:.0%} of" if used < 2 else f"{used:.1f} times"
    since_at, before = history.held_since(probe.path("p95_s"), limits.near_ratio * target_s)
    return Finding(
        rule=NAME,
        severity=Severity.INFO if past else Severity(max(0, level - recovered)),
        constraint=probe.constraint,
        title=f"SLO of {probe.name}: P95 {seconds(p95_s)} is {share} the {seconds(target_s)} allowed",
        since_at=since_at,
        began_before=before,
        subject=probe.subject,
        evidence=(
            evidence(probe.path("p95_s"), p95_s, "s", target_s, WINDOW_S, "S003 performance budget tracking"),
            evidence(probe.path("total_s"), probe.reading.total_s, "s"),
            evidence(probe.path("apdex"), probe.window.apdex, "", 0.9, WINDOW_S, "S003"),
        ),
    )


RULE = Rule(
    name=NAME, constraint=Constraint.EXTERNAL_BOUND, limits=SloLatencyLimits, find=slo_latency, needs=("probes",)
)
