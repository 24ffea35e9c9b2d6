"""Memory and swap: /proc/meminfo, /proc/vmstat. Every byte of MemTotal is in exactly one class."""

from __future__ import annotations

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.model.frame import Sample
from perftui.sources.counters import per_second
from perftui.sources.files import Clock, KernelFiles, read_or_none, words_to_ints
from perftui.sources.kind import Part, SourceKind

PAGE_BYTES = 4096

_MEMINFO = frozenset(
    {
        "MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached", "AnonPages", "Shmem", "Dirty",
        "Writeback", "SReclaimable", "SUnreclaim", "KernelStack", "PageTables", "SecPageTables", "Hugetlb",
        "HugePages_Total", "Hugepagesize", "SwapTotal", "SwapFree",
    }
)  # fmt: skip
_VMSTAT = frozenset({"pswpin", "pswpout", "pgmajfault", "oom_kill", "pgscan_kswapd", "pgscan_direct"})


class MemorySample(Sample, frozen=True, kw_only=True):
    """Source: /proc/meminfo (kB turned into bytes; page counts as they are) and /proc/vmstat (pages, events)."""

    meminfo: dict[str, int]
    vmstat: dict[str, int]
    page_bytes: int = PAGE_BYTES


class ClassesReading(msgspec.Struct, frozen=True, kw_only=True):
    """Where the memory is; the eleven add up to `total_bytes` exactly."""

    anonymous_bytes: int
    """Heaps and stacks of processes (AnonPages)."""
    file_cache_bytes: int
    """Clean file pages and buffers: given back at once when somebody needs memory."""
    dirty_bytes: int
    """File pages that must be written before they can be given back (Dirty + Writeback)."""
    shared_bytes: int
    """tmpfs and shared memory, Postgres' shared_buffers among them (Shmem): can't be given back, only swapped."""
    slab_reclaimable_bytes: int
    """Kernel caches, of file names mostly, that can be given back (SReclaimable)."""
    slab_unreclaimable_bytes: int
    """Kernel objects that can't be given back (SUnreclaim)."""
    page_tables_bytes: int
    """Where each process' pages are; grows with processes times mapped memory."""
    kernel_stack_bytes: int
    """A stack for each thread."""
    huge_pages_bytes: int
    """Reserved huge pages, used or not (Hugetlb)."""
    other_bytes: int
    """What no counter names: kernel allocations, per-CPU areas, drivers, firmware."""
    free_bytes: int
    """Used by nobody."""


class MemoryReading(msgspec.Struct, frozen=True, kw_only=True):
    """Source: /proc/meminfo, /proc/vmstat."""

    total_bytes: int
    """Memory that the kernel manages (MemTotal)."""
    available_bytes: int
    """What processes can still get without swapping, the kernel's estimate (MemAvailable)."""
    used_ratio: float
    """1 - available / total, so a full file cache does not count as used."""
    oom_kills_total: int | None
    """Processes killed for want of memory since boot, in cgroups too; None before Linux 4.13."""
    oom_kills_per_s: float | None
    """Processes killed for want of memory, each second."""
    major_faults_per_s: float | None
    """Page faults that had to read a disk, swap included."""
    reclaim_bytes_per_s: float | None
    """Pages the kernel scanned to find free ones (kswapd and direct)."""
    direct_reclaim_bytes_per_s: float | None
    """The part that processes had to do themselves while they wanted memory."""
    classes: ClassesReading


class SwapReading(msgspec.Struct, frozen=True, kw_only=True):
    """Source: /proc/meminfo, pswpin and pswpout of /proc/vmstat; `si` and `so` of vmstat."""

    total_bytes: int
    """All swap devices and files together; 0 without any."""
    used_bytes: int
    """Pages parked there, moving or not."""
    in_bytes_per_s: float | None
    """Read back from swap; `si` of vmstat."""
    out_bytes_per_s: float | None
    """Written to swap; `so` of vmstat."""


class MemoryPart(Part, frozen=True, kw_only=True):
    memory: MemoryReading
    swap: SwapReading


class Memory:
    """Reads /proc/meminfo and /proc/vmstat."""

    name = "memory"
    interval_s = 1.0
    deadline_s = 1.0

    def __init__(self, files: KernelFiles, clock: Clock, page_bytes: int = PAGE_BYTES) -> None:
        self._files = files
        self._clock = clock
        self._page_bytes = page_bytes

    async def sample(self) -> MemorySample:
        """Read once.

        Raises:
            SourceError: MISSING without /proc, MALFORMED without MemTotal.
        """
        meminfo = self._files.read("/proc/meminfo")
        mono = self._clock.mono()
        return parse_memory(meminfo, read_or_none(self._files, "/proc/vmstat") or b"", mono, self._page_bytes)


_MEMINFO_KEYS = {name.encode(): name for name in _MEMINFO}
_VMSTAT_KEYS = {name.encode(): name for name in _VMSTAT}


def parse_memory(meminfo: bytes, vmstat: bytes, mono: float, page_bytes: int = PAGE_BYTES) -> MemorySample:
    """The sample in the two files' text.

    Raises:
        SourceError: MALFORMED without MemTotal.
    """
    sizes: dict[str, int] = {}
    for line in meminfo.splitlines():
        key, _, rest = line.partition(b":")
        if name := _MEMINFO_KEYS.get(key):
            words = rest.split()
            sizes[name] = int(words[0]) * (1024 if len(words) > 1 else 1)
    if "MemTotal" not in sizes:
        raise SourceError(FailureKind.MALFORMED, "/proc/meminfo: no MemTotal line")
    counters = words_to_ints(vmstat, _VMSTAT_KEYS)
    # pgscan_kswapd and pgscan_direct were one counter per zone before Linux 4.8: absent there, so None further on.
    events = {name: counters[key] for key, name in _VMSTAT_KEYS.items() if key in counters}
    return MemorySample(mono=mono, meminfo=sizes, vmstat=events, page_bytes=page_bytes)


def classes(meminfo: dict[str, int]) -> ClassesReading:
    """Each byte of MemTotal in exactly one class.

    Counters of the same file are not read in one instant and some are kept per CPU, so the named classes may exceed
    MemTotal by a few pages: the excess is taken from the file cache, then from anonymous memory.
    """
    total = meminfo["MemTotal"]
    dirty = meminfo.get("Dirty", 0) + meminfo.get("Writeback", 0)
    shared = meminfo.get("Shmem", 0)
    cache = max(0, meminfo.get("Buffers", 0) + meminfo.get("Cached", 0) - shared)
    dirty = min(dirty, cache)
    huge = meminfo.get("Hugetlb", meminfo.get("HugePages_Total", 0) * meminfo.get("Hugepagesize", 0))
    named = {
        "free_bytes": meminfo.get("MemFree", 0),
        "anonymous_bytes": meminfo.get("AnonPages", 0),
        "file_cache_bytes": cache - dirty,
        "dirty_bytes": dirty,
        "shared_bytes": shared,
        "slab_reclaimable_bytes": meminfo.get("SReclaimable", 0),
        "slab_unreclaimable_bytes": meminfo.get("SUnreclaim", 0),
        "page_tables_bytes": meminfo.get("PageTables", 0) + meminfo.get("SecPageTables", 0),
        "kernel_stack_bytes": meminfo.get("KernelStack", 0),
        "huge_pages_bytes": huge,
    }
    other = total - sum(named.values())
    for name in ("file_cache_bytes", "anonymous_bytes", "free_bytes"):
        if other >= 0:
            break
        taken = min(named[name], -other)
        named[name] -= taken
        other += taken
    return ClassesReading(**named, other_bytes=other)


def available_bytes(meminfo: dict[str, int]) -> int:
    """MemAvailable; before Linux 3.14 free plus the file cache and reclaimable slab, as free(1) did."""
    estimate = (
        meminfo.get("MemFree", 0)
        + meminfo.get("Buffers", 0)
        + meminfo.get("Cached", 0)
        - meminfo.get("Shmem", 0)
        + meminfo.get("SReclaimable", 0)
    )
    return min(meminfo["MemTotal"], meminfo.get("MemAvailable", max(0, estimate)))


def derive(previous: MemorySample | None, current: MemorySample) -> MemoryPart:
    """Readings between two samples."""
    meminfo = current.meminfo
    elapsed = current.mono - previous.mono if previous else 0.0

    def rate(name: str) -> float | None:
        return per_second(previous.vmstat.get(name) if previous else None, current.vmstat.get(name), elapsed)

    def bytes_rate(name: str) -> float | None:
        pages = rate(name)
        return None if pages is None else pages * current.page_bytes

    total, available = meminfo["MemTotal"], available_bytes(meminfo)
    direct, background = bytes_rate("pgscan_direct"), bytes_rate("pgscan_kswapd")
    swap_total = meminfo.get("SwapTotal", 0)
    return MemoryPart(
        memory=MemoryReading(
            total_bytes=total,
            available_bytes=available,
            used_ratio=1 - available / total,
            oom_kills_total=current.vmstat.get("oom_kill"),
            oom_kills_per_s=rate("oom_kill"),
            major_faults_per_s=rate("pgmajfault"),
            reclaim_bytes_per_s=None if direct is None or background is None else direct + background,
            direct_reclaim_bytes_per_s=direct,
            classes=classes(meminfo),
        ),
        swap=SwapReading(
            total_bytes=swap_total,
            used_bytes=max(0, swap_total - meminfo.get("SwapFree", 0)),
            in_bytes_per_s=bytes_rate("pswpin"),
            out_bytes_per_s=bytes_rate("pswpout"),
        ),
    )


KIND = SourceKind(name="memory", sample=MemorySample, part=MemoryPart, derive=derive)
