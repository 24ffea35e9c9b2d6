"""One program in a terminal of its own, in a PID namespace of its own with a crowd of cheap processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

COLUMNS, LINES = 120, 40
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
KEEP = ("PATH", "VIRTUAL_ENV")


class Crowd(NamedTuple):
    """Who else lives in the namespace."""

    sleepers: int
    busy_percent: int = 30
    writes_kb_per_s: int = 1000

    def still(self) -> Crowd:
        return self._replace(busy_percent=0, writes_kb_per_s=0)


class Chunk(NamedTuple):
    at_s: float
    """Since the program's start."""
    data: bytes


class Alone:
    """A running program; `close` ends it and its crowd."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], crowd: Crowd, home: Path) -> None:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        stamps, told = os.pipe()
        namespace = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
        everybody = [home / "crowd", told, crowd.sleepers, crowd.busy_percent, crowd.writes_kb_per_s]
        self._process = subprocess.Popen(
            [*namespace, *map(str, everybody), *command],
            stdin=slave, stdout=slave, stderr=slave,
            pass_fds=(told,), start_new_session=True, cwd=home, env={**terminal(home), **environ},
        )  # fmt: skip
        os.close(slave)
        os.close(told)
        self.master = master
        self._stamps = os.fdopen(stamps)
        self._first = 0
        try:
            self.began = int(self._stamps.readline() or 0) / 1e9
            if not self.began:
                raise RuntimeError(f"{command[0]}: the crowd of {crowd.sleepers} did not start; are there enough pids?")
            self._first = _first_child(self._process.pid)
            self.pid = _first_child(self._first)
        except BaseException:  # an interrupt as well: nobody else knows of it yet
            self.close()
            raise

    def __enter__(self) -> Alone:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End them all: the kernel ends a namespace with its first process, and `unshare` ends once they are gone."""
        if self._stamps.closed:
            return
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._first or self._process.pid, signal.SIGKILL)
        # Before waiting: `unshare` tells of the kill on the terminal, which may be full.
        os.close(self.master)
        self._process.wait()
        self._stamps.close()

    def chunks(self, seconds: float) -> Iterator[Chunk]:
        """What it writes in so many seconds, or until it ends."""
        for _, data in _reads([self.master], seconds):
            yield Chunk(time.monotonic() - self.began, data)

    def press(self, key: bytes, most_s: float = 1.0) -> float | None:
        """Seconds from a key to the first byte of output; None when nothing came."""
        began = time.monotonic()
        os.write(self.master, key)
        if not select.select([self.master], [], [], most_s)[0]:
            return None
        return time.monotonic() - began

    def lasted_s(self) -> float:
        """How long it ran, once it has ended by itself."""
        output([self], 60)
        return int(self._stamps.readline()) / 1e9 - self.began

    def cpu_s(self) -> float:
        """CPU time of the process, threads that ended included, and of the children it has waited for."""
        own = time.clock_gettime((~self.pid << 3) | 2)  # the process' CPU clock, in ns
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return own + (int(fields[13]) + int(fields[14])) * TICK_S

    def pss_bytes(self) -> int:
        """Its proportional share of memory."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))


def output(programs: Sequence[Alone], seconds: float) -> list[int]:
    """How many bytes each writes in so many seconds."""
    counts = {program.master: 0 for program in programs}
    for master, data in _reads(counts, seconds):
        counts[master] += len(data)
    return list(counts.values())


def _reads(masters: Iterable[int], seconds: float) -> Iterator[tuple[int, bytes]]:
    """What comes out of terminals in so many seconds, or until all of them have ended."""
    end, live = time.monotonic() + seconds, list(masters)
    while live and (left := end - time.monotonic()) > 0:
        for master in select.select(live, [], [], left)[0]:
            try:
                data = os.read(master, 1 << 16)
            except OSError:  # the last holder of the terminal is gone
                live.remove(master)
                continue
            yield master, data


def terminal(home: Path) -> dict[str, str]:
    """The same terminal for everybody, and no settings of whoever runs this."""
    kept = {name: os.environ[name] for name in KEEP if name in os.environ}
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "STATE", "DATA", "CACHE")}
    shown = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    return {**kept, **folders, **shown, "HOME": str(home)}


def needs() -> str:
    """What is missing here to run programs alone; empty when nothing is."""
    if os.geteuid() != 0:
        return "a PID namespace of its own needs root"
    missing = [name for name in ("unshare", "gcc") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not found: `tests/install-tools --bench` installs them" if missing else ""


def build_crowd(home: Path) -> None:
    """Compile the crowd into the folder the programs live in."""
    source = Path(__file__).with_name("crowd.c")
    subprocess.run(["gcc", "-O1", "-static", "-o", str(home / "crowd"), str(source)], check=True)


def _first_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
