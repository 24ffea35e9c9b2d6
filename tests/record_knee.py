"""Records `tests/tapes/load-knee.ptape`: a real HTTP service with five workers under users who are added one by one.

    python -m tests.record_knee FILE

A worker takes 100 ms of its time for a request, so the service carries 50 a second whoever asks; a user thinks for 250 ms.
By queueing theory 17.5 users keep five such workers busy. It takes two minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TextIO

import msgspec

from perftui.model.frame import Frame
from perftui.recording.reader import Tape
from perftui.recording.writer import TapeWriter
from perftui.sources.load import LoadSample
from tests.services import Service, answer, closes, service

WORKERS, SERVICE_S, THINK_S = 5, 0.1, 0.25
USERS, EVERY_S, LAST_S = 30, 4.0, 6.0
SOURCES = ("pool_metrics", "load")
"""Kept; what else ran on the machine is not of this test."""
CONFIG = '[pools.workers]\nmetrics = "http://127.0.0.1:{port}/metrics"\n'


class Workers:
    """Serves one request each, the others wait."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(WORKERS)
        self.busy = self.waiting = 0

    async def work(self) -> None:
        self.waiting += 1
        async with self._free:
            self.waiting -= 1
            self.busy += 1
            try:
                await asyncio.sleep(random.expovariate(1 / SERVICE_S))
            finally:
                self.busy -= 1

    def metrics(self) -> bytes:
        label = 'db_client_connection_pool_name="workers"'
        state = "db_client_connection_state"
        lines = (
            f'db_client_connection_count{{{label},{state}="used"}} {self.busy}',
            f'db_client_connection_count{{{label},{state}="idle"}} {WORKERS - self.busy}',
            f"db_client_connection_max{{{label}}} {WORKERS}",
            f"db_client_connection_pending_requests{{{label}}} {self.waiting}",
        )
        return "\n".join([*lines, ""]).encode()


async def serve(made: Service, workers: Workers, writer: asyncio.StreamWriter) -> None:
    if made.requests[-1].startswith(b"GET /work"):
        await workers.work()
        writer.write(answer())
    else:
        writer.write(answer("200 OK", workers.metrics(), "Content-Type: text/plain"))
    await writer.drain()


async def user(port: int, feed: TextIO) -> None:
    """Asks, thinks, asks again."""
    while True:
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /work HTTP/1.1\r\nHost: knee\r\n\r\n")
        said = await reader.read(12)
        writer.close()
        took_ms = (time.monotonic() - began) * 1000
        line = {"at": time.time(), "latency_ms": round(took_ms, 3), "ok": said.endswith(b"200"), "name": "GET /work"}
        feed.write(f"{json.dumps(line)}\n")
        await asyncio.sleep(random.expovariate(1 / THINK_S))


async def ramp(port: int, feed: TextIO) -> None:
    users: list[asyncio.Task[None]] = []
    for count in range(1, USERS + 1):
        feed.write(f'{{"users": {count}}}\n')
        users.append(asyncio.ensure_future(user(port, feed)))
        await asyncio.sleep(EVERY_S)
    await asyncio.sleep(LAST_S)
    for each in users:
        each.cancel()
    await asyncio.gather(*users, return_exceptions=True)


async def record(folder: Path) -> Path:
    """Run it all beside `perftui record`."""
    tape, results, config = folder / "whole.ptape", folder / "run.jsonl", folder / "config.toml"
    workers = Workers()
    async with service(closes) as made:
        made.behaviour = lambda reader, writer: serve(made, workers, writer)
        config.write_text(CONFIG.format(port=made.port))
        with results.open("w", buffering=1) as feed:
            command = ["-m", "perftui", "record", "--config", str(config), "--load", str(results), str(tape)]
            recorder = await asyncio.create_subprocess_exec(sys.executable, *command)
            try:
                await asyncio.sleep(4)
                await ramp(made.port, feed)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    recorder.terminate()
                await recorder.wait()
    return tape


def cut(frame: Frame) -> Frame:
    samples = {name: sample for name, sample in frame.samples.items() if name in SOURCES}
    load = samples.get("load")
    if isinstance(load, LoadSample):
        samples["load"] = msgspec.structs.replace(load, feed="run.jsonl")
    return msgspec.structs.replace(frame, samples=samples, failed={})


def main(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tape = Tape(asyncio.run(record(Path(folder))))
        kept = TapeWriter(path, msgspec.structs.replace(tape.machine, hostname="shop-1", system="Linux"))
        for frame in tape.frames():
            kept.write(cut(frame))
        kept.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
