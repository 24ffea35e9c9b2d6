"""CPU time, run queue, load, uptime: /proc/stat, /proc/loadavg, /proc/uptime."""

from __future__ import annotations

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.model.frame import Sample
from perftui.sources.counters import per_second, share
from perftui.sources.files import Clock, KernelFiles
from perftui.sources.kind import Part, SourceKind


class CpuTimes(msgspec.Struct, frozen=True, array_like=True):
    """Ticks (1/100 s) one CPU spent in each mode since boot. `user` and `nice` include guests, as in the kernel's file."""

    user: int
    nice: int
    system: int
    idle: int
    iowait: int
    irq: int
    softirq: int
    steal: int


class CpuSample(Sample, frozen=True, kw_only=True):
    """Source: /proc/stat (`cpu` lines, ctxt, procs_running, procs_blocked), /proc/loadavg, /proc/uptime."""

    all: CpuTimes
    per_cpu: dict[str, CpuTimes]
    """By CPU number; a CPU that is offline has no entry."""
    context_switches: int | None
    runnable: int | None
    blocked: int | None
    load: tuple[float, float, float] | None
    uptime_s: float | None


class CoreReading(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of one CPU's time between two samples; None right after it came online."""

    core: str
    """The CPU's number."""
    busy_ratio: float | None
    """All but idle and iowait of this CPU; None right after it came online."""
    user_ratio: float | None
    """Without niced processes, with guests."""
    system_ratio: float | None
    """The kernel, interrupts aside."""
    iowait_ratio: float | None
    """Idle while a task that last ran here waited for I/O."""
    steal_ratio: float | None
    """Taken by the hypervisor for others."""


class CpuReading(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of all CPUs' time between two samples. They add up to 1; None until there are two samples."""

    count: int
    """CPUs online."""
    busy_ratio: float | None
    """All but idle and iowait; as 100 - id - wa of vmstat."""
    user_ratio: float | None
    """Without niced processes, with guests."""
    nice_ratio: float | None
    """Processes of lowered priority."""
    system_ratio: float | None
    """The kernel, interrupts aside."""
    iowait_ratio: float | None
    """Idle while a task of that CPU waited for I/O: diluted by the number of CPUs, so read it beside the I/O pressure."""
    irq_ratio: float | None
    """Hardware interrupts."""
    softirq_ratio: float | None
    """Software interrupts, mostly network and block devices."""
    steal_ratio: float | None
    """Taken by the hypervisor for others."""
    idle_ratio: float | None
    """Nothing to do and nothing waited for."""
    runnable: int | None
    """Tasks running or waiting for a CPU at the moment of reading, this program included; `r` of vmstat."""
    blocked: int | None
    """Tasks in uninterruptible sleep, mostly on I/O; `b` of vmstat."""
    context_switches_per_s: float | None
    """Changes from one task to another on all CPUs together; `cs` of vmstat."""
    per_core: tuple[CoreReading, ...] = ()


class LoadReading(msgspec.Struct, frozen=True, kw_only=True):
    """Damped mean of runnable plus blocked tasks, /proc/loadavg."""

    avg1: float
    """Damped mean over 1 min of tasks that run, want to run or wait for a disk."""
    avg5: float
    """The same over 5 min."""
    avg15: float
    """The same over 15 min."""


class CpuPart(Part, frozen=True, kw_only=True):
    cpu: CpuReading
    load: LoadReading | None
    uptime_s: float | None
    """Since boot."""


class Cpu:
    """Reads /proc/stat, /proc/loadavg and /proc/uptime."""

    name = "cpu"
    interval_s = 1.0
    deadline_s = 1.0

    def __init__(self, files: KernelFiles, clock: Clock) -> None:
        self._files = files
        self._clock = clock

    async def sample(self) -> CpuSample:
        """Read once.

        Raises:
            SourceError: MISSING without /proc, MALFORMED without a `cpu` line.
        """
        stat = self._files.read("/proc/stat")
        mono = self._clock.mono()
        return parse_stat(stat, self._files.read("/proc/loadavg"), self._files.read("/proc/uptime"), mono)


def parse_stat(stat: bytes, loadavg: bytes, uptime: bytes, mono: float) -> CpuSample:
    """The sample in the three files' text.

    Raises:
        SourceError: MALFORMED without a `cpu` line.
    """
    per_cpu: dict[str, CpuTimes] = {}
    whole: CpuTimes | None = None
    scalars: dict[bytes, int] = {}
    for line in stat.splitlines():
        name, _, rest = line.partition(b" ")
        if name == b"cpu":
            whole = _times(rest)
        elif name.startswith(b"cpu"):
            per_cpu[name[3:].decode()] = _times(rest)
        elif name in (b"ctxt", b"procs_running", b"procs_blocked"):
            scalars[name] = int(rest)
    if whole is None:
        raise SourceError(FailureKind.MALFORMED, "/proc/stat: no cpu line")
    load = loadavg.split()
    up = uptime.split()
    return CpuSample(
        mono=mono,
        all=whole,
        per_cpu=per_cpu,
        context_switches=scalars.get(b"ctxt"),
        runnable=scalars.get(b"procs_running"),
        blocked=scalars.get(b"procs_blocked"),
        load=(float(load[0]), float(load[1]), float(load[2])) if len(load) >= 3 else None,
        uptime_s=float(up[0]) if up else None,
    )


def _times(rest: bytes) -> CpuTimes:
    numbers = [int(word) for word in rest.split()[:8]]
    return CpuTimes(*numbers, *([0] * (8 - len(numbers))))  # kernels before 2.6.11 have no steal


def derive(previous: CpuSample | None, current: CpuSample) -> CpuPart:
    """Readings between two samples."""
    shares = _shares(previous.all if previous else None, current.all)
    elapsed = current.mono - previous.mono if previous else 0.0
    reading = CpuReading(
        count=len(current.per_cpu) or 1,
        busy_ratio=_busy(shares),
        user_ratio=shares[0],
        nice_ratio=shares[1],
        system_ratio=shares[2],
        idle_ratio=shares[3],
        iowait_ratio=shares[4],
        irq_ratio=shares[5],
        softirq_ratio=shares[6],
        steal_ratio=shares[7],
        runnable=current.runnable,
        blocked=current.blocked,
        context_switches_per_s=per_second(
            previous.context_switches if previous else None, current.context_switches, elapsed
        ),
        per_core=tuple(
            _core(name, previous.per_cpu.get(name) if previous else None, times)
            for name, times in current.per_cpu.items()
        ),
    )
    load = LoadReading(avg1=current.load[0], avg5=current.load[1], avg15=current.load[2]) if current.load else None
    return CpuPart(cpu=reading, load=load, uptime_s=current.uptime_s)


def _core(name: str, previous: CpuTimes | None, current: CpuTimes) -> CoreReading:
    shares = _shares(previous, current)
    return CoreReading(
        core=name,
        busy_ratio=_busy(shares),
        user_ratio=shares[0],
        system_ratio=shares[2],
        iowait_ratio=shares[4],
        steal_ratio=shares[7],
    )


_NO_SHARES: tuple[float | None, ...] = (None,) * 8


def _shares(previous: CpuTimes | None, current: CpuTimes) -> tuple[float | None, ...]:
    """Share of each mode, in the order of `CpuTimes`.

    idle and iowait may step back by a few ticks (kernel documentation, proc.rst: "iowait … may decrease"), which counts
    as 0; a counter that steps back further was reset by a hot-plug and gives no shares at all.
    """
    if previous is None:
        return _NO_SHARES
    grown = []
    for mode in CpuTimes.__struct_fields__:
        step = getattr(current, mode) - getattr(previous, mode)
        if step < (-100 if mode in ("idle", "iowait") else 0):
            return _NO_SHARES
        grown.append(max(0, step))
    total = sum(grown)
    return tuple(share(step, total) for step in grown)


def _busy(shares: tuple[float | None, ...]) -> float | None:
    idle, iowait = shares[3], shares[4]
    return None if idle is None or iowait is None else max(0.0, 1.0 - idle - iowait)


KIND = SourceKind(name="cpu", sample=CpuSample, part=CpuPart, derive=derive)
