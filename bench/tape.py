"""What a tape costs: bytes a day, CPU a frame, time to jump to a moment, speed of a replay.

Two inputs: a synthetic day of a busy 16-core database server with 50 processes, and this host as it is.

    python -m bench.tape [--frames 86400] [--minutes 10] [--live 60]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import msgspec

from perftui.clients.clock import SystemClock
from perftui.commands.sources import host_sources
from perftui.model.frame import Frame, Machine, Sample
from perftui.pipeline.feed import LiveFeed
from perftui.recording.codec import encode_frame
from perftui.recording.reader import Tape
from perftui.recording.writer import BLOCK_S, LEVEL, TapeFile
from perftui.sources.cpu import CpuSample, CpuTimes
from perftui.sources.disks import DiskRow, DisksSample
from perftui.sources.memory import MemorySample
from perftui.sources.network import InterfaceRow, NetworkSample
from perftui.sources.pressure import PressureSample, Stall, StallLine
from perftui.sources.processes import ProcessesSample, ProcessRow

DAY_S = 86_400
MACHINE = Machine(hostname="bench", system="Linux 6.1", cores=16, memory_bytes=64 << 30)
MEMINFO = (
    *("MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached", "AnonPages", "Shmem", "Dirty", "Writeback"),
    *("SReclaimable", "SUnreclaim", "KernelStack", "PageTables", "SwapFree"),
)
VMSTAT = ("pswpin", "pswpout", "pgmajfault", "oom_kill", "pgscan_kswapd", "pgscan_direct")


class BusyHost:
    """Counters of a database server on which, each second, 30 of 50 processes run, 15 do I/O and 10 change in size."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._cpus = [[self._random.randrange(10**7) for _ in range(8)] for _ in range(16)]
        self._disks = [[self._random.randrange(10**9) for _ in range(8)] for _ in range(4)]
        self._interfaces = [[self._random.randrange(10**11) for _ in range(8)] for _ in range(3)]
        self._memory = {name: self._random.randrange(10**7) * 1024 for name in MEMINFO}
        self._events = {name: self._random.randrange(10**7) for name in VMSTAT}
        self._stalled = [[self._random.randrange(10**9) for _ in range(2)] for _ in range(3)]
        self._processes = [self._process() for _ in range(50)]

    def frames(self, count: int) -> Iterator[Frame]:
        """One frame a second."""
        for seq in range(count):
            mono = round(4000 + seq + self._random.random() / 1000, 9)
            yield Frame(seq=seq, at=1_770_000_000 + mono, mono=mono, samples=self._samples(mono, seq))

    def _process(self) -> ProcessRow:
        pid = self._random.randrange(1000, 4_000_000)
        address = f"10.{self._random.randrange(255)}.{self._random.randrange(255)}.{self._random.randrange(255)}"
        return ProcessRow(
            pid=pid,
            started_ticks=self._random.randrange(10**8),
            ppid=self._random.choice((1, 812)),
            name=self._random.choice(("postgres", "java", "python3", "nginx", "node")),
            command=f"postgres: orders_app orders {address}({pid % 60000}) idle in transaction " + "x" * (pid % 90),
            user=self._random.choice(("postgres", "root", "app")),
            state="S",
            cpu_s=self._random.randrange(10**6) / 100,
            resident_bytes=self._random.randrange(10**6) * 4096,
            threads=self._random.randrange(1, 90),
            major_faults=self._random.randrange(1000),
            read_bytes=self._random.randrange(10**9) * 4096,
            write_bytes=self._random.randrange(10**9) * 4096,
            open_files=self._random.randrange(900),
            open_files_limit=1024,
        )

    def _samples(self, mono: float, seq: int) -> dict[str, Sample]:
        step = self._random.randrange
        for cpu in self._cpus:
            for mode, most in enumerate((60, 1, 30, 40, 10, 1, 3, 1)):
                cpu[mode] += step(most)
        for row in self._disks + self._interfaces:
            for column in range(len(row)):
                row[column] += step(5000) if seq % 3 else 0
        for name in self._memory:
            self._memory[name] += step(-500, 500) * 4096
        for name in self._events:
            self._events[name] += step(50)
        for stall in self._stalled:
            stall[0] += step(90_000)
            stall[1] += step(40_000)
        for number in range(50):
            self._processes[number] = self._moved(self._processes[number], number)
        return {
            "cpu": CpuSample(
                mono=mono,
                all=CpuTimes(*(sum(column) for column in zip(*self._cpus, strict=True))),
                per_cpu={str(number): CpuTimes(*cpu) for number, cpu in enumerate(self._cpus)},
                context_switches=seq * 31_337 + step(9000),
                runnable=step(40),
                blocked=step(9),
                load=(step(3000) / 100, 12.25, 9.5),
                uptime_s=mono,
            ),
            "pressure": PressureSample(mono=mono, **dict(zip(("cpu", "io", "memory"), self._pressure(), strict=True))),
            "memory": MemorySample(
                mono=mono, meminfo={"MemTotal": 64 << 30, **self._memory}, vmstat=dict(self._events)
            ),
            "processes": ProcessesSample(mono=mono, total=900 + step(20), rows=tuple(self._processes)),
            "disks": DisksSample(
                mono=mono, disks={f"nvme{number}n1": DiskRow(*row) for number, row in enumerate(self._disks)}
            ),
            "network": NetworkSample(
                mono=mono,
                interfaces={f"eth{number}": InterfaceRow(*row) for number, row in enumerate(self._interfaces)},
                segments_out=seq * 9000 + step(900),
                segments_retransmitted=seq + step(9),
                established=800 + step(50),
            ),
        }

    def _pressure(self) -> list[Stall]:
        share = self._random.randrange(9000) / 100
        return [
            Stall(StallLine(share, 5.5, 1.25, some), StallLine(0.5, 0.25, 0.0, full)) for some, full in self._stalled
        ]

    def _moved(self, row: ProcessRow, number: int) -> ProcessRow:
        step = self._random.randrange
        if step(2000) == 0:
            return self._process()
        changed: dict[str, object] = {}
        if step(50) < 30:
            changed |= {"cpu_s": round(row.cpu_s + self._random.random() / 3, 9), "state": self._random.choice("SSSRD")}
        if step(50) < 15:
            changed |= {
                "read_bytes": (row.read_bytes or 0) + step(900) * 4096,
                "write_bytes": (row.write_bytes or 0) + step(900) * 4096,
            }
        if step(50) < 10:
            changed["resident_bytes"] = row.resident_bytes + step(90) * 4096
        return msgspec.structs.replace(row, **changed) if changed else row


def record(path: Path, frames: Iterator[Frame], *, level: int = LEVEL, block_s: float = BLOCK_S) -> tuple[int, float]:
    """Write a tape; its frames and the CPU seconds that writing took (encoding, packing, system calls)."""
    tape = TapeFile(path, MACHINE, level=level, block_s=block_s)
    count, spent = 0, 0.0
    for frame in frames:
        began = time.thread_time()
        tape.append(frame)
        spent += time.thread_time() - began
        count += 1
    tape.finish()
    tape.close()
    return count, spent


def sizes(folder: Path, minutes: int) -> None:
    """Level and block length against size and CPU."""
    frames = list(BusyHost(1).frames(minutes * 60))
    raw = sum(len(encode_frame(frame)) for frame in frames) / len(frames)
    print(f"one frame as JSON: {raw:.0f} bytes; {raw * DAY_S / 1e6:.0f} MB a day")
    print("level  block_s  bytes/frame  MB/day  CPU ms/frame")
    for level in (1, 2, 3, 6, 9):
        for block_s in (30.0, 60.0, 120.0):
            path = folder / f"{level}-{block_s}.ptape"
            count, spent = record(path, iter(frames), level=level, block_s=block_s)
            each = path.stat().st_size / count
            print(f"{level:5d}  {block_s:7.0f}  {each:11.0f}  {each * DAY_S / 1e6:6.1f}  {spent / count * 1e3:12.3f}")


def day(folder: Path, frames: int) -> None:
    """Size, jumps and replay of a long tape."""
    path = folder / "day.ptape"
    count, spent = record(path, BusyHost(2).frames(frames))
    size = path.stat().st_size
    print(f"tape of {count} frames: {size / 1e6:.1f} MB, {size / count * DAY_S / 1e6:.1f} MB a day")
    print(f"write: {spent / count * 1e3:.3f} ms of CPU a frame")
    for label, cold in (("warm", False), ("file not in the page cache", True)):
        if cold:
            forget(path)
        began = time.perf_counter()
        tape = Tape(path)
        opened = time.perf_counter() - began
        first, last = tape.span()
        print(f"open ({label}): {opened * 1e3:.1f} ms, with its span {(time.perf_counter() - began) * 1e3:.1f} ms")
        moments = [random.Random(3).uniform(first, last) for _ in range(200)]
        jumps = []
        for moment in moments:
            if cold:
                forget(path)
            began = time.perf_counter()
            next(tape.frames(moment))
            jumps.append(time.perf_counter() - began)
        print(f"jump ({label}): median {median(jumps) * 1e3:.1f} ms, longest {max(jumps) * 1e3:.1f} ms")
        tape.close()
    tape = Tape(path)
    began = time.perf_counter()
    replayed = sum(1 for _ in tape.frames())
    print(f"replay: {replayed / (time.perf_counter() - began):.0f} frames/s")
    print(f"resident at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


async def live(folder: Path, seconds: int) -> None:
    """This host as it is now."""
    path = folder / "live.ptape"
    frames: list[Frame] = []
    async for frame in LiveFeed(host_sources(), SystemClock()):
        frames.append(frame)
        if len(frames) >= seconds:
            break
    count, spent = record(path, iter(frames))
    size = path.stat().st_size / count
    rows = [len(sample.rows) for f in frames if isinstance(sample := f.samples.get("processes"), ProcessesSample)]
    print(f"this host for {seconds} s, {median(rows):.0f} processes a frame: {size:.0f} bytes a frame,")
    print(f"{size * DAY_S / 1e6:.1f} MB a day; {spent / count * 1e3:.3f} ms of CPU a frame")


def forget(path: Path) -> None:
    """Take this one file out of the page cache."""
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=DAY_S)
    parser.add_argument("--minutes", type=int, default=10, help="length of the tapes that levels are compared on")
    parser.add_argument("--live", type=int, default=60, help="seconds to sample this host for; 0 leaves it out")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sizes(Path(folder), args.minutes)
        day(Path(folder), args.frames)
        if args.live:
            asyncio.run(live(Path(folder), args.live))


if __name__ == "__main__":
    main()
