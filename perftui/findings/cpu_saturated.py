"""The CPUs are full and tasks queue for them."""

from __future__ import annotations

from perftui.findings import leaders
from perftui.findings.holding import WINDOW_S, Held, damped, evidence, from_the_start, held, mean, pressure, watched
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.cpu import CpuPart

NAME = "host.cpu_saturated"


class CpuSaturatedLimits(Limits, frozen=True, kw_only=True):
    busy_ratio: float = 0.85
    """S002 §35.3.2. Niced work is not counted: it gives way."""
    runnable_per_core: float = 1.75
    """Ours: a build with one job per core keeps the CPUs full and queues nobody."""
    stall_ratio: float = 0.40
    """Ours: CPU pressure, the share of the time in which somebody waited for a CPU."""
    critical_runnable_per_core: float = 4.0
    window_s: float = WINDOW_S


def cpu_saturated(history: History, limits: CpuSaturatedLimits) -> list[Finding]:
    """Full CPUs with a queue. Full alone is good use of a host."""
    part = history.latest(CpuPart)
    if part is None:
        return []
    cores = part.cpu.count
    busy = _busy(history, limits)
    queue = _queue(history, limits, limits.runnable_per_core * cores)
    if busy is None or queue is None or queue < limits.runnable_per_core * cores:
        return []
    stalled = _stalled(history, limits)
    if stalled is not None and stalled < limits.stall_ratio:
        return []
    leader = leaders.leading(history, leaders.cpu, floor=0.2 * cores)
    share = f", led by {leader.words} with {leader.weight:.1f} CPUs" if leader else ""
    window = limits.window_s
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if queue >= limits.critical_runnable_per_core * cores else Severity.WARNING,
            constraint=Constraint.CPU_BOUND,
            title=f"{queue:.0f} tasks want {cores} CPUs, {busy.mean:.0%} busy{share}",
            since_at=busy.since_at,
            began_before=busy.began_before,
            subject=leaders.subject(leader),
            evidence=(
                evidence("host.cpu.busy_ratio", busy.mean, "ratio", limits.busy_ratio, window, "S002 35.3.2"),
                evidence("host.cpu.runnable", queue, "tasks", limits.runnable_per_core * cores, window),
                evidence("host.pressure.cpu.some_ratio", stalled, "ratio", limits.stall_ratio, window),
            ),
        )
    ]


def _busy(history: History, limits: CpuSaturatedLimits) -> Held | None:
    if not watched(history, limits.window_s):
        stall, busy = pressure(history, "cpu"), history.value("host.cpu.busy_ratio")
        early = stall is not None and stall.some_avg10_ratio > limits.stall_ratio
        return from_the_start(history, busy) if early and busy is not None and busy > limits.busy_ratio else None
    niced = mean(history, "host.cpu.nice_ratio", limits.window_s) or 0.0
    busy_held = held(history, "host.cpu.busy_ratio", limits.busy_ratio, limits.window_s)
    return busy_held if busy_held and busy_held.mean - niced > limits.busy_ratio else None


def _stalled(history: History, limits: CpuSaturatedLimits) -> float | None:
    stall = pressure(history, "cpu")
    if stall is None or not watched(history, limits.window_s):
        return stall.some_avg10_ratio if stall else None
    return damped(history, "host.pressure.cpu.some_ratio", limits.stall_ratio, limits.window_s)


def _queue(history: History, limits: CpuSaturatedLimits, limit: float) -> float | None:
    """Runnable tasks without ourselves: we run whenever we count."""
    runnable = (
        damped(history, "host.cpu.runnable", limit + 1, limits.window_s)
        if watched(history, limits.window_s)
        else history.value("host.cpu.runnable")
    )
    return None if runnable is None else max(0.0, runnable - 1)


RULE = Rule(
    name=NAME,
    constraint=Constraint.CPU_BOUND,
    limits=CpuSaturatedLimits,
    find=cpu_saturated,
    needs=("cpu",),
)
