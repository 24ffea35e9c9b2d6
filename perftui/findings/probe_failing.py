"""A probe is not answered as expected."""

from __future__ import annotations

from perftui.findings.holding import evidence
from perftui.findings.probes import Probe, alike, probes
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.probe_windows import WINDOW_S, ended, is_over
from perftui.model.finding import Constraint, Finding, Severity

NAME = "probe.failing"


class ProbeFailingLimits(Limits, frozen=True, kw_only=True):
    failures: int = 2
    """Ours: so many in a row are critical, until as many succeed;
    S002 §35.7.1 pages at the first timeout, which one lost packet can make."""
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
        since_at, before = _since(history, probe, limits)
    elif share > limits.error_ratio and share * window.window_results >= limits.min_failures:
        bad = [each.failed for each in ended(history, probe.name, WINDOW_S)]
        past, again = is_over(bad), alike(bad, limits.failures)
        severity = Severity.INFO if past else Severity.CRITICAL if again else Severity.WARNING
        words = "failed, and is answered again" if past else "fails now and then"
        title = f"probe {probe.name} {words}, {share:.0%} of {window.window_results} requests"
        since_at, before = (
            _since(history, probe, limits)
            if again
            else history.held_since(probe.path("error_ratio"), limits.error_ratio, 2 * reading.every_s)
        )
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


def _since(history: History, probe: Probe, limits: ProbeFailingLimits) -> tuple[float, bool]:
    """The end of the first failure, fewer successes in between than end it aside; a probe that never succeeded failed before we
    looked."""
    if probe.reading.failures_total == probe.reading.results_total:
        return history.started_at, True
    dip_s = (limits.failures + 0.5) * max(1.0, history.interval_s, probe.reading.every_s)
    return history.held_since(probe.path("failed_in_a_row"), 0.5, dip_s)


RULE = Rule(
    name=NAME,
    constraint=Constraint.EXTERNAL_BOUND,
    limits=ProbeFailingLimits,
    find=probe_failing,
    needs=("probes",),
)
