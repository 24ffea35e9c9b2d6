"""The kernel killed a process for want of memory."""

from __future__ import annotations

from math import isnan

from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.words import size
from perftui.model.finding import Constraint, Finding, Severity, Subject
from perftui.sources.kernel_log import KernelLogPart, OomKill

NAME = "host.oom_kill"
_RATE = "host.memory.oom_kills_per_s"


class OomKillLimits(Limits, frozen=True, kw_only=True):
    critical_s: float = 60.0
    """Ours: so long a kill is critical …"""
    remembered_s: float = 300.0
    """… and so long it is told."""


def oom_kill(history: History, limits: OomKillLimits) -> list[Finding]:
    """A kill seen while we watched, in the whole host or in a group."""
    at, rates = history.points(_RATE, limits.remembered_s)
    kills = [moment for moment, rate in zip(at, rates, strict=True) if not isnan(rate) and rate > 0]
    if not kills:
        return []
    recent = any(rate > 0 for rate in history.window(_RATE, limits.critical_s).values)
    victim = _victim(history)
    who = f"{victim.name} (pid {victim.pid}){_where(victim)}" if victim else "a process"
    held = f", it held {size(victim.resident_bytes)}" if victim and victim.resident_bytes else ""
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if recent else Severity.WARNING,
            constraint=Constraint.MEMORY_BOUND,
            title=f"the kernel killed {who} for want of memory{held}",
            since_at=kills[0],
            subject=_subject(victim),
            evidence=(
                evidence(
                    "host.memory.oom_kills_total",
                    history.value("host.memory.oom_kills_total"),
                    "kills",
                    0,
                    limits.remembered_s,
                ),
            ),
        )
    ]


def _victim(history: History) -> OomKill | None:
    part = history.latest(KernelLogPart)
    return part.oom_kills[-1] if part and part.oom_kills else None


def _where(victim: OomKill) -> str:
    return f" in group {victim.cgroup}" if victim.cgroup else ""


def _subject(victim: OomKill | None) -> Subject:
    if victim is None:
        return {}
    found: Subject = {"process": victim.name, "pid": victim.pid}
    return found | {"cgroup": victim.cgroup} if victim.cgroup else found


RULE = Rule(
    name=NAME,
    constraint=Constraint.MEMORY_BOUND,
    limits=OomKillLimits,
    find=oom_kill,
    needs=("memory",),
)
