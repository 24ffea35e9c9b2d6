"""A console of Postgres in a terminal of its own, as the server and the kernel see it: ours and pg_activity alike."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bench.alone import COLUMNS, LINES, terminal
from bench.programs import OURS

SETTLE_S, WINDOW_S = 8.0, 20.0
SPENT = "select queryid, calls, total_exec_time from pg_stat_statements where userid = '{role}'::regrole"
_SEQUENCE = re.compile(rb"\x1b\[[0-9;?>]*[a-zA-Z]|\x1b\([A-B0]|\x1bP[^\x1b]*\x1b\\\\|\x1b.")


class Watcher(NamedTuple):
    """A program that shows a server each second, logged in as a role of its own."""

    name: str
    role: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    numbers: str
    """What it has written once it shows numbers of the server."""


class Cost(NamedTuple):
    refreshes_per_s: float
    statements: float
    """Of one refresh, as the server counts them."""
    server_ms: float
    """Of one refresh: execution time of those statements."""
    cpu_ms: float
    """Its own, a second."""
    pss_bytes: int
    first_s: float
    """From its start to the first numbers of the server."""


def watchers(port: int) -> list[Watcher]:
    """Ours, and pg_activity where it is installed."""
    command = (sys.executable, "-m", "perftui", "--dsn", f"postgresql://console@127.0.0.1:{port}/postgres")
    ours = Watcher("perftui", "console", command, OURS, r"used +\d+/\d+")
    program = shutil.which("pg_activity")
    if program is None:
        return [ours]
    address = ("-h", "127.0.0.1", "-p", str(port), "-U", "peer", "-d", "postgres", "--refresh", "1")
    return [ours, Watcher("pg_activity", "peer", (program, *address), {}, r"Sessions: *\d+/\d+")]


async def cost(watcher: Watcher, administrator: Any, home: Path) -> Cost:
    """Run it, let it settle, and compare two moments."""
    with Screen(watcher, home) as screen:
        await asyncio.sleep(SETTLE_S)
        before, spent_s, began = await _spent(administrator, watcher.role), screen.cpu_s(), time.monotonic()
        await asyncio.sleep(WINDOW_S)
        after, spent_s, lasted_s = (
            await _spent(administrator, watcher.role),
            screen.cpu_s() - spent_s,
            time.monotonic() - began,
        )
        pss_bytes, first_s = screen.pss_bytes(), screen.first_s
    calls = {key: after[key][0] - before.get(key, (0, 0.0))[0] for key in after}
    server_ms = sum(after[key][1] - before.get(key, (0, 0.0))[1] for key in after)
    # What is asked most is asked once a refresh.
    refreshes = max(calls.values(), default=0)
    if not refreshes or first_s is None:
        raise RuntimeError(f"{watcher.name} showed nothing or asked nothing in {WINDOW_S:.0f} s")
    return Cost(
        refreshes_per_s=refreshes / lasted_s,
        statements=sum(calls.values()) / refreshes,
        server_ms=server_ms / refreshes,
        cpu_ms=spent_s * 1e3 / lasted_s,
        pss_bytes=pss_bytes,
        first_s=first_s,
    )


async def _spent(administrator: Any, role: str) -> dict[int, tuple[int, float]]:
    rows = await administrator.fetch(SPENT.format(role=role))
    return {queryid: (calls, spent_ms) for queryid, calls, spent_ms in rows}


class Screen:
    """A program in a terminal that takes what it writes and says where the cursor is.

    Without that answer pg_activity's terminal library waits 5 s for it again and again, and hardly refreshes.
    """

    def __init__(self, watcher: Watcher, home: Path) -> None:
        self._wanted = re.compile(watcher.numbers.encode())
        self._written = b""
        self.first_s: float | None = None
        self._reader, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self._began = time.monotonic()
        self._program = subprocess.Popen(
            watcher.command,
            stdin=end,
            stdout=end,
            stderr=end,
            env={**terminal(home), **watcher.environ},
            start_new_session=True,
        )
        os.close(end)
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self._program.kill()
        self._program.wait()
        self._thread.join()
        os.close(self._reader)

    def _take(self) -> None:
        while True:
            try:
                data = os.read(self._reader, 1 << 16)
            except OSError:  # the program has ended
                return
            for _ in range(data.count(b"\x1b[6n")):
                os.write(self._reader, b"\x1b[1;1R")
            if self.first_s is None:
                self._written += data
                if self._wanted.search(_SEQUENCE.sub(b"", self._written)):
                    self.first_s = time.monotonic() - self._began

    def cpu_s(self) -> float:
        return time.clock_gettime((~self._program.pid << 3) | 2)  # the process' CPU clock

    def pss_bytes(self) -> int:
        lines = Path(f"/proc/{self._program.pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
