"""Frames made by hand of real record types, for tests of what is done with them."""

from __future__ import annotations

from collections.abc import Iterable

from perftui.model.failure import Failed, FailureKind
from perftui.model.frame import Frame, Machine, Sample
from perftui.sources.cpu import CpuSample, CpuTimes

MACHINE = Machine(hostname="db-1", system="Linux 6.1", cores=1, memory_bytes=8 << 30)


def sample(mono: float, busy_ticks: int, idle_ticks: int) -> CpuSample:
    times = CpuTimes(busy_ticks, 0, 0, idle_ticks, 0, 0, 0, 0)
    return CpuSample(
        mono=mono, all=times, per_cpu={"0": times}, context_switches=0, runnable=1, blocked=0, load=None, uptime_s=None
    )


def frame(seq: int, mono: float, read: Sample | None, at: float | None = None) -> Frame:
    failed = {} if read else {"cpu": Failed(kind=FailureKind.MISSING, detail="/proc/stat: gone")}
    return Frame(
        seq=seq, at=1000 + mono if at is None else at, mono=mono, samples={"cpu": read} if read else {}, failed=failed
    )


def cpu_frames(shares: Iterable[float | None]) -> list[Frame]:
    """One tick a second; each share is the CPU's busy one since the tick before, None is a second whose sample failed."""
    frames = [frame(0, 0.0, sample(0.0, 0, 0))]
    busy = idle = 0
    for second, share in enumerate(shares, start=1):
        if share is None:
            frames.append(frame(second, float(second), None))
            continue
        busy, idle = busy + round(100 * share), idle + 100 - round(100 * share)
        frames.append(frame(second, float(second), sample(float(second), busy, idle)))
    return frames
