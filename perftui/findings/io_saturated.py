"""Work waits for disks."""

from __future__ import annotations

from perftui.findings import leaders
from perftui.findings.holding import WINDOW_S, Held, evidence, from_the_start, held, mean, pressure, watched
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Evidence, Finding, Severity
from perftui.sources.disks import DisksPart

NAME = "host.io_saturated"


class IoSaturatedLimits(Limits, frozen=True, kw_only=True):
    iowait_ratio: float = 0.20
    """S002 §35.3.2."""
    some_ratio: float = 0.20
    """Ours: I/O wait counts only when tasks really stalled (I/O pressure), where the kernel can tell."""
    full_ratio: float = 0.40
    """Ours: all busy tasks wait for a disk at once; finds on many cores what I/O wait dilutes."""
    critical_ratio: float = 0.60
    """Ours: of the I/O pressure `full`, or of I/O wait where there is no pressure."""
    window_s: float = WINDOW_S


def io_saturated(history: History, limits: IoSaturatedLimits) -> list[Finding]:
    """I/O wait backed by I/O pressure, or I/O pressure alone."""
    waits = _waits(history, limits)
    if waits is None:
        return []
    window = limits.window_s
    iowait = mean(history, "host.cpu.iowait_ratio", window)
    full = mean(history, "host.pressure.io.full_ratio", window)
    leader = leaders.leading(history, leaders.disk, floor=4096.0)
    disk, disk_evidence = _disk(history, window)
    worst = full if full is not None else iowait
    where = f"disk {disk}" if disk else "disks"
    idle = (
        ""
        if disk or not _all_idle(history, window)
        else "; no disk is busy: look for an I/O limit or a remote filesystem"
    )
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if (worst or waits.mean) > limits.critical_ratio else Severity.WARNING,
            constraint=Constraint.IO_BOUND,
            title=f"work waits for {where} {(full or waits.mean):.0%} of the time{_wait_words(iowait)}{leaders.by(leader)}{idle}",
            since_at=waits.since_at,
            began_before=waits.began_before,
            subject=leaders.subject(leader, disk=disk),
            evidence=(
                evidence("host.cpu.iowait_ratio", iowait, "ratio", limits.iowait_ratio, window, "S002 35.3.2"),
                evidence(
                    "host.pressure.io.some_ratio",
                    mean(history, "host.pressure.io.some_ratio", window),
                    "ratio",
                    limits.some_ratio,
                    window,
                ),
                evidence("host.pressure.io.full_ratio", full, "ratio", limits.full_ratio, window),
                *disk_evidence,
            ),
        )
    ]


def _wait_words(iowait: float | None) -> str:
    return f", I/O wait {iowait:.0%}" if iowait is not None else ""


def _waits(history: History, limits: IoSaturatedLimits) -> Held | None:
    stall = pressure(history, "io")
    if not watched(history, limits.window_s):
        full = stall.full_avg10_ratio if stall else None
        return from_the_start(history, full) if full is not None and full > limits.full_ratio else None
    full_held = held(history, "host.pressure.io.full_ratio", limits.full_ratio, limits.window_s)
    if full_held:
        return full_held
    some = mean(history, "host.pressure.io.some_ratio", limits.window_s)
    if stall is not None and (some is None or some < limits.some_ratio):
        return None
    # I/O wait jumps from tick to tick (it counts only on the core where the waiting task slept): the mean decides.
    return held(history, "host.cpu.iowait_ratio", limits.iowait_ratio, limits.window_s, share=0.4, stays=0.5)


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
