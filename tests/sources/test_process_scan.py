"""Scans of this machine's real processes; time goes on as the test says, so nothing waits."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pwd import getpwuid

import msgspec
import pytest

from perftui.clients.kernel_files import KernelFiles
from perftui.clients.process_table import ProcessTable
from perftui.clients.worker import DaemonWorker
from perftui.drills import open_files
from perftui.sources.process_scan import Processes
from perftui.sources.processes import ROWS, ProcessesSample, ProcessRow, derive
from tests.sources.manual_clock import ManualClock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Scanner:
    def __init__(self, table: ProcessTable | None = None) -> None:
        self.clock = ManualClock(time.monotonic())
        self.source = Processes(
            table or ProcessTable(), KernelFiles(), self.clock, DaemonWorker("scan"), os.sysconf("SC_PAGE_SIZE"), 100
        )

    async def scan(self, after_s: float = 1.0) -> ProcessesSample:
        self.clock.now += after_s
        return await self.source.sample()


def row(sample: ProcessesSample, pid: int) -> ProcessRow | None:
    return next((row for row in sample.rows if row.pid == pid), None)


@contextmanager
def sleepers(count: int) -> Iterator[list[int]]:
    """Idle processes; each is what it will be when its pid is known."""
    started = [subprocess.Popen(["sleep", "60"]) for _ in range(count)]
    try:
        yield [process.pid for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()


def burn(seconds: float) -> None:
    """Use so much CPU time of this process."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


async def test_agrees_with_proc_on_this_very_process() -> None:
    scanner = Scanner()
    await scanner.scan()
    burn(0.05)
    with sleepers(ROWS):
        own = row(await scanner.scan(), os.getpid())
    assert own is not None
    assert own.cpu_s == pytest.approx(time.process_time(), abs=0.05)
    assert own.ppid == os.getppid()
    assert own.user == getpwuid(os.geteuid()).pw_name
    assert own.command.startswith(Path("/proc/self/cmdline").read_text().split("\0")[0])
    assert own.open_files == pytest.approx(len(os.listdir("/proc/self/fd")), abs=5)
    assert own.resident_bytes > 10 << 20
    assert own.read_bytes is not None


async def test_one_who_uses_cpu_among_many_who_do_not_has_his_ratio() -> None:
    scanner = Scanner()
    with sleepers(ROWS + 20):
        before = await scanner.scan()
        burn(0.1)
        after = await scanner.scan()
    assert len(after.rows) <= ROWS
    assert not after.complete
    (own,) = [process for process in derive(before, after).processes.top if process.pid == os.getpid()]
    assert own.cpu_ratio is not None
    assert 0.1 <= own.cpu_ratio < 0.5
    sleeping = [process for process in derive(before, after).processes.top if process.name == "sleep"]
    assert all((process.cpu_ratio or 0.0) < 0.05 for process in sleeping)


async def test_new_processes_are_found_between_listings_and_gone_ones_are_forgotten() -> None:
    scanner = Scanner()
    total = (await scanner.scan()).total
    with sleepers(3) as pids:
        found = await scanner.scan()
        assert {row.pid for row in found.rows} >= set(pids) or found.total >= total + 3
    scanner.source.wanted_all = True
    gone = await scanner.scan()
    assert not {row.pid for row in gone.rows} & set(pids)


async def test_threads_are_not_processes() -> None:
    scanner = Scanner()
    scanner.source.wanted_all = True
    await scanner.scan()
    stop = asyncio.Event()
    waiting = [asyncio.create_task(asyncio.to_thread(time.sleep, 0.3)) for _ in range(4)]
    await asyncio.sleep(0.05)
    sample = await scanner.scan()
    threads = {int(name) for name in os.listdir("/proc/self/task")} - {os.getpid()}
    assert len(threads) >= 4
    assert not threads & {row.pid for row in sample.rows}
    stop.set()
    await asyncio.gather(*waiting)


async def test_all_when_all_are_asked_for() -> None:
    scanner = Scanner()
    scanner.source.wanted_all = True
    with sleepers(ROWS + 20) as pids:
        sample = await scanner.scan()
    assert sample.complete
    assert {row.pid for row in sample.rows} >= set(pids)
    assert {row.command for row in sample.rows if row.pid in pids} == {"sleep 60"}


async def test_a_new_program_in_an_old_process_gets_its_new_command() -> None:
    scanner = Scanner()
    scanner.source.wanted_all = True
    with subprocess.Popen(["sh", "-c", "read line; exec sleep 61"], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        before = row(await scanner.scan(), process.pid)
        process.stdin.write(b"go\n")
        process.stdin.flush()
        async with asyncio.timeout(5):
            while (after := row(await scanner.scan(0.01), process.pid)) is None or after.name != "sleep":
                await asyncio.sleep(0.01)
        process.kill()
    assert before is not None
    assert (before.name, after.command) == ("sh", "sleep 61")
    assert before.started_ticks == after.started_ticks


async def test_a_zombie_is_shown() -> None:
    scanner = Scanner()
    with subprocess.Popen(["true"]) as process, sleepers(ROWS):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        dead = row(await scanner.scan(), process.pid)
    assert dead is not None
    assert (dead.state, dead.command) == ("Z", "")


async def test_a_process_that_waits_for_its_limit_of_files_is_found_in_ten_seconds() -> None:
    scanner = Scanner()
    with sleepers(ROWS + 20), open_files.opener() as process:
        path = f"/proc/{process.pid}/fd"
        async with asyncio.timeout(10):
            while len(os.listdir(path)) < 120:
                await asyncio.sleep(0.01)
        for _ in range(40):  # so that it is an idle process like the others
            await scanner.scan()
        seen = row(await scanner.scan(), process.pid)
    assert seen is not None
    assert (seen.open_files, seen.open_files_limit) == (open_files.LIMIT, open_files.LIMIT)


class Watched(ProcessTable):
    """Notes whose stat is read."""

    def __init__(self) -> None:
        self.read_stats: list[int] = []

    def read(self, pid: int, name: str) -> bytes | None:
        if name == "stat":
            self.read_stats.append(pid)
        return super().read(pid, name)


async def test_idle_processes_are_read_in_turns_and_each_within_thirty_seconds() -> None:
    """So one that is stuck or swapped out while its clock stands still is noticed, and an idle host costs little."""
    table = Watched()
    scanner = Scanner(table)
    with sleepers(ROWS + 20) as pids:
        total = (await scanner.scan()).total
        await scanner.scan()
        table.read_stats.clear()
        for _ in range(31):
            await scanner.scan()
    assert set(table.read_stats) >= set(pids)
    assert len(table.read_stats) < 31 * total * 2 / 3


def scan_as_nobody(pid: int) -> ProcessRow:
    """The row that an ordinary user gets of another's process; in a child, which gives up its rights."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            scanner = Scanner()
            scanner.source.wanted_all = True
            found = row(asyncio.run(scanner.scan()), pid)
            os.write(send, msgspec.json.encode(found))
        finally:
            os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        raw = pipe.read()
    os.waitpid(child, 0)
    return msgspec.json.decode(raw, type=ProcessRow)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root to become somebody else")
def test_without_the_right_to_its_disk_bytes_nothing_else_of_a_process_is_lost() -> None:
    with sleepers(1) as (pid,):
        seen = scan_as_nobody(pid)
    assert seen.read_bytes is seen.write_bytes is None
    assert (seen.name, seen.command, seen.user) == ("sleep", "sleep 60", "root")
    assert seen.resident_bytes > 0


async def test_a_dear_scan_is_made_less_often() -> None:
    class Dear(DaemonWorker):
        """A machine on which each scan takes 40 ms of CPU."""

        asked = 0

        def cpu_s(self) -> float:
            self.asked += 1
            return self.asked * 0.04

    clock = ManualClock()
    source = Processes(ProcessTable(), KernelFiles(), clock, Dear("dear"), 4096, 100)
    assert source.interval_s == 1.0
    for _ in range(2):
        await source.sample()
        clock.now += source.interval_s
    assert source.interval_s == pytest.approx(5.0)
