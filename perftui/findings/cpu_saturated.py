"""The CPUs are full and tasks queue for them."""

from __future__ import annotations

import msgspec

from perftui.findings import leaders
from perftui.findings.holding import (
    RELEASE,
    WINDOW_S,
    began,
    evidence,
    exceeded,
    from_the_start,
    kept,
    mean,
    of_late,
    pressure,
    watched,
)
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.cpu import CpuPart

NAME = "host.cpu_saturated"
_BUSY, _RUNNABLE, _STALL = "host.cpu.busy_ratio", "host.cpu.runnable", "host.pressure.cpu.some_ratio"


class CpuSaturatedLimits(Limits, frozen=True, kw_only=True):
    busy_ratio: float = 0.85
    """S002 §35.3.2. Niced work is not counted: it gives way."""
    runnable_per_core: float = 1.75
    """Ours: a build with one job per core keeps the CPUs full and queues nobody."""
    stall_ratio: float = 0.40
    """Ours: CPU pressure, the share of the time in which somebody waited for a CPU."""
    critical_runnable_per_core: float = 4.0
    window_s: float = WINDOW_S


class _Load(msgspec.Struct, frozen=True, kw_only=True):
    """Full CPUs with a queue."""

    busy: float
    queue: float
    longest: float
    """Of the queue, of late."""
    stalled: float | None
    since_at: float
    before: bool


def cpu_saturated(history: History, limits: CpuSaturatedLimits) -> list[Finding]:
    """Full CPUs with a queue. Full alone is good use of a host."""
    part = history.latest(CpuPart)
    if part is None:
        return []
    cores = part.cpu.count
    wanted = limits.runnable_per_core * cores
    load = _held(history, limits, wanted) if watched(history, limits.window_s) else _early(history, limits, wanted)
    if load is None:
        return []
    leader = leaders.leading(history, leaders.cpu, floor=0.2 * cores)
    # A queue that is short at this moment is told by what it was of late: that is why the finding stays.
    want = f"{load.queue:.0f}" if load.queue >= wanted else f"up to {load.longest:.0f}"
    share = f", led by {leader.words} with {leader.weight:.1f} CPUs" if leader else ""
    window = limits.window_s
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL
            if load.longest >= limits.critical_runnable_per_core * cores
            else Severity.WARNING,
            constraint=Constraint.CPU_BOUND,
            title=f"{want} tasks want {cores} CPUs, {load.busy:.0%} busy{share}",
            since_at=load.since_at,
            began_before=load.before,
            subject=leaders.subject(leader),
            evidence=(
                evidence(_BUSY, load.busy, "ratio", limits.busy_ratio, window, "S002 35.3.2"),
                evidence(_RUNNABLE, load.queue, "tasks", wanted, window),
                evidence(_STALL, load.stalled, "ratio", limits.stall_ratio, window),
            ),
        )
    ]


def _early(history: History, limits: CpuSaturatedLimits, wanted: float) -> _Load | None:
    """What the kernel's 10 s mean says in our first seconds."""
    stall, busy, runnable = pressure(history, "cpu"), history.value(_BUSY), history.value(_RUNNABLE)
    if stall is None or busy is None or runnable is None:
        return None
    if busy <= limits.busy_ratio or runnable - 1 < wanted or stall.some_avg10_ratio <= limits.stall_ratio:
        return None
    found = from_the_start(history, busy)
    return _Load(
        busy=busy,
        queue=runnable - 1,
        longest=runnable - 1,
        stalled=stall.some_avg10_ratio,
        since_at=found.since_at,
        before=found.began_before,
    )


def _held(history: History, limits: CpuSaturatedLimits, wanted: float) -> _Load | None:
    window_s = limits.window_s

    def own(then: History) -> float:
        """Busy with what is not niced: that gives way."""
        return (mean(then, _BUSY, window_s) or 0.0) - (mean(then, "host.cpu.nice_ratio", window_s) or 0.0)

    def over(then: History) -> bool:
        stalled = mean(then, _STALL, window_s)
        return (
            exceeded(then, _BUSY, limits.busy_ratio, window_s)
            and own(then) > limits.busy_ratio
            and _queue(then, window_s) >= wanted
            and (stalled is None or stalled >= limits.stall_ratio)
        )

    def gone(then: History) -> bool:
        stalled = mean(then, _STALL, window_s)
        return (
            own(then) < RELEASE * limits.busy_ratio
            or _queue(then, window_s) < RELEASE * wanted
            or (stalled is not None and stalled < RELEASE * limits.stall_ratio)
        )

    last, busy = kept(history, over, gone), mean(history, _BUSY, window_s)
    if last is None or busy is None:
        return None
    since_at, before = began(last, over, gone, lambda then: then.held_since(_BUSY, 0.8 * limits.busy_ratio, window_s))
    return _Load(
        busy=busy,
        queue=_queue(history, window_s),
        longest=max(of_late(history, _RUNNABLE, window_s), default=1.0) - 1,
        stalled=mean(history, _STALL, window_s),
        since_at=since_at,
        before=before,
    )


def _queue(history: History, window_s: float) -> float:
    """Runnable tasks without ourselves: we run whenever we count."""
    return max(0.0, (mean(history, _RUNNABLE, window_s) or 0.0) - 1)


RULE = Rule(
    name=NAME,
    constraint=Constraint.CPU_BOUND,
    limits=CpuSaturatedLimits,
    find=cpu_saturated,
    needs=("cpu",),
)
