"""A probe uses up the errors that its objective allows."""

from __future__ import annotations

from perftui.findings.holding import evidence
from perftui.findings.probes import Probe, probes
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.probe_windows import BURN_WINDOW_S, ended, is_over
from perftui.history.words import duration
from perftui.model.finding import Constraint, Finding, Severity

NAME = "slo.error_budget"


class SloErrorBudgetLimits(Limits, frozen=True, kw_only=True):
    half_ratio: float = 0.5
    """S003 performance budget tracking: of the error budget used; a note."""
    most_ratio: float = 0.8
    """S003: a warning."""
    all_ratio: float = 1.0
    """S003: critical."""
    burn_rate: float = 1.0
    """Ours: a note where the last 5 minutes burn no faster than the budget allows, or what failed is over: what is used up
    stays so for an hour, and what fails now must not stand behind it."""
    min_failures: int = 3
    """Ours: fewer failures use up a small budget by chance."""


def slo_error_budget(history: History, limits: SloErrorBudgetLimits) -> list[Finding]:
    """Each probe with an objective that has used half of its budget, as far as was watched."""
    return [finding for probe in probes(history) if (finding := _judge(history, probe, limits))]


def _judge(history: History, probe: Probe, limits: SloErrorBudgetLimits) -> Finding | None:
    window, reading = probe.window, probe.reading
    if window.budget_left_ratio is None or (window.budget_failures or 0) < limits.min_failures:
        return None
    used = 1 - window.budget_left_ratio
    if used < limits.half_ratio:
        return None
    burning = (window.burn_rate or 0.0) > limits.burn_rate and not is_over(
        [each.failed for each in ended(history, probe.name, BURN_WINDOW_S)]
    )
    level = (used >= limits.most_ratio) + (used >= limits.all_ratio)
    watched_s = min(history.span_s, reading.budget_window_s)
    failures = window.budget_failures or 0
    told_from = max(limits.min_failures, limits.half_ratio * failures / used)
    since_at, before = history.held_since(probe.path("budget_failures"), told_from - 0.5)
    share = f"{used:.0%}" if used < 1 else "all"
    pace = f"failing {window.burn_rate:.2g} times as often as allowed" if burning else "no longer failing"
    return Finding(
        rule=NAME,
        severity=Severity(level) if burning else Severity.INFO,
        constraint=probe.constraint,
        title=f"SLO of {probe.name}: {share} of the error budget of {duration(reading.budget_window_s)} is used, {pace}",
        since_at=since_at,
        began_before=before,
        subject=probe.subject,
        evidence=(
            evidence(
                probe.path("budget_left_ratio"),
                window.budget_left_ratio,
                "ratio",
                1 - limits.half_ratio,
                watched_s,
                "S003 performance budget tracking",
            ),
            evidence(probe.path("budget_failures"), window.budget_failures, "requests", limits.min_failures, watched_s),
            evidence(probe.path("burn_rate"), window.burn_rate, "", limits.burn_rate, BURN_WINDOW_S),
            evidence(probe.path("long_burn_rate"), window.long_burn_rate, "", limits.burn_rate, watched_s),
        ),
    )


RULE = Rule(
    name=NAME,
    constraint=Constraint.EXTERNAL_BOUND,
    limits=SloErrorBudgetLimits,
    find=slo_error_budget,
    needs=("probes",),
)
