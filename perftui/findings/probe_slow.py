"""A probe is answered, but late."""

from __future__ import annotations

from perftui.findings.holding import evidence
from perftui.findings.probes import Probe, alike, probes, seconds
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.middle import median
from perftui.history.probe_windows import ended
from perftui.model.finding import Constraint, Finding, Severity
from perftui.model.probe import ProbeOutcome
from perftui.sources.probes import ProbeReading

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
    """Ours: requests one after the other that all took longer; one alone is chance. So many quick ones end it."""
    critical_times: float = 4.0
    """Ours: so many times the limit, where Apdex counts a user as frustrated."""
    hanging_s: float = 4.0
    """Ours: one request alone that has no answer for so long, which two lost packets can't make; nobody waits for a timeout of
    ten seconds, twice, to be told that a service hangs."""


def probe_slow(history: History, limits: ProbeSlowLimits) -> list[Finding]:
    """Each probe whose last requests all took too long; one that fails is told by probe.failing."""
    return [finding for probe in probes(history) if (finding := _judge(history, probe, limits))]


def _judge(history: History, probe: Probe, limits: ProbeSlowLimits) -> Finding | None:
    reading = probe.reading
    limit_s = reading.p95_s_target or limits.total_s
    hanging_s = max(limits.hanging_s, limit_s)
    if (waited_s := _hangs_for(reading, hanging_s)) is not None:
        return _hanging(history, probe, waited_s, hanging_s)
    within_s = (2 * limits.in_a_row + 1) * (reading.every_s + reading.timeout_s)
    last = [each.time_s for each in ended(history, probe.name, within_s) if not each.failed]
    if reading.up is not True or not alike([each > limit_s for each in last], limits.in_a_row):
        return None
    typical_s = median(each for each in last[-2 * limits.in_a_row :] if each > limit_s)
    dip_s = (limits.in_a_row + 0.5) * reading.every_s
    since_at, before = history.held_since(probe.path("latency_s"), limit_s, tolerance_s=dip_s)
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


def _hangs_for(reading: ProbeReading, least_s: float) -> float | None:
    """How long nothing was answered: by the request under way, and by the one before it where that timed out. None where
    neither took long, and where probe.failing tells it."""
    running_s, total_s = reading.running_s or 0.0, reading.total_s or 0.0
    lost_s = total_s if reading.outcome == ProbeOutcome.TIMED_OUT else 0.0
    return running_s + lost_s if reading.failed_in_a_row < 2 and max(running_s, lost_s) > least_s else None


def _hanging(history: History, probe: Probe, waited_s: float, least_s: float) -> Finding:
    return Finding(
        rule=NAME,
        severity=Severity.WARNING,
        constraint=probe.constraint,
        title=f"probe {probe.name} has no answer for {seconds(waited_s)}",
        since_at=history.ago(waited_s),
        subject=probe.subject,
        evidence=(
            evidence(probe.path("running_s"), probe.reading.running_s, "s", least_s),
            evidence(probe.path("total_s"), probe.reading.total_s, "s", probe.reading.timeout_s),
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
