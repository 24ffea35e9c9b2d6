"""The same samples off Linux, through psutil: what it does not tell is None or in the class `other`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Protocol

from perftui.model.failure import SourceError
from perftui.sources.cpu import CpuSample, CpuTimes
from perftui.sources.disks import SECTOR_BYTES, DiskRow, DisksSample
from perftui.sources.files import Clock, Worker
from perftui.sources.filesystems import FilesystemsSample, Mount, filesystem_row
from perftui.sources.memory import MemorySample
from perftui.sources.network import InterfaceRow, NetworkSample
from perftui.sources.process_files import COMMAND_CHARACTERS
from perftui.sources.processes import ROWS, ProcessesSample, ProcessRow
from perftui.sources.text import printable

_TICKS_PER_S = 100
_REMOTE = frozenset({"nfs", "smbfs", "afpfs", "webdav", "autofs", "devfs", "ftp", "cifs"})
_STATES = {
    "running": "R", "sleeping": "S", "disk-sleep": "D", "stopped": "T", "tracing-stop": "T", "zombie": "Z", "dead": "Z",
    "idle": "I", "locked": "D", "waiting": "S", "wake-kill": "D", "waking": "R", "parked": "I",
}  # fmt: skip


class HostProcess(Protocol):
    """One process as a client gives it."""

    @property
    def pid(self) -> int: ...
    @property
    def ppid(self) -> int: ...
    @property
    def created_at(self) -> float: ...
    @property
    def name(self) -> str: ...
    @property
    def command(self) -> tuple[str, ...]: ...
    @property
    def user(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def cpu_s(self) -> float: ...
    @property
    def resident_bytes(self) -> int: ...
    @property
    def threads(self) -> int: ...
    @property
    def io_bytes(self) -> tuple[int, int] | None: ...


class Host(Protocol):
    """A host without /proc; each call raises SourceError."""

    def cpu_times(self) -> tuple[dict[str, float], list[dict[str, float]]]: ...
    def context_switches(self) -> int: ...
    def load(self) -> tuple[float, float, float]: ...
    def boot_at(self) -> float: ...
    def memory(self) -> dict[str, int]: ...
    def swap(self) -> tuple[int, int, int, int]: ...
    def disks(self) -> dict[str, dict[str, int]]: ...
    def filesystems(self) -> list[tuple[str, str, str, str]]: ...
    def space(self, path: str) -> os.statvfs_result: ...
    def interfaces(self) -> dict[str, tuple[int, int, int, int, int, int, int, int]]: ...
    def processes(self) -> Sequence[HostProcess]: ...


class PortableCpu:
    """CPU times in the kernel's unit of Linux, so that one derivation fits both."""

    name = "cpu"
    interval_s = 1.0
    deadline_s = 1.0

    def __init__(self, host: Host, clock: Clock) -> None:
        self._host = host
        self._clock = clock

    async def sample(self) -> CpuSample:
        """Ask once. Raises SourceError when the system does not tell."""
        whole, each = self._host.cpu_times()
        return CpuSample(
            mono=self._clock.mono(),
            all=_ticks(whole),
            per_cpu={str(number): _ticks(times) for number, times in enumerate(each)},
            context_switches=self._host.context_switches(),
            runnable=None,
            blocked=None,
            load=self._host.load(),
            uptime_s=max(0.0, self._clock.wall() - self._host.boot_at()),
        )


def _ticks(seconds: Mapping[str, float]) -> CpuTimes:
    modes = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    return CpuTimes(*(round(seconds.get(mode, 0.0) * _TICKS_PER_S) for mode in modes))


class PortableMemory:
    """The classes that psutil has; the rest of the memory is in `other`."""

    name = "memory"
    interval_s = 1.0
    deadline_s = 1.0

    def __init__(self, host: Host, clock: Clock, page_bytes: int) -> None:
        self._host = host
        self._clock = clock
        self._page_bytes = page_bytes

    async def sample(self) -> MemorySample:
        """Ask once. Raises SourceError when the system does not tell."""
        known = self._host.memory()
        total, free, swapped_in, swapped_out = self._host.swap()
        meminfo = {
            "MemTotal": known["total"],
            "MemFree": known["free"],
            "MemAvailable": known["available"],
            "Buffers": known.get("buffers", 0),
            # psutil counts reclaimable slab as cached; it is not told apart, so it stays in the file cache
            "Cached": known.get("cached", 0),
            "Shmem": known.get("shared", 0),
            "SwapTotal": total,
            "SwapFree": free,
        }
        vmstat = {"pswpin": swapped_in // self._page_bytes, "pswpout": swapped_out // self._page_bytes}
        return MemorySample(mono=self._clock.mono(), meminfo=meminfo, vmstat=vmstat, page_bytes=self._page_bytes)


class PortableDisks:
    """Requests, bytes and times of each device; utilization and queue are known where the system counts busy time."""

    name = "disks"
    interval_s = 1.0
    deadline_s = 1.0

    def __init__(self, host: Host, clock: Clock) -> None:
        self._host = host
        self._clock = clock

    async def sample(self) -> DisksSample:
        """Ask once. Raises SourceError when the system does not tell."""
        rows = {
            name: DiskRow(
                each["read_count"],
                each["read_bytes"] // SECTOR_BYTES,
                each["read_time"],
                each["write_count"],
                each["write_bytes"] // SECTOR_BYTES,
                each["write_time"],
                each.get("busy_time"),
                None,
            )
            for name, each in self._host.disks().items()
        }
        return DisksSample(mono=self._clock.mono(), disks=rows)


class PortableFilesystems:
    """Local filesystems, in a worker, since a dead disk blocks the call."""

    name = "filesystems"
    interval_s = 2.0
    deadline_s = 2.0

    def __init__(self, host: Host, clock: Clock, worker: Worker) -> None:
        self._host = host
        self._clock = clock
        self._worker = worker

    async def sample(self) -> FilesystemsSample:
        """Ask once. Raises SourceError: TIMED_OUT while a filesystem does not answer."""
        return await self._worker.run(self._ask)

    def _ask(self) -> FilesystemsSample:
        rows, devices = {}, set()
        for device, path, kind, options in self._host.filesystems():
            if kind in _REMOTE or device in devices:
                continue
            devices.add(device)
            try:
                space = self._host.space(path)
            except SourceError:  # no right to look below its parent: the others still count
                continue
            if space.f_blocks:
                words = options.split(",")
                mount = Mount(path=path, device=printable(device, 100), kind=kind, read_only="ro" in words)
                rows[printable(path, 200)] = filesystem_row(mount, space)
        return FilesystemsSample(mono=self._clock.mono(), filesystems=rows)


class PortableNetwork:
    """Interfaces; psutil has no counters of TCP."""

    name = "network"
    interval_s = 1.0
    deadline_s = 1.0

    def __init__(self, host: Host, clock: Clock) -> None:
        self._host = host
        self._clock = clock

    async def sample(self) -> NetworkSample:
        """Ask once. Raises SourceError when the system does not tell."""
        rows = {
            printable(name, 32): InterfaceRow(*numbers)
            for name, numbers in self._host.interfaces().items()
            if numbers[0] or numbers[4]
        }
        return NetworkSample(
            mono=self._clock.mono(), interfaces=rows, segments_out=None, segments_retransmitted=None, established=None
        )


class PortableProcesses:
    """Every process through psutil, which is dear (0.1 ms each): as rarely as keeps it near 2 % of a core, at most each 10 s."""

    name = "processes"
    deadline_s = 10.0

    def __init__(self, host: Host, clock: Clock, worker: Worker) -> None:
        self.interval_s = 2.0
        self.wanted_all = False
        """Report every process, as a pane that shows them all asks for."""
        self._host = host
        self._clock = clock
        self._worker = worker
        self._cpu_s: dict[tuple[int, int], float] = {}

    async def sample(self) -> ProcessesSample:
        """Scan once. Raises SourceError: TIMED_OUT while an earlier scan is stuck."""
        return await self._worker.run(self._scan)

    def _scan(self) -> ProcessesSample:
        began = self._worker.cpu_s()
        rows = [_process_row(process) for process in self._host.processes()]
        mono = self._clock.mono()
        total = len(rows)
        used = {(row.pid, row.started_ticks): row.cpu_s for row in rows}
        before = self._cpu_s

        def grown(row: ProcessRow) -> float:
            return row.cpu_s - before.get((row.pid, row.started_ticks), row.cpu_s if before else 0.0)

        if not self.wanted_all and total > ROWS:
            by_cpu = sorted(rows, key=lambda row: (grown(row), row.resident_bytes), reverse=True)[: ROWS - 15]
            by_size = sorted(rows, key=lambda row: row.resident_bytes, reverse=True)
            rows = by_cpu + [row for row in by_size if row not in by_cpu][: ROWS - len(by_cpu)]
        self._cpu_s = used
        self.interval_s = min(10.0, max(2.0, (self._worker.cpu_s() - began) / 0.02))
        return ProcessesSample(mono=mono, total=total, rows=tuple(rows), complete=len(rows) == total)


def _process_row(process: HostProcess) -> ProcessRow:
    read, written = process.io_bytes or (None, None)
    return ProcessRow(
        pid=process.pid,
        started_ticks=round(process.created_at * _TICKS_PER_S),
        ppid=process.ppid,
        name=printable(process.name, 15),
        command=printable(" ".join(process.command), COMMAND_CHARACTERS),
        user=printable(process.user, 32),
        state=_STATES.get(process.status, "S"),
        cpu_s=process.cpu_s,
        resident_bytes=process.resident_bytes,
        threads=process.threads,
        major_faults=None,
        read_bytes=read,
        write_bytes=written,
    )
