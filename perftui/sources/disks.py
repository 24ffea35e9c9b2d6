"""Block devices: /proc/diskstats."""

from __future__ import annotations

import msgspec

from perftui.model.frame import Sample
from perftui.sources.kind import Part


class DiskRow(msgspec.Struct, frozen=True, array_like=True):
    """Counters of one whole device since boot. Sectors are 512 bytes whatever the device says."""

    reads: int
    read_sectors: int
    read_ms: int
    writes: int
    write_sectors: int
    write_ms: int
    busy_ms: int
    queue_ms: int
    """Requests in flight times ms: grows by the queue length each ms."""


class DisksSample(Sample, frozen=True, kw_only=True):
    """Source: /proc/diskstats, whole devices only (no partitions, no empty loop or ram devices)."""

    disks: dict[str, DiskRow]
    swap_devices: tuple[str, ...] = ()
    """Whole devices that carry swap, from /proc/swaps (a swap file counts for the device below it)."""


class DiskReading(msgspec.Struct, frozen=True, kw_only=True):
    """As `iostat -x`; None until there are two samples or after the device came back."""

    utilization_ratio: float | None
    """Share of the time with at least one request in flight (%util). A fast device is not full at 1."""
    await_s: float | None
    """Mean time of the requests that ended (r_await and w_await together); None when none ended."""
    queue_length: float | None
    """Mean requests in flight (aqu-sz)."""
    read_bytes_per_s: float | None
    write_bytes_per_s: float | None
    reads_per_s: float | None
    writes_per_s: float | None
    swap: bool = False
    """It carries swap space."""


class DisksPart(Part, frozen=True, kw_only=True):
    disks: dict[str, DiskReading]
