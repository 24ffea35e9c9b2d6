"""The sources for other systems, run here beside the direct ones: where both can tell, they tell the same."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

import msgspec
import pytest

from perftui.commands.sources import host_sources
from perftui.model.frame import Sample
from perftui.sources import cpu, disks, filesystems, memory, network, processes
from perftui.sources.kind import Source

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the direct sources to compare with")


@pytest.fixture(scope="module")
def portable() -> dict[str, Source]:
    return {source.name: source for source in host_sources("darwin")}


@pytest.fixture(scope="module")
def direct() -> dict[str, Source]:
    return {source.name: source for source in host_sources("linux")}


async def both(name: str, portable: dict[str, Source], direct: dict[str, Source]) -> tuple[Sample, Sample]:
    return await portable[name].sample(), await direct[name].sample()


async def test_cpu(portable: dict[str, Source], direct: dict[str, Source]) -> None:
    theirs, ours = await both("cpu", portable, direct)
    assert isinstance(theirs, cpu.CpuSample)
    assert isinstance(ours, cpu.CpuSample)
    assert theirs.per_cpu.keys() == ours.per_cpu.keys()
    for mode in cpu.CpuTimes.__struct_fields__:
        assert getattr(theirs.all, mode) == pytest.approx(getattr(ours.all, mode), abs=50)
    assert theirs.load is not None
    assert ours.load is not None
    assert theirs.load == pytest.approx(ours.load, abs=0.02)
    assert theirs.uptime_s == pytest.approx(ours.uptime_s, abs=1.5)
    assert theirs.runnable is None


async def test_memory(portable: dict[str, Source], direct: dict[str, Source]) -> None:
    samples = await both("memory", portable, direct)
    theirs, ours = (memory.derive(None, sample) for sample in samples if isinstance(sample, memory.MemorySample))
    assert theirs.memory.total_bytes == ours.memory.total_bytes
    assert theirs.memory.available_bytes == pytest.approx(ours.memory.available_bytes, abs=64 << 20)
    assert theirs.swap.total_bytes == ours.swap.total_bytes
    assert sum(msgspec.structs.astuple(theirs.memory.classes)) == theirs.memory.total_bytes
    assert theirs.memory.classes.free_bytes == pytest.approx(ours.memory.classes.free_bytes, abs=64 << 20)
    assert theirs.memory.oom_kills_total is None


async def test_disks(portable: dict[str, Source], direct: dict[str, Source]) -> None:
    theirs, ours = await both("disks", portable, direct)
    assert isinstance(theirs, disks.DisksSample)
    assert isinstance(ours, disks.DisksSample)
    assert theirs.disks.keys() >= ours.disks.keys()
    for name, row in ours.disks.items():
        assert theirs.disks[name].reads == pytest.approx(row.reads, rel=0.02)
        assert theirs.disks[name].write_sectors == pytest.approx(row.write_sectors, rel=0.02)
        assert theirs.disks[name].queue_ms is None


async def test_filesystems(portable: dict[str, Source], direct: dict[str, Source]) -> None:
    theirs, ours = await both("filesystems", portable, direct)
    assert isinstance(theirs, filesystems.FilesystemsSample)
    assert isinstance(ours, filesystems.FilesystemsSample)
    assert theirs.filesystems
    for path, row in theirs.filesystems.items():
        if path in ours.filesystems:
            assert row.total_bytes == ours.filesystems[path].total_bytes
            assert row.available_bytes == pytest.approx(ours.filesystems[path].available_bytes, abs=64 << 20)


async def test_network(portable: dict[str, Source], direct: dict[str, Source]) -> None:
    theirs, ours = await both("network", portable, direct)
    assert isinstance(theirs, network.NetworkSample)
    assert isinstance(ours, network.NetworkSample)
    assert theirs.interfaces.keys() == ours.interfaces.keys()
    assert theirs.segments_out is None
    for name, row in ours.interfaces.items():
        assert theirs.interfaces[name].receive_packets == pytest.approx(row.receive_packets, rel=0.05, abs=50)


def row_of_this_process(rows: Sequence[processes.ProcessRow]) -> processes.ProcessRow:
    return next(row for row in rows if row.pid == os.getpid())


async def test_processes(portable: dict[str, Source], direct: dict[str, Source]) -> None:
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    theirs, ours = await both("processes", portable, direct)
    assert isinstance(theirs, processes.ProcessesSample)
    assert isinstance(ours, processes.ProcessesSample)
    assert theirs.total == pytest.approx(ours.total, abs=20)
    assert len(theirs.rows) <= processes.ROWS
    this, same = row_of_this_process(theirs.rows), row_of_this_process(ours.rows)
    assert (this.ppid, this.name, this.user) == (same.ppid, same.name, same.user)
    assert this.command[:100] == same.command[:100]
    assert this.cpu_s == pytest.approx(same.cpu_s, abs=0.3)
    assert this.resident_bytes == pytest.approx(same.resident_bytes, rel=0.2)
