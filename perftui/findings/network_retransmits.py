"""TCP has to send again what was lost."""

from __future__ import annotations

from math import inf

from perftui.findings.holding import RELEASE, WINDOW_S, began, below, evidence, kept, mean
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Finding, Severity

NAME = "host.network_retransmits"
_AGAIN, _OUT = "host.tcp.retransmits_per_s", "host.tcp.segments_out_per_s"


class NetworkRetransmitsLimits(Limits, frozen=True, kw_only=True):
    retransmit_ratio: float = 0.01
    """Ours: one segment of a hundred."""
    critical_ratio: float = 0.05
    retransmits_per_s: float = 3.0
    """Ours: below this a single lost connection makes the ratio."""
    window_s: float = 2 * WINDOW_S


def network_retransmits(history: History, limits: NetworkRetransmitsLimits) -> list[Finding]:
    """Retransmitted segments over all segments of the window."""
    window_s = limits.window_s

    def ratio_of(then: History) -> float:
        return (mean(then, _AGAIN, window_s) or 0.0) / (mean(then, _OUT, window_s) or inf)

    def over(then: History) -> bool:
        again = mean(then, _AGAIN, window_s) or 0.0
        return again >= limits.retransmits_per_s and ratio_of(then) >= limits.retransmit_ratio

    def gone(then: History) -> bool:
        return below(then, _AGAIN, limits.retransmits_per_s, window_s) or (
            ratio_of(then) < RELEASE * limits.retransmit_ratio
        )

    last, again, ratio = kept(history, over, gone), mean(history, _AGAIN, window_s), ratio_of(history)
    if last is None or again is None:
        return []
    since_at, before = began(last, over, gone, lambda then: then.held_since(_AGAIN, 0.0, window_s))
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if ratio > limits.critical_ratio else Severity.WARNING,
            constraint=Constraint.EXTERNAL_BOUND,
            title=f"{ratio:.1%} of TCP segments are sent again, {again:.0f} a second",
            since_at=since_at,
            began_before=before,
            evidence=(
                evidence("host.tcp.retransmit_ratio", ratio, "ratio", limits.retransmit_ratio, limits.window_s),
                evidence(_AGAIN, again, "segments/s", limits.retransmits_per_s, limits.window_s),
            ),
        )
    ]


RULE = Rule(
    name=NAME,
    constraint=Constraint.EXTERNAL_BOUND,
    limits=NetworkRetransmitsLimits,
    find=network_retransmits,
    needs=("network",),
)
