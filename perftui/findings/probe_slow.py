"""A probe is answered, but late."""

from __future__ import annotations

from perftui.findings.holding import evidence
from perftui.findings.probes import Probe, probes, seconds
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.middle import median
from perftui.history.probe_windows import ended, latencies
from perftui.model.finding import Constraint, Finding, Severity

NAME = "probe.slow"
_PARTS = {
    "dns_s": "resolving the name",
    "connect_s": "connecting",
    "tls_s": "in the TLS handshake",
    "first_byte_s": "before the first byte",
    "body_s": "in the body",
}


class ProbeSlowLimits(Limits, frozen=True, kw_only=True):
    total_s: float = 1.0
    """S002 §35.7.1; a probe with a P95 of its own in its SLO is held to that."""
    in_a_row: int = 3
    """Ours: requests one after the other that all took longer; one alone is chance."""
    critical_times: float = 4.0
    """Ours: so many times the limit, where Apdex counts a user as frustrated."""


def probe_slow(history: History, limits: ProbeSlowLimits) -> list[Finding]:
    """Each probe whose last requests all took too long; one that fails is told by probe.failing."""
    return [finding for probe in probes(history) if (finding := _judge(history, probe, limits))]


def _judge(history: History, probe: Probe, limits: ProbeSlowLimits) -> Finding | None:
    reading = probe.reading
    limit_s = reading.p95_s_target or limits.total_s
    within_s = (limits.in_a_row + 1) * (reading.every_s + reading.timeout_s)
    last = latencies(ended(history, probe.name, within_s))[-limits.in_a_row :]
    if reading.up is not True or len(last) < limits.in_a_row or min(last) <= limit_s:
        return None
    typical_s = median(last)
    since_at, before = history.held_since(probe.path("latency_s"), limit_s, tolerance_s=1.5 * reading.every_s)
    seed = "" if reading.p95_s_target else "S002 35.7.1"
    return Finding(
        rule=NAME,
        severity=Severity.CRITICAL if typical_s > limits.critical_times * limit_s else Severity.WARNING,
        constraint=probe.constraint,
        title=f"probe {probe.name} takes {seconds(typical_s)}{_mostly(probe)}",
        since_at=since_at,
        began_before=before,
        subject=probe.subject,
        evidence=(
            evidence(probe.path("total_s"), typical_s, "s", limit_s, seed=seed),
            *(evidence(probe.path(part), getattr(reading, part), "s") for part in _PARTS if getattr(reading, part)),
        ),
    )


def _mostly(probe: Probe) -> str:
    """The part that took half of the newest request or more."""
    parts = {part: getattr(probe.reading, part) or 0.0 for part in _PARTS}
    longest = max(parts, key=lambda part: parts[part])
    if parts[longest] < 0.5 * (probe.reading.total_s or 0.0):
        return ""
    return f", {seconds(parts[longest])} of it {_PARTS[longest]}"


RULE = Rule(name=NAME, constraint=Constraint.EXTERNAL_BOUND, limits=ProbeSlowLimits, find=probe_slow, needs=("probes",))
