"""A process grows without a plateau, and what is left will not last."""

from __future__ import annotations

from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.growth import GrowthState
from perftui.history.history import History
from perftui.history.memory_state import MemoryStatePart
from perftui.history.words import duration, size
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.memory import MemoryPart

NAME = "host.memory_leak"


class MemoryLeakLimits(Limits, frozen=True, kw_only=True):
    exhausted_in_s: float = 900.0
    """Ours: growth is a finding when it would use up what is available within a quarter of an hour …"""
    steady_s: float = 600.0
    """… or when it has gone on for ten minutes (ours)."""
    critical_in_s: float = 120.0
    least_s: float = 20.0
    """Ours: what has just been started grows as well, a compiler or a load of a cache; only what would use up the memory
    within `critical_in_s` is told sooner."""
    min_bytes_per_s: float = 64 << 10
    """Ours: slower growth takes days to matter."""


_BANDS = {GrowthState.SUSPECT: 0.05, GrowthState.LIKELY: 0.10, GrowthState.LEAK: 0.20}


def memory_leak(history: History, limits: MemoryLeakLimits) -> list[Finding]:
    """The leading grower, when it is likely or certain to leak (S002 bands) and it matters."""
    part, state = history.latest(MemoryPart), history.latest(MemoryStatePart)
    leader = state.memory.growth.leader if state else None
    if part is None or leader is None or leader.state not in (GrowthState.LIKELY, GrowthState.LEAK):
        return []
    left_s = part.memory.available_bytes / leader.bytes_per_s if leader.bytes_per_s > 0 else float("inf")
    steady = leader.watched_s >= limits.steady_s and leader.bytes_per_s >= limits.min_bytes_per_s
    if left_s > limits.exhausted_in_s and not steady:
        return []
    if leader.watched_s < limits.least_s and left_s >= limits.critical_in_s:
        return []
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if left_s < limits.critical_in_s else Severity.WARNING,
            constraint=Constraint.MEMORY_BOUND,
            title=(
                f"{leader.name} (pid {leader.pid}) grows by {size(leader.bytes_per_s)}/s without a plateau, "
                f"holds {size(leader.resident_bytes)}; memory lasts {duration(left_s)}"
            ),
            since_at=leader.since_at,
            began_before=leader.began_before,
            subject={"process": leader.name, "pid": leader.pid},
            evidence=(
                evidence(
                    "host.memory.growth.leader.ratio",
                    leader.ratio,
                    "ratio",
                    _BANDS[leader.state],
                    leader.watched_s,
                    "S002 35.3.4",
                ),
                evidence("host.memory.growth.leader.bytes_per_s", leader.bytes_per_s, "bytes/s"),
                evidence("host.memory.available_bytes", part.memory.available_bytes, "bytes"),
            ),
        )
    ]


RULE = Rule(
    name=NAME,
    constraint=Constraint.MEMORY_BOUND,
    limits=MemoryLeakLimits,
    find=memory_leak,
    needs=("memory", "processes"),
)
