"""Snapshots of a host, made by pushing samples through a history, that the tests of views and reports share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from perftui.findings.verdict import verdict
from perftui.history.history import HistoryStore
from perftui.history.trends import TRENDS
from perftui.model.failure import Failed, FailureKind
from perftui.model.finding import Finding
from perftui.model.frame import Frame, Machine, Mark, Sample
from perftui.pipeline.snapshot import Snapshot
from perftui.sources import (
    cgroups,
    cpu,
    disks,
    file_handles,
    filesystems,
    kernel_log,
    memory,
    network,
    pressure,
    processes,
)
from perftui.sources.cgroups import CgroupCpuReading, CgroupReading, CgroupsPart
from perftui.sources.cpu import CpuSample, CpuTimes
from perftui.sources.disks import DiskReading, DisksPart
from perftui.sources.file_handles import FileHandlesPart, FileHandlesReading
from perftui.sources.filesystems import FilesystemReading, FilesystemsPart
from perftui.sources.kernel_log import KernelLogPart, OomKill
from perftui.sources.kind import Part, SourceKind
from perftui.sources.memory import MemorySample
from perftui.sources.network import InterfaceReading, NetworkPart, TcpReading
from perftui.sources.pressure import PressureSample, Stall, StallLine
from perftui.sources.processes import ProcessesSample, ProcessRow

GIB = 1 << 30
MIB = 1 << 20
STARTED_AT = 1_770_806_497.0
"""2026-02-11 10:41:37 UTC; 30 s later it is 10:42:07."""
MACHINE = Machine(hostname="db-prod-3", system="Linux 6.1.0-18-amd64", cores=4, memory_bytes=64 * GIB)


class Given(Sample, frozen=True, kw_only=True):
    """A sample that carries its readings: for sources whose derivation is not what is tested here."""

    part: Part


def given(name: str, part: type[Part], root: str = "host", stale_s: float = 3.0) -> SourceKind:
    return SourceKind(
        name=name, sample=Given, part=part, derive=lambda previous, current: current.part, root=root, stale_s=stale_s
    )


KINDS = (
    cpu.KIND,
    pressure.KIND,
    memory.KIND,
    processes.KIND,
    given("disks", disks.DisksPart),
    given("filesystems", filesystems.FilesystemsPart),
    given("network", network.NetworkPart),
    given("cgroups", cgroups.CgroupsPart),
    given("kernel_log", kernel_log.KernelLogPart),
    given("file_handles", file_handles.FileHandlesPart),
)

DISKS = DisksPart(
    disks={
        "sdb": DiskReading(
            utilization_ratio=0.0,
            await_s=None,
            queue_length=0.0,
            read_bytes_per_s=0.0,
            write_bytes_per_s=0.0,
            reads_per_s=0.0,
            writes_per_s=0.0,
        ),
        "vda": DiskReading(
            utilization_ratio=0.12,
            await_s=0.0008,
            queue_length=0.3,
            read_bytes_per_s=140.0 * MIB,
            write_bytes_per_s=2.5 * MIB,
            reads_per_s=1200.0,
            writes_per_s=42.0,
            swap=True,
        ),
    }
)


def filesystem(used: float, total: int = 100 * GIB, **changes: Any) -> FilesystemReading:
    reading = FilesystemReading(
        total_bytes=total,
        free_bytes=round(total * (1 - used)),
        used_ratio=used,
        inodes_used_ratio=0.01,
        fill_bytes_per_s=0.0,
        device="/dev/vda1",
        kind="ext4",
        read_only=False,
    )
    return msgspec.structs.replace(reading, **changes)


FILESYSTEMS = FilesystemsPart(
    filesystems={
        "/": filesystem(0.41),
        "/var/lib/postgresql": filesystem(0.63, 900 * GIB),
        "/snap/core": filesystem(1.0, 64 * MIB, read_only=True, kind="squashfs", inodes_used_ratio=None),
    }
)
NETWORK = NetworkPart(
    network={
        "lo": InterfaceReading(
            receive_bytes_per_s=99.0 * MIB, transmit_bytes_per_s=99.0 * MIB, drops_per_s=0.0, errors_per_s=0.0
        ),
        "eth0": InterfaceReading(
            receive_bytes_per_s=12.0 * MIB, transmit_bytes_per_s=3.0 * MIB, drops_per_s=7.0, errors_per_s=None
        ),
    },
    tcp=TcpReading(retransmit_ratio=0.004, segments_out_per_s=8000.0, retransmits_per_s=32.0, established=212),
)
CGROUPS = CgroupsPart(
    cgroups={
        "/kubepods/pod-1": CgroupReading(
            quota_cores=2.0,
            throttled_ratio=0.37,
            throttled_s_per_s=0.5,
            memory_limit_bytes=512 * MIB,
            memory_used_bytes=410 * MIB,
            memory_used_ratio=0.8,
            oom_kills_total=2,
            oom_kills_per_s=0.0,
            own=True,
        )
    },
    cpu=CgroupCpuReading(throttled_ratio=0.37),
    cgroup_version=2,
)
KERNEL_LOG = KernelLogPart(oom_kills=(OomKill(pid=99, name="leaky", resident_bytes=2 * GIB, cgroup="/kubepods/pod-1"),))
FILE_HANDLES = FileHandlesPart(file_handles=FileHandlesReading(open=4096, limit=100_000, used_ratio=0.04096))

MEMINFO = {
    "MemTotal": 64 * GIB,
    "MemFree": 3 * GIB,
    "MemAvailable": 14 * GIB,
    "Buffers": 1 * GIB,
    "Cached": 19 * GIB,
    "AnonPages": 38 * GIB,
    "Shmem": 2 * GIB,
    "Dirty": 200 * MIB,
    "SReclaimable": 1 * GIB,
    "SwapTotal": 8 * GIB,
    "SwapFree": 7 * GIB + 800 * MIB,
}


def process(pid: int, name: str, cpu_s: float = 0.0, ppid: int = 1, **changes: Any) -> ProcessRow:
    row = ProcessRow(
        pid=pid,
        started_ticks=pid * 10,
        ppid=ppid,
        name=name,
        command=f"/usr/bin/{name} --serve",
        user="postgres",
        state="S",
        cpu_s=cpu_s,
        resident_bytes=200 * MIB,
        threads=1,
        major_faults=0,
        read_bytes=0,
        write_bytes=0,
    )
    return msgspec.structs.replace(row, **changes)


def cpu_sample(second: int, mono: float) -> CpuSample:
    """22 % user, 7 % system, 2 % softirq, 4 % I/O wait of four CPUs."""
    each = CpuTimes(22 * second, 0, 7 * second, 65 * second, 4 * second, 0, 2 * second, 0)
    whole = CpuTimes(*(4 * getattr(each, mode) for mode in CpuTimes.__struct_fields__))
    return CpuSample(
        mono=mono,
        all=whole,
        per_cpu={str(i): each for i in range(4)},
        context_switches=12_000 * second,
        runnable=3,
        blocked=0,
        load=(1.25, 0.9, 0.8),
        uptime_s=86_400.0 * 4 + second,
    )


def pressure_sample(second: int, mono: float) -> PressureSample:
    stall = Stall(StallLine(2.0, 1.0, 1.0, 20_000 * second), StallLine(1.0, 1.0, 1.0, 10_000 * second))
    return PressureSample(mono=mono, cpu=stall, io=stall, memory=stall)


def memory_sample(second: int, mono: float) -> MemorySample:
    vmstat = {
        "pswpin": 0,
        "pswpout": 0,
        "pgmajfault": 5 * second,
        "oom_kill": 2,
        "pgscan_kswapd": 0,
        "pgscan_direct": 0,
    }
    return MemorySample(mono=mono, meminfo=MEMINFO, vmstat=vmstat)


def processes_sample(second: int, mono: float) -> ProcessesSample:
    rows = (
        process(1, "systemd", 0.0, ppid=0, user="root"),
        process(4242, "postgres", 0.5 * second, read_bytes=4 * MIB * second, swapped_bytes=3 * MIB),
        process(4310, "postgres", 2.5 * second, ppid=4242, state="D"),
        process(777, "evil", 0.1 * second, command="x [bold]y[/bold]", user="mallory", read_bytes=None),
    )
    return ProcessesSample(mono=mono, total=212, rows=rows)


def samples(second: int, mono: float) -> dict[str, Sample]:
    """All that is read in one tick of a host that is well."""
    carried = {
        "disks": DISKS,
        "filesystems": FILESYSTEMS,
        "network": NETWORK,
        "cgroups": CGROUPS,
        "kernel_log": KERNEL_LOG,
        "file_handles": FILE_HANDLES,
    }
    return {
        "cpu": cpu_sample(second, mono),
        "pressure": pressure_sample(second, mono),
        "memory": memory_sample(second, mono),
        "processes": processes_sample(second, mono),
        **{name: Given(mono=mono, part=part) for name, part in carried.items()},
    }


Change = Callable[[int, dict[str, Sample]], Mapping[str, Sample]]


def host(
    seconds: int = 30,
    change: Change = lambda second, read: read,
    findings: tuple[Finding, ...] = (),
    marks: Mapping[int, str] = {},
    kinds: Sequence[SourceKind] = KINDS,
    failures: Mapping[str, Failed] = {},
) -> Snapshot:
    """A host watched for so many seconds, a tick each; the verdict follows from the given findings.

    Args:
        change: Gives the samples of a second from the healthy ones; a source that it leaves out has failed.
        marks: Text by second.
        failures: How a source fails when it does; the others are denied.
    """
    store = HistoryStore(kinds, trends=TRENDS)
    for second in range(seconds + 1):
        mono, at = 100.0 + second, STARTED_AT + second
        read = change(second, samples(second, mono))
        failed = {
            kind.name: failures.get(
                kind.name, Failed(kind=FailureKind.DENIED, detail=f"/proc/{kind.name}: not allowed; run as root")
            )
            for kind in kinds
            if kind.name not in read
        }
        marked = (Mark(at=at, text=marks[second]),) if second in marks else ()
        history = store.push(Frame(seq=second, at=at, mono=mono, samples=read, failed=failed, marks=marked))
    return Snapshot(machine=MACHINE, history=history, findings=findings, verdict=verdict(history, findings))


def without(*sources: str, after: int = 0) -> Change:
    """These sources fail after that second, from the start when it is 0."""

    def change(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        return {name: one for name, one in read.items() if name not in sources or 0 < second <= after}

    return change
