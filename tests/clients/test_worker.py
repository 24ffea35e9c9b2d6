from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from perftui.clients.worker import DaemonWorker
from perftui.model.failure import FailureKind, SourceError


async def test_gives_what_the_call_returns_or_raises() -> None:
    worker = DaemonWorker("test")
    assert await worker.run(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        await worker.run(lambda: 1 // 0)
    assert await worker.run(threading.get_ident) != threading.get_ident()


async def test_a_stuck_call_blocks_nobody_and_is_told_until_it_ends() -> None:
    worker, stuck = DaemonWorker("test"), threading.Event()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(worker.run(stuck.wait), 0.05)
    with pytest.raises(SourceError, match="has not answered for") as caught:
        await worker.run(lambda: 1)
    assert caught.value.kind is FailureKind.TIMED_OUT
    stuck.set()
    async with asyncio.timeout(5):
        while True:
            try:
                assert await worker.run(lambda: 2) == 2
                break
            except SourceError:
                await asyncio.sleep(0.01)


def test_a_call_that_never_ends_does_not_keep_the_program() -> None:
    program = """
import asyncio, threading
from perftui.clients.worker import DaemonWorker
async def main():
    worker = DaemonWorker("test")
    try:
        await asyncio.wait_for(worker.run(threading.Event().wait), 0.05)
    except TimeoutError:
        print("gave up")
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=10)
    assert (done.returncode, done.stdout, done.stderr) == (0, "gave up\n", "")


async def test_its_cpu_time_is_that_of_its_own_thread() -> None:
    worker = DaemonWorker("test")

    def cost() -> float:
        began = worker.cpu_s()
        sum(range(300_000))
        return worker.cpu_s() - began

    assert 0 < await worker.run(cost) < 1
