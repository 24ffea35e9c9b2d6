"""Work waits for disks."""

from __future__ import annotations

from perftui.findings import leaders
from perftui.findings.holding import (
    WINDOW_S,
    Held,
    began,
    below,
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
from perftui.model.finding import Constraint, Evidence, Finding, Severity
from perftui.sources.cpu import CpuPart
from perftui.sources.disks import DisksPart

NAME = "host.io_saturated"
_IOWAIT, _SOME, _FULL = "host.cpu.iowait_ratio", "host.pressure.io.some_ratio", "host.pressure.io.full_ratio"
_BUSY, _ASLEEP = "host.cpu.busy_ratio", "host.cpu.blocked"


class IoSaturatedLimits(Limits, frozen=True, kw_only=True):
    iowait_ratio: float = 0.20
    """S002 §35.3.2."""
    some_ratio: float = 0.20
    """Ours: I/O wait counts only when tasks really stalled (I/O pressure), where the kernel can tell."""
    full_ratio: float = 0.40
    """Ours: all busy tasks wait for a disk at once; finds on many cores what I/O wait dilutes."""
    critical_ratio: float = 0.60
    """Ours: of the I/O pressure `full`, or of I/O wait where there is no pressure."""
    busy_ratio: float = 0.85
    """Ours: I/O wait is counted on idle CPUs only, so with CPUs as full as this it says nothing …"""
    busy_some_ratio: float = 0.40
    """… and I/O pressure tells instead (ours): on full CPUs it is the share of them on which somebody waits for a disk …"""
    busy_blocked_per_core: float = 0.40
    """… when so many tasks for each CPU sleep until a disk answers (ours)."""
    window_s: float = WINDOW_S


def io_saturated(history: History, limits: IoSaturatedLimits) -> list[Finding]:
    """I/O wait backed by I/O pressure, or I/O pressure alone; beside full CPUs I/O pressure backed by tasks that sleep."""
    idle_cpus = _waits(history, limits)
    waits = idle_cpus or _beside_full_cpus(history, limits)
    if waits is None:
        return []
    window = limits.window_s
    iowait = mean(history, _IOWAIT, window)
    full = mean(history, _FULL, window)
    # Beside others that compute and write, who waits is not who moves most.
    sleeper = None if idle_cpus else leaders.leading(history, leaders.asleep, floor=1.0)
    leader = sleeper or leaders.leading(history, leaders.disk, floor=4096.0)
    disk, disk_evidence = _disk(history, window)
    worst = max(of_late(history, _FULL, window), default=waits.highest)
    where = f"disk {disk}" if disk else "disks"
    share, beside = ((full or waits.mean), _wait_words(iowait)) if idle_cpus else (waits.mean, ", with all CPUs busy")
    idle = (
        ""
        if disk or not _all_idle(history, window)
        else "; no disk is busy: look for an I/O limit or a remote filesystem"
    )
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if worst > limits.critical_ratio else Severity.WARNING,
            constraint=Constraint.IO_BOUND,
            title=f"work waits for {where} {share:.0%} of the time{beside}{leaders.by(leader)}{idle}",
            since_at=waits.since_at,
            began_before=waits.began_before,
            subject=leaders.subject(leader, disk=disk),
            evidence=(
                evidence(_IOWAIT, iowait, "ratio", limits.iowait_ratio, window, "S002 35.3.2"),
                evidence(
                    _SOME,
                    mean(history, _SOME, window),
                    "ratio",
                    limits.some_ratio,
                    window,
                ),
                evidence(_FULL, full, "ratio", limits.full_ratio, window),
                evidence(_ASLEEP, mean(history, _ASLEEP, window), "tasks", window_s=window),
                *disk_evidence,
            ),
        )
    ]


def _wait_words(iowait: float | None) -> str:
    return f", I/O wait {iowait:.0%}" if iowait is not None else ""


def _waits(history: History, limits: IoSaturatedLimits) -> Held | None:
    stall, window_s = pressure(history, "io"), limits.window_s
    if not watched(history, window_s):
        full = stall.full_avg10_ratio if stall else None
        return from_the_start(history, full) if full is not None and full > limits.full_ratio else None

    def all_wait(then: History) -> bool:
        return exceeded(then, _FULL, limits.full_ratio, window_s)

    def over(then: History) -> bool:
        some = mean(then, _SOME, window_s)
        backed = stall is None or (some is not None and some >= limits.some_ratio)
        # I/O wait jumps from tick to tick (it counts only on the core where the waiting task slept): the mean decides.
        return all_wait(then) or (backed and exceeded(then, _IOWAIT, limits.iowait_ratio, window_s, share=0.4))

    def gone(then: History) -> bool:
        idle = below(then, _IOWAIT, limits.iowait_ratio, window_s)
        unbacked = stall is not None and below(then, _SOME, limits.some_ratio, window_s)
        return below(then, _FULL, limits.full_ratio, window_s) and (idle or unbacked)

    last = kept(history, over, gone)
    reading, above, stays = (
        (_FULL, limits.full_ratio, 0.8) if last is not None and all_wait(last) else (_IOWAIT, limits.iowait_ratio, 0.5)
    )
    average = mean(history, reading, window_s)
    if last is None or average is None:
        return None
    since_at, before = began(last, over, gone, lambda then: then.held_since(reading, stays * above, window_s))
    highest = max(of_late(history, reading, window_s))
    return Held(mean=average, highest=highest, since_at=since_at, began_before=before)


def _beside_full_cpus(history: History, limits: IoSaturatedLimits) -> Held | None:
    part, window_s = history.latest(CpuPart), limits.window_s
    if part is None:
        return None
    least = limits.busy_blocked_per_core * part.cpu.count

    def over(then: History) -> bool:
        busy, asleep = mean(then, _BUSY, window_s), mean(then, _ASLEEP, window_s)
        full = busy is not None and busy > limits.busy_ratio
        return full and (asleep or 0.0) >= least and exceeded(then, _SOME, limits.busy_some_ratio, window_s)

    def gone(then: History) -> bool:
        return below(then, _SOME, limits.busy_some_ratio, window_s) or below(then, _BUSY, limits.busy_ratio, window_s)

    last, average = kept(history, over, gone), mean(history, _SOME, window_s)
    if last is None or average is None:
        return None
    stays = 0.8 * limits.busy_some_ratio
    since_at, before = began(last, over, gone, lambda then: then.held_since(_SOME, stays, window_s))
    highest = max(of_late(history, _SOME, window_s))
    return Held(mean=average, highest=highest, since_at=since_at, began_before=before)


def _disk(history: History, window_s: float) -> tuple[str | None, tuple[Evidence, ...]]:
    """The disk with the longest queue, when it has one."""
    part = history.latest(DisksPart)
    queues = {
        name: mean(history, f"host.disks.{name}.queue_length", window_s) or 0.0 for name in (part.disks if part else ())
    }
    name = max(queues, key=lambda each: queues[each], default=None)
    if name is None or queues[name] < 0.2:
        return None, ()
    prefix = f"host.disks.{name}"
    return name, tuple(
        evidence(f"{prefix}.{reading}", history.window(f"{prefix}.{reading}", window_s).mean, unit, window_s=window_s)
        for reading, unit in (("await_s", "s"), ("queue_length", "requests"), ("utilization_ratio", "ratio"))
    )


def _all_idle(history: History, window_s: float) -> bool:
    """Whether every disk is known to be nearly idle: then what waits is held back before it reaches one."""
    part = history.latest(DisksPart)
    uses = [mean(history, f"host.disks.{name}.utilization_ratio", window_s) for name in (part.disks if part else ())]
    return bool(uses) and all(use is not None and use < 0.2 for use in uses)


RULE = Rule(
    name=NAME,
    constraint=Constraint.IO_BOUND,
    limits=IoSaturatedLimits,
    find=io_saturated,
    needs=("cpu", "pressure"),
)
