"""Memory is short: tasks wait for it, or next to none is left."""

from __future__ import annotations

from perftui.findings import leaders
from perftui.findings.holding import WINDOW_S, Held, evidence, from_the_start, held, mean, pressure, watched
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.words import size
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.cgroups import CgroupsPart
from perftui.sources.memory import MemoryPart, MemoryReading

NAME = "host.memory_pressure"


class MemoryPressureLimits(Limits, frozen=True, kw_only=True):
    used_ratio: float = 0.90
    """S002 §35.3.2; 1 - available / total, so a full file cache does not count."""
    stall_ratio: float = 0.10
    """Ours: memory pressure, the share of the time in which somebody waited for memory."""
    critical_stall_ratio: float = 0.30
    critical_used_ratio: float = 0.97
    """Ours: the next large allocation brings the OOM killer."""
    cgroup_used_ratio: float = 0.95
    """Ours: a group this near its limit is named as the place of the pressure."""
    window_s: float = WINDOW_S


def memory_pressure(history: History, limits: MemoryPressureLimits) -> list[Finding]:
    """Stalls for memory; or use above the limit, which is a warning alone and critical at the brink."""
    part = history.latest(MemoryPart)
    if part is None:
        return []
    memory = part.memory
    stalls = _stalls(history, limits)
    used = held(history, "host.memory.used_ratio", limits.used_ratio, limits.window_s)
    begun = stalls or used
    if begun is None:
        return []
    stalled = stalls.mean if stalls else mean(history, "host.pressure.memory.some_ratio", limits.window_s)
    critical = memory.used_ratio > limits.critical_used_ratio or (
        stalls is not None and stalls.highest > limits.critical_stall_ratio
    )
    group = _group_at_its_limit(history, limits)
    leader = leaders.leading(history, leaders.major_faults, floor=50.0) if stalls else None
    leader = leader or leaders.leading(history, leaders.resident, floor=0.1 * memory.total_bytes)
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if critical else Severity.WARNING,
            constraint=Constraint.MEMORY_BOUND,
            title=f"{_what(memory, stalls, group)}{leaders.by(leader)}",
            since_at=begun.since_at,
            began_before=begun.began_before,
            subject=leaders.subject(leader, cgroup=group),
            evidence=(
                evidence("host.pressure.memory.some_ratio", stalled, "ratio", limits.stall_ratio, limits.window_s),
                evidence("host.memory.used_ratio", memory.used_ratio, "ratio", limits.used_ratio, seed="S002 35.3.2"),
                evidence("host.memory.available_bytes", memory.available_bytes, "bytes"),
            ),
        )
    ]


def _what(memory: MemoryReading, stalls: Held | None, group: str | None) -> str:
    if stalls is None:
        return f"{memory.used_ratio:.0%} of memory is used, {size(memory.available_bytes)} available"
    waiting = f"tasks wait for memory {stalls.mean:.0%} of the time"
    return (
        f"group {group} is at its limit: {waiting}" if group else f"{waiting}, {size(memory.available_bytes)} available"
    )


def _stalls(history: History, limits: MemoryPressureLimits) -> Held | None:
    if watched(history, limits.window_s):
        return held(
            history, "host.pressure.memory.some_ratio", limits.stall_ratio, limits.window_s, share=0.5, stays=0.5
        )
    stall = pressure(history, "memory")
    early = stall is not None and stall.some_avg10_ratio > limits.stall_ratio
    return from_the_start(history, stall.some_avg10_ratio) if early and stall else None


def _group_at_its_limit(history: History, limits: MemoryPressureLimits) -> str | None:
    part = history.latest(CgroupsPart)
    full = {
        name: group.memory_used_ratio
        for name, group in (part.cgroups if part else {}).items()
        if group.memory_used_ratio is not None and group.memory_used_ratio > limits.cgroup_used_ratio
    }
    return max(full, key=lambda name: full[name], default=None)


RULE = Rule(
    name=NAME,
    constraint=Constraint.MEMORY_BOUND,
    limits=MemoryPressureLimits,
    find=memory_pressure,
    needs=("memory",),
)
