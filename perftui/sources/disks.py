"""Block devices: /proc/diskstats."""

from __future__ import annotations

import msgspec

from perftui.model.failure import SourceError
from perftui.model.frame import Sample
from perftui.sources.counters import delta, per_second, share
from perftui.sources.files import Clock, KernelFiles, read_or_none
from perftui.sources.kind import Part, SourceKind

SECTOR_BYTES = 512


class DiskRow(msgspec.Struct, frozen=True, array_like=True):
    """Counters of one whole device since boot. Sectors are 512 bytes whatever the device says."""

    reads: int
    read_sectors: int
    read_ms: int
    writes: int
    write_sectors: int
    write_ms: int
    busy_ms: int | None
    """Time with a request in flight; None where the system doesn't count it (macOS)."""
    queue_ms: int | None
    """Requests in flight times ms: grows by the queue length each ms; None where the system doesn't count it."""


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
    """rkB/s of iostat, in bytes."""
    write_bytes_per_s: float | None
    """wkB/s of iostat, in bytes."""
    reads_per_s: float | None
    """Read requests that ended (r/s)."""
    writes_per_s: float | None
    """Write requests that ended (w/s)."""
    swap: bool = False
    """It carries swap space."""


class DisksPart(Part, frozen=True, kw_only=True):
    disks: dict[str, DiskReading]


# Made in stock by the kernel; those without a single request are not in use.
_EMPTY_IN_STOCK = ("loop", "ram", "zram", "sr", "fd", "nbd")


class Disks:
    """Reads /proc/diskstats; /sys/block and /proc/swaps tell what is a whole device and what carries swap."""

    name = "disks"
    interval_s = 1.0
    deadline_s = 1.0

    def __init__(self, files: KernelFiles, clock: Clock) -> None:
        self._files = files
        self._clock = clock
        self._seen: list[bytes] = []
        self._whole: frozenset[str] = frozenset()
        self._swaps: bytes | None = None
        self._swap_devices: tuple[str, ...] = ()

    async def sample(self) -> DisksSample:
        """Read once.

        Raises:
            SourceError: MISSING without /proc/diskstats or /sys/block.
        """
        lines = self._files.read("/proc/diskstats").splitlines()
        mono = self._clock.mono()
        self._find_whole_devices(lines)
        self._find_swap_devices()
        return DisksSample(mono=mono, disks=parse_diskstats(lines, self._whole), swap_devices=self._swap_devices)

    def _find_whole_devices(self, lines: list[bytes]) -> None:
        seen = [line[:40].split(None, 3)[2] for line in lines]
        if seen != self._seen:
            self._seen = seen
            self._whole = frozenset(name.replace("!", "/") for name in self._files.names("/sys/block"))

    def _find_swap_devices(self) -> None:
        swaps = read_or_none(self._files, "/proc/swaps")
        if swaps == self._swaps:
            return
        self._swaps = swaps
        found: dict[str, None] = {}
        for path in parse_swaps(swaps or b""):
            for device in self._whole_devices_of(path):
                found[device] = None
        self._swap_devices = tuple(found)

    def _whole_devices_of(self, path: str) -> list[str]:
        """The device a swap partition or file is on, and those below it; none when it can't be told (other mount namespace)."""
        try:
            # …/block/vda/vda2 for a partition, …/block/vda for a whole device
            parts = self._files.link(f"/sys/dev/block/{self._files.device(path)}").split("/")
            device = parts[parts.index("block") + 1]
            below = self._files.names(f"/sys/block/{device}/slaves")
        except (SourceError, ValueError):
            return []
        found = [device.replace("!", "/")]
        for name in below:
            found += self._whole_devices_of(f"/dev/{name}")
        return found


def parse_diskstats(lines: list[bytes], whole: frozenset[str]) -> dict[str, DiskRow]:
    """The lines of /proc/diskstats that are whole devices, without devices in stock that nobody uses."""
    disks = {}
    for line in lines:
        words = line.split(None, 14)
        name = words[2].decode()
        if name not in whole or len(words) < 14:
            continue
        reads, _, read_sectors, read_ms, writes, _, write_sectors, write_ms, _, busy_ms, queue_ms = map(
            int, words[3:14]
        )
        if reads == writes == 0 and name.startswith(_EMPTY_IN_STOCK):
            continue
        disks[name] = DiskRow(reads, read_sectors, read_ms, writes, write_sectors, write_ms, busy_ms, queue_ms)
    return disks


def parse_swaps(raw: bytes) -> list[str]:
    """The paths in /proc/swaps; the kernel writes a blank in one as \\040."""
    lines = raw.splitlines()[1:]
    return [
        line.split()[0].replace(b"\\040", b" ").decode("utf-8", "surrogateescape") for line in lines if line.strip()
    ]


def derive(previous: DisksSample | None, current: DisksSample) -> DisksPart:
    """Readings between two samples; a disk that is new, or whose counters began anew, has none yet."""
    before = previous.disks if previous else {}
    elapsed = current.mono - previous.mono if previous else 0.0
    swap = frozenset(current.swap_devices)
    return DisksPart(
        disks={name: _reading(before.get(name), row, elapsed, name in swap) for name, row in current.disks.items()}
    )


def _reading(previous: DiskRow | None, row: DiskRow, elapsed_s: float, swap: bool) -> DiskReading:
    if previous is None or elapsed_s <= 0 or _began_anew(previous, row):
        return DiskReading(
            utilization_ratio=None, await_s=None, queue_length=None, read_bytes_per_s=None, write_bytes_per_s=None,
            reads_per_s=None, writes_per_s=None, swap=swap,
        )  # fmt: skip
    requests = row.reads - previous.reads + row.writes - previous.writes
    waited_ms = row.read_ms - previous.read_ms + row.write_ms - previous.write_ms
    wait_ms = share(waited_ms, requests)
    busy = share(delta(previous.busy_ms, row.busy_ms), elapsed_s * 1000)
    return DiskReading(
        # The kernel counts busy time in its own ticks: a full second may read as 1004 ms.
        utilization_ratio=None if busy is None else min(1.0, busy),
        await_s=None if wait_ms is None else wait_ms / 1000,
        queue_length=share(delta(previous.queue_ms, row.queue_ms), elapsed_s * 1000),
        read_bytes_per_s=per_second(previous.read_sectors * SECTOR_BYTES, row.read_sectors * SECTOR_BYTES, elapsed_s),
        write_bytes_per_s=per_second(
            previous.write_sectors * SECTOR_BYTES, row.write_sectors * SECTOR_BYTES, elapsed_s
        ),
        reads_per_s=per_second(previous.reads, row.reads, elapsed_s),
        writes_per_s=per_second(previous.writes, row.writes, elapsed_s),
        swap=swap,
    )


def _began_anew(previous: DiskRow, row: DiskRow) -> bool:
    """One counter below its former value means another device under the same name, so no difference holds."""
    return (
        row.reads < previous.reads
        or row.writes < previous.writes
        or row.read_sectors < previous.read_sectors
        or row.write_sectors < previous.write_sectors
        or row.read_ms < previous.read_ms
        or row.write_ms < previous.write_ms
    )


KIND = SourceKind(name="disks", sample=DisksSample, part=DisksPart, derive=derive)
