"""The hypervisor gives this machine's CPU time to others."""

from __future__ import annotations

from perftui.findings.holding import WINDOW_S, evidence, held
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Finding, Severity

NAME = "host.cpu_stolen"


class CpuStolenLimits(Limits, frozen=True, kw_only=True):
    steal_ratio: float = 0.10
    """Ours: a tenth of all CPU time taken by the hypervisor."""
    critical_ratio: float = 0.30
    window_s: float = WINDOW_S


def cpu_stolen(history: History, limits: CpuStolenLimits) -> list[Finding]:
    """Steal above the limit."""
    stolen = held(history, "host.cpu.steal_ratio", limits.steal_ratio, limits.window_s)
    if stolen is None:
        return []
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if stolen.highest > limits.critical_ratio else Severity.WARNING,
            constraint=Constraint.CPU_BOUND,
            title=f"the hypervisor takes {stolen.mean:.0%} of the CPU time",
            since_at=stolen.since_at,
            began_before=stolen.began_before,
            evidence=(evidence("host.cpu.steal_ratio", stolen.mean, "ratio", limits.steal_ratio, limits.window_s),),
        )
    ]


RULE = Rule(name=NAME, constraint=Constraint.CPU_BOUND, limits=CpuStolenLimits, find=cpu_stolen, needs=("cpu",))
