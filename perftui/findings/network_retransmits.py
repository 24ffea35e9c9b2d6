"""TCP has to send again what was lost."""

from __future__ import annotations

from perftui.findings.holding import WINDOW_S, evidence, mean
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
    again, out = mean(history, _AGAIN, limits.window_s), mean(history, _OUT, limits.window_s)
    if again is None or not out or again < limits.retransmits_per_s or again / out < limits.retransmit_ratio:
        return []
    ratio = again / out
    since_at, before = history.held_since(_AGAIN, 0.0, limits.window_s)
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
