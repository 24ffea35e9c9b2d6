"""A control group's CPU quota holds its processes back."""

from __future__ import annotations

from perftui.findings.holding import WINDOW_S, evidence, held
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.cgroups import CgroupsPart

NAME = "host.cpu_throttled"


class CpuThrottledLimits(Limits, frozen=True, kw_only=True):
    throttled_ratio: float = 0.25
    """Ours: share of the quota's periods in which the group was stopped."""
    critical_ratio: float = 0.75
    window_s: float = WINDOW_S


def cpu_throttled(history: History, limits: CpuThrottledLimits) -> list[Finding]:
    """Each group that its quota stops."""
    part = history.latest(CgroupsPart)
    found = []
    for name, group in (part.cgroups if part else {}).items():
        reading = f"host.cgroups.{name}.throttled_ratio"
        stopped = held(history, reading, limits.throttled_ratio, limits.window_s)
        if stopped is None or group.quota_cores is None:
            continue
        who = "this program's own group" if group.own else f"group {name}"
        found.append(
            Finding(
                rule=NAME,
                severity=Severity.CRITICAL if stopped.highest > limits.critical_ratio else Severity.WARNING,
                constraint=Constraint.CPU_BOUND,
                title=f"{who} is throttled {stopped.mean:.0%} of the time by its quota of {group.quota_cores:g} CPUs",
                since_at=stopped.since_at,
                began_before=stopped.began_before,
                subject={"cgroup": name},
                evidence=(
                    evidence(reading, stopped.mean, "ratio", limits.throttled_ratio, limits.window_s),
                    evidence(f"host.cgroups.{name}.quota_cores", group.quota_cores, "CPUs"),
                ),
            )
        )
    return found


RULE = Rule(
    name=NAME,
    constraint=Constraint.CPU_BOUND,
    limits=CpuThrottledLimits,
    find=cpu_throttled,
    needs=("cgroups",),
)
