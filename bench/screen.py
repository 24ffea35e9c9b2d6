"""What the screen costs: first frame, CPU and bytes a tick, beside an empty Textual app in the same run.

    python -m bench.screen [SECONDS]

Each program runs alone in a pty of 120x40 with one tick a second. CPU is time on a core (schedstat of all threads); the
stand-in's own work (making the frames, the history) is measured apart and stands in its own line.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import NamedTuple

from tests.tui.stand_in import histories

SIZE = struct.pack("HHHH", 40, 120, 0, 0)
EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("ready to quit")
Empty().run(mouse=False)
"""
PROGRAMS = {
    "an empty Textual app": ("-c", EMPTY),
    "console, nothing moves": ("-m", "tests.tui.console", "still"),
    "console, all values move": ("-m", "tests.tui.console"),
}
READY = b" quit"


class Cost(NamedTuple):
    first_frame_s: float
    first_frame_cpu_s: float
    start_bytes: int
    cpu_ms_per_s: float
    bytes_per_s: float
    resident_mb: float


def cost(arguments: tuple[str, ...], seconds: float) -> Cost:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, SIZE)
    environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    began = time.monotonic()
    program = subprocess.Popen(
        [sys.executable, *arguments], stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True
    )
    os.close(slave)
    try:
        seen = _read(master, until=READY, seconds=10)
        first, first_cpu = time.monotonic() - began, cpu_s(program.pid)
        seen += _read(master, seconds=2.5)
        before = cpu_s(program.pid)
        drawn = _read(master, seconds=seconds)
        used = cpu_s(program.pid) - before
        return Cost(
            first, first_cpu, len(seen), used / seconds * 1e3, len(drawn) / seconds, _resident_bytes(program.pid) / 1e6
        )
    finally:
        program.send_signal(signal.SIGKILL)
        program.wait()
        os.close(master)


def _read(descriptor: int, seconds: float, until: bytes | None = None) -> bytes:
    end = time.monotonic() + seconds
    seen = b""
    while (left := end - time.monotonic()) > 0 and not (until and until in seen):
        if select.select([descriptor], [], [], left)[0]:
            seen += os.read(descriptor, 65536)
    return seen


def cpu_s(pid: int) -> float:
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def stand_in_ms(ticks: int = 50) -> float:
    source = histories()
    next(source)
    began = time.process_time()
    for _ in range(ticks):
        next(source)
    return (time.process_time() - began) / ticks * 1e3


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    print(f"{'':28}{'first frame':>12}{'its CPU':>9}{'start':>9}{'CPU':>11}{'output':>10}{'resident':>10}")
    for name, arguments in PROGRAMS.items():
        runs = [cost(arguments, seconds) for _ in range(3)]
        best = Cost(*(min(column) for column in zip(*runs, strict=True)))
        print(
            f"{name:28}{best.first_frame_s * 1e3:9.0f} ms{best.first_frame_cpu_s * 1e3:6.0f} ms"
            f"{best.start_bytes / 1e3:6.1f} kB{best.cpu_ms_per_s:6.1f} ms/s{best.bytes_per_s:6.0f} B/s"
            f"{best.resident_mb:7.1f} MB"
        )
    print(f"{'of it the stand-in':28}{'':30}{stand_in_ms():6.1f} ms/s")


if __name__ == "__main__":
    main()
