"""Our numbers beside those of vmstat, iostat and free, over the same 5 s under a mixed load.

A tool reads the kernel's counters and prints at once, so each of its reports starts and ends a window: we sample when its line
arrives. Under load that is some milliseconds late, of 5,000.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.kernel_files import KernelFiles
from perftui.drills import swap_thrash
from perftui.drills.marks import running
from perftui.sources import cpu, disks, memory
from tests import faults

pytestmark = pytest.mark.fault

WINDOW_S = 5
TWO_POINTS = 0.02
FIVE_PER_CENT = 0.05


class Read(msgspec.Struct):
    cpu: cpu.CpuSample
    memory: memory.MemorySample
    disks: disks.DisksSample


class Host:
    def __init__(self) -> None:
        files, clock = KernelFiles(), SystemClock()
        self._cpu = cpu.Cpu(files, clock)
        self._memory = memory.Memory(files, clock, os.sysconf("SC_PAGE_SIZE"))
        self._disks = disks.Disks(files, clock)

    async def read(self) -> Read:
        return Read(cpu=await self._cpu.sample(), memory=await self._memory.sample(), disks=await self._disks.sample())


async def lines(*command: str) -> AsyncIterator[str]:
    tool = await asyncio.create_subprocess_exec(
        *("stdbuf", "-oL", *command), stdout=asyncio.subprocess.PIPE, env={**os.environ, "LC_ALL": "C"}
    )
    assert tool.stdout is not None
    async for line in tool.stdout:
        yield line.decode().rstrip()
    await tool.wait()


async def beside_vmstat(host: Host) -> tuple[Read, Read, dict[str, int]]:
    """Our samples around vmstat's second report, and that report."""
    names: list[str] = []
    reads: list[Read] = []
    report: dict[str, int] = {}
    async for line in lines("vmstat", "-n", "-w", str(WINDOW_S), "2"):
        words = line.split()
        if words[0] == "r":
            names = words
        elif words[0].isdigit():
            reads.append(await host.read())
            report = dict(zip(names, map(int, words), strict=False))
    return reads[0], reads[1], report


async def beside_iostat(host: Host, disk: str) -> tuple[Read, Read, dict[str, float]]:
    """Our samples around iostat's second report, and that report."""
    names: list[str] = []
    reads: list[Read] = []
    report: dict[str, float] = {}
    async for line in lines("iostat", "-d", "-x", "-k", disk, str(WINDOW_S), "2"):
        words = line.split()
        if words[:1] == ["Device"]:
            names = words[1:]
        elif words[:1] == [disk]:
            reads.append(await host.read())
            report = dict(zip(names, map(float, words[1:]), strict=True))
    return reads[0], reads[1], report


async def beside_free() -> list[tuple[memory.MemorySample, dict[str, int], memory.MemorySample]]:
    """Rounds of: ours, `free -b`, ours."""
    source = memory.Memory(KernelFiles(), SystemClock(), os.sysconf("SC_PAGE_SIZE"))
    rounds = []
    for _ in range(20):
        before = await source.sample()
        table = [line.split() async for line in lines("free", "-b", "-w")]
        rounds.append((before, dict(zip(table[0], map(int, table[1][1:]), strict=True)), await source.sample()))
        await asyncio.sleep(0.1)
    return rounds


def disk_below(folder: Path) -> str:
    files = KernelFiles()
    parts = files.link(f"/sys/dev/block/{files.device(str(folder))}").split("/")
    return parts[parts.index("block") + 1]


@contextlib.contextmanager
def mixed_load(folder: Path) -> Iterator[None]:
    """One core three quarters busy, steady direct writes, and a group that swaps."""
    busy = ["stress-ng", "--cpu", "1", "--cpu-load", "75", "--cpu-method", "int64", "--timeout", "60", "-q"]
    writes = [
        "fio", "--name=write", f"--filename={folder / 'pt-write.dat'}", "--size=128M", "--rw=write", "--bs=64k", "--direct=1",
        "--ioengine=psync", "--rate=24m", "--time_based", "--runtime=60",
    ]  # fmt: skip
    with running(busy), running(writes, within=folder), swap_thrash.thrashing(folder):
        yield


def swapped(sample: memory.MemorySample) -> int:
    return sample.vmstat["pswpin"] + sample.vmstat["pswpout"]


@contextlib.contextmanager
def first_in_line() -> Iterator[None]:
    """We and the tools run before the load, so that both read the same moment however busy the machine is."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


async def settled(host: Host) -> None:
    """Wait until the load does all it should: the disk is written and the group swaps."""
    began = (await host.read()).memory
    async with asyncio.timeout(20):
        while swapped((await host.read()).memory) - swapped(began) < 20_000:
            await asyncio.sleep(0.1)


async def test_agrees_with_vmstat_iostat_and_free_under_a_mixed_load(tmp_path: Path) -> None:
    faults.need("vmstat", "iostat", "free", "stress-ng", "fio", "stdbuf", controller="memory")
    host, disk = Host(), disk_below(tmp_path)
    with mixed_load(tmp_path):
        await settled(host)
        with first_in_line():
            vmstat, iostat, free = await asyncio.gather(beside_vmstat(host), beside_iostat(host, disk), beside_free())

    agree_on_cpu_and_swap(*vmstat)
    agree_on_disk(*iostat, disk)
    for each in free:
        agree_on_memory(*each)


def agree_on_cpu_and_swap(before: Read, after: Read, vmstat: dict[str, int]) -> None:
    ours = cpu.derive(before.cpu, after.cpu).cpu
    assert None not in (ours.user_ratio, ours.nice_ratio, ours.system_ratio, ours.irq_ratio, ours.softirq_ratio)
    shares = {
        "us": (ours.user_ratio or 0) + (ours.nice_ratio or 0),
        "sy": (ours.system_ratio or 0) + (ours.irq_ratio or 0) + (ours.softirq_ratio or 0),
        "id": ours.idle_ratio,
        "wa": ours.iowait_ratio,
        "st": ours.steal_ratio,
    }
    assert shares == {name: pytest.approx(vmstat[name] / 100, abs=TWO_POINTS) for name in shares}
    assert vmstat["us"] + vmstat["sy"] > 30, "the load was there"

    swap = memory.derive(before.memory, after.memory).swap
    assert min(vmstat["si"], vmstat["so"]) > 1000, "the group swapped"
    assert swap.in_bytes_per_s == pytest.approx(vmstat["si"] * 1024, rel=FIVE_PER_CENT)
    assert swap.out_bytes_per_s == pytest.approx(vmstat["so"] * 1024, rel=FIVE_PER_CENT)


def agree_on_disk(before: Read, after: Read, iostat: dict[str, float], disk: str) -> None:
    ours = disks.derive(before.disks, after.disks).disks[disk]
    assert ours.swap, "the swap file lies on it"
    assert iostat["wkB/s"] > 10_000, "the load was there"
    assert ours.write_bytes_per_s == pytest.approx(iostat["wkB/s"] * 1024, rel=FIVE_PER_CENT)
    assert ours.read_bytes_per_s == pytest.approx(iostat["rkB/s"] * 1024, rel=FIVE_PER_CENT)
    assert ours.writes_per_s == pytest.approx(iostat["w/s"], rel=FIVE_PER_CENT)
    assert ours.reads_per_s == pytest.approx(iostat["r/s"], rel=FIVE_PER_CENT)
    assert ours.queue_length == pytest.approx(iostat["aqu-sz"], rel=FIVE_PER_CENT, abs=0.02)
    assert ours.utilization_ratio == pytest.approx(iostat["%util"] / 100, abs=TWO_POINTS)
    requests = iostat["r/s"] + iostat["w/s"]
    wait_ms = (iostat["r_await"] * iostat["r/s"] + iostat["w_await"] * iostat["w/s"]) / requests
    assert ours.await_s == pytest.approx(wait_ms / 1000, rel=FIVE_PER_CENT, abs=0.0001)


def agree_on_memory(before: memory.MemorySample, free: dict[str, int], after: memory.MemorySample) -> None:
    readings = [memory.derive(None, sample).memory for sample in (before, after)]
    for reading in readings:
        assert reading.total_bytes == free["total"]
        assert sum(msgspec.structs.astuple(reading.classes)) == reading.total_bytes
    between("free", free["free"], *(reading.classes.free_bytes for reading in readings))
    between("available", free["available"], *(reading.available_bytes for reading in readings))


def between(what: str, theirs: int, first: int, second: int) -> None:
    """Memory moves while the tool starts: its number lies between ours before and after, but for a wave of 24 MB."""
    wave = 24 << 20
    assert min(first, second) - wave <= theirs <= max(first, second) + wave, what
