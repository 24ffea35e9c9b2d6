"""Processes: /proc/PID/stat, cmdline, io, fd, and each process' CPU clock."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from perftui.model.frame import Sample
from perftui.sources.counters import per_second
from perftui.sources.kind import Part, SourceKind

ROWS = 50
"""Processes in a sample, unless all are asked for."""


class ProcessRow(msgspec.Struct, frozen=True, array_like=True):
    """One process as read. Identity is (pid, started_ticks): a pid alone is used again."""

    pid: int
    started_ticks: int
    """Clock ticks after boot; 0 where the system gives none."""
    ppid: int
    name: str
    """comm, at most 15 bytes, control characters replaced."""
    command: str
    """Command line, at most 200 characters, control characters replaced; empty for kernel threads."""
    user: str
    """Name from /etc/passwd, otherwise the number."""
    state: str
    """One letter as in ps: R S D Z T I."""
    cpu_s: float
    """CPU time used since its start, all threads."""
    resident_bytes: int
    threads: int
    major_faults: int | None
    read_bytes: int | None
    """Read from disks since its start (/proc/PID/io); None without the right to know."""
    write_bytes: int | None
    swapped_bytes: int | None = None
    """VmSwap; read only for the leading rows."""
    open_files: int | None = None
    open_files_limit: int | None = None


class ProcessesSample(Sample, frozen=True, kw_only=True):
    """The processes that matter: leaders by CPU, memory, disk and swap, those that wait for a disk, and what was asked for."""

    total: int
    """Processes (not threads) on the host or in this container's PID namespace."""
    rows: tuple[ProcessRow, ...]
    """At most 50 unless all were asked for."""
    complete: bool = False
    """`rows` are all processes there are."""


class ProcessReading(msgspec.Struct, frozen=True, kw_only=True):
    pid: int
    """Process number; used again after it ends."""
    ppid: int
    """The parent's process number."""
    started_ticks: int
    """Clock ticks from boot to its start: tells it from a later process of the same pid."""
    name: str
    """The name the kernel keeps (comm), at most 15 bytes."""
    command: str
    """Command line, at most 200 characters; empty for kernel threads."""
    user: str
    """Who it runs as."""
    state: str
    """One letter as in ps: R runs, S sleeps, D waits for a disk, Z has ended unnoticed, T is stopped."""
    cpu_ratio: float | None
    """CPUs in use, as %CPU of top divided by 100: 1 is one whole CPU, more with threads. None at first sight."""
    resident_bytes: int
    """Memory it holds, shared pages included (RSS)."""
    threads: int
    """Threads it has."""
    major_faults_per_s: float | None
    """Page faults that had to read a disk, swap included."""
    read_bytes_per_s: float | None
    """None at first sight, or without the right to read /proc/PID/io."""
    write_bytes_per_s: float | None
    """Sent towards disks; None as for read."""
    swapped_bytes: int | None
    """Its pages in swap; None where that was not read."""
    open_files: int | None
    """Descriptors it has open; None where that was not read."""
    open_files_limit: int | None
    """How many it may open (soft limit)."""


class ProcessesReading(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    """Processes (not threads) on the host or in this container's PID namespace."""
    complete: bool
    """`top` holds all of them."""
    top: tuple[ProcessReading, ...]
    """By CPU, then memory; highest first."""


class ProcessesPart(Part, frozen=True, kw_only=True):
    processes: ProcessesReading

    def extra_series(self) -> Iterable[tuple[str, float]]:
        """Resident memory of the 30 largest, by identity, for their growth; open files of those near their limit."""
        largest = sorted(self.processes.top, key=lambda p: p.resident_bytes, reverse=True)[:30]
        near = [p for p in self.processes.top if p.open_files and p.open_files > 0.5 * (p.open_files_limit or math.inf)]
        return [
            *((resident_series(p), p.resident_bytes) for p in largest),
            *((files_series(p), p.open_files or 0) for p in near),
        ]


def resident_series(process: ProcessReading) -> str:
    """The name under which the history keeps a process' resident memory."""
    return f"host.processes.resident.{process.pid}:{process.started_ticks}"


def files_series(process: ProcessReading) -> str:
    """The name under which the history keeps the open files of a process near its limit."""
    return f"host.processes.open_files.{process.pid}:{process.started_ticks}"


def derive(previous: ProcessesSample | None, current: ProcessesSample) -> ProcessesPart:
    """Readings between two samples; rates are None for a process that was not in the previous one."""
    before = {(row.pid, row.started_ticks): row for row in previous.rows} if previous else {}
    elapsed = current.mono - previous.mono if previous else 0.0
    top = [_reading(before.get((row.pid, row.started_ticks)), row, elapsed) for row in current.rows]
    top.sort(key=lambda p: (p.cpu_ratio or 0.0, p.resident_bytes), reverse=True)
    return ProcessesPart(
        processes=ProcessesReading(total=current.total, complete=current.complete, top=tuple(top)),
    )


def _reading(previous: ProcessRow | None, row: ProcessRow, elapsed_s: float) -> ProcessReading:
    return ProcessReading(
        pid=row.pid,
        ppid=row.ppid,
        started_ticks=row.started_ticks,
        name=row.name,
        command=row.command,
        user=row.user,
        state=row.state,
        cpu_ratio=per_second(previous.cpu_s if previous else None, row.cpu_s, elapsed_s),
        resident_bytes=row.resident_bytes,
        threads=row.threads,
        major_faults_per_s=per_second(previous.major_faults if previous else None, row.major_faults, elapsed_s),
        read_bytes_per_s=per_second(previous.read_bytes if previous else None, row.read_bytes, elapsed_s),
        write_bytes_per_s=per_second(previous.write_bytes if previous else None, row.write_bytes, elapsed_s),
        swapped_bytes=row.swapped_bytes,
        open_files=row.open_files,
        open_files_limit=row.open_files_limit,
    )


KIND = SourceKind(name="processes", sample=ProcessesSample, part=ProcessesPart, derive=derive, stale_s=15.0)
