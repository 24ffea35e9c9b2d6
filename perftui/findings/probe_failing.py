"""A probe is not answered as expected."""

from __future__ import annotations

from perftui.findings.holding import evidence
from perftui.findings.probes import Probe, probes
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.probe_windows import WINDOW_S, ended, is_over
from perftui.model.finding import Constraint, Finding, Severity

NAME = "probe.failing"


class ProbeFailingLimits(Limits, frozen=True, kw_only=True):
    failures: int = 2
    """Ours: so many in a row are critical; S002 §35.7.1 pages at the first timeout, which one lost packet can make."""
    error_ratio: float = 0.10
    """S002 §35.2.4: more errors than this end a load test; here it is a warning that it fails now and then, and a note when
    that is over (ours)."""
    min_failures: int = 3
    """Ours: fewer within ten minutes are no share."""


def probe_failing(history: History, limits: ProbeFailingLimits) -> list[Finding]:
    """Each probe that fails again and again, or often."""
    return [finding for probe in probes(history) if (finding := _judge(history, probe, limits))]


def _judge(history: History, probe: Probe, limits: ProbeFailingLimits) -> Finding | None:
    reading, window = probe.reading, probe.window
    share = window.error_ratio or 0.0
    if reading.failed_in_a_row >= limits.failures:
        severity, title = Severity.CRITICAL, f"probe {probe.name}: {reading.detail}, {reading.failed_in_a_row} in a row"
        since_at, before = _since(history, probe)
    elif share > limits.error_ratio and share * window.window_results >= limits.min_failures:
        past = is_over([each.failed for each in ended(history, probe.name, WINDOW_S)])
        severity = Severity.INFO if past else Severity.WARNING
        words = "failed, and is answered again" if past else "fails now and then"
        title = f"probe {probe.name} {words}, {share:.0%} of {window.window_results} requests"
        since_at, before = history.held_since(probe.path("error_ratio"), limits.error_ratio, 2 * reading.every_s)
    else:
        return None
    return Finding(
        rule=NAME,
        severity=severity,
        constraint=probe.constraint,
        title=title,
        since_at=since_at,
        began_before=before,
        subject=probe.subject,
        evidence=(
            evidence(probe.path("failed_in_a_row"), reading.failed_in_a_row, "requests", limits.failures),
            evidence(
                probe.path("error_ratio"), window.error_ratio, "ratio", limits.error_ratio, WINDOW_S, "S002 35.2.4"
            ),
            evidence(probe.path("total_s"), reading.total_s, "s", reading.timeout_s),
        ),
    )


def _since(history: History, probe: Probe) -> tuple[float, bool]:
    """The end of the first failure in the row; a probe that never succeeded failed before we looked."""
    if probe.reading.failures_total == probe.reading.results_total:
        return history.started_at, True
    return history.held_since(probe.path("failed_in_a_row"), 0.5, tolerance_s=1.5 * max(1.0, history.interval_s))


RULE = Rule(
    name=NAME,
    constraint=Constraint.EXTERNAL_BOUND,
    limits=ProbeFailingLimits,
    find=probe_failing,
    needs=("probes",),
)
