"""Runs one program: an argument list and no shell, a session of its own, closed stdin, an end to its time and to its output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Thread

import msgspec

from perftui.model.failure import FailureKind, SourceError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ALLOWED = ("HOME", "USER", "LOGNAME", "LANG", "TZ")
"""What of our environment every program gets, beside LC_* and the fixed PATH."""
KILL_AFTER_S = 5.0
"""Between TERM and KILL."""
FILE_LIMIT_BYTES = 64 * 1024 * 1024
"""A program that writes to a file itself is ended when it has written more."""
LOOK_S = 0.05
_MARK = "PERFTUI_STEP"
_PIECE = 1024 * 1024


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a program ended."""

    code: int | None
    """Its exit code; None when a signal ended it."""
    signal: int | None = None
    timed_out: bool = False
    too_much: bool = False
    """It was ended because it wrote more to its file than is allowed."""
    head: bytes
    """The output, stdout and stderr together; its beginning where it was longer than the cap."""
    tail: bytes
    """The end of an output longer than the cap; empty otherwise."""
    output_bytes: int
    """What it really wrote."""
    duration_s: float


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A process by what no other will ever have together."""

    pid: int
    started: int
    """Clock ticks after boot (field 22 of /proc/PID/stat); 0 where that can't be read."""

    @property
    def lives(self) -> bool:
        """Whether that very process is still there."""
        return self.started != 0 and _start_ticks(self.pid) == self.started


def environment(own: Mapping[str, str], listed: Iterable[str] = (), given: Mapping[str, str] = {}) -> dict[str, str]:
    """What a program sees: the allowed names of our environment, the listed ones, and the given values."""
    names = [*ALLOWED, *listed, *(name for name in own if name.startswith("LC_"))]
    return {**{name: own[name] for name in names if name in own}, "PATH": PATH, **given}


async def run_program(
    argv: list[str],
    *,
    env: Mapping[str, str],
    timeout_s: float,
    cap_bytes: int = 64 * 1024,
    to_file: Path | None = None,
    folder: str = "/",
    started: Callable[[Process], None] = lambda process: None,
) -> Ended:
    """Run it to its end, and end with it all that it started in its session.

    When this call is cancelled the program is ended as after its timeout, and the call waits for that. One that writes to a
    file is left to its end: it is a change under way, and half of it would be worse.

    Args:
        cap_bytes: so much of the output is kept, half from its beginning and half from its end.
        to_file: the program writes there itself, so that it can go on without us; by default we read its output.
        started: told on this loop as soon as the program runs.

    Raises:
        SourceError: MISSING, DENIED or MALFORMED when it can't be started, with the reason.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Ended] = loop.create_future()
    stop_reader, stop_writer = os.pipe()
    run = _Run(argv, dict(env), timeout_s, cap_bytes, to_file, folder, stop_reader)

    def work() -> None:
        try:
            result, error = run.run(lambda process: loop.call_soon_threadsafe(started, process)), None
        except Exception as exc:
            result, error = None, exc
        os.close(stop_reader)
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, future, result, error)

    Thread(target=work, name=f"perftui-{Path(argv[0]).name}", daemon=True).start()
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if to_file is None:
            with contextlib.suppress(BrokenPipeError):
                os.write(stop_writer, b"x")
            with contextlib.suppress(SourceError):
                await asyncio.shield(future)
        raise
    finally:
        os.close(stop_writer)


def _settle(future: asyncio.Future[Ended], result: Ended | None, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    elif result is not None:
        future.set_result(result)


class _Run:
    """One program from start to end, in a thread of its own: no call here is seen by the event loop."""

    def __init__(
        self,
        argv: list[str],
        env: dict[str, str],
        timeout_s: float,
        cap_bytes: int,
        to_file: Path | None,
        folder: str,
        stop: int,
    ) -> None:
        self._argv, self._folder, self._to_file, self._stop = argv, folder, to_file, stop
        self._mark = secrets.token_hex(8)
        self._env = {**env, _MARK: self._mark}
        self._timeout_s = timeout_s
        self._output = _Output(cap_bytes)

    def run(self, tell: Callable[[Process], object]) -> Ended:
        began = time.monotonic()
        process = self._start()
        tell(Process(pid=process.pid, started=_start_ticks(process.pid)))
        why = self._follow(process, began + self._timeout_s)
        if why:
            self._end(process)
        _signal_group(process.pid, signal.SIGKILL)  # whoever it left behind
        code = process.wait()
        self._rest(process)
        return Ended(
            code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            timed_out=why == "time",
            too_much=why == "size",
            head=bytes(self._output.head),
            tail=self._output.tail(),
            output_bytes=self._output.total,
            duration_s=time.monotonic() - began,
        )

    def _start(self) -> subprocess.Popen[bytes]:
        name = self._argv[0]
        try:
            sink = subprocess.PIPE if self._to_file is None else _own_file(self._to_file)
            try:
                process = subprocess.Popen(
                    self._argv,
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env=self._env,
                    cwd=self._folder,
                    start_new_session=True,
                    bufsize=0,
                )
            finally:
                if self._to_file is not None:
                    os.close(sink)
        except FileNotFoundError:
            raise SourceError(FailureKind.MISSING, f"{name}: not found in {PATH}") from None
        except PermissionError as exc:
            raise SourceError(FailureKind.DENIED, f"{name}: {exc.strerror}") from None
        except OSError as exc:
            raise SourceError(FailureKind.MISSING, f"{name}: {exc.strerror or exc}") from None
        except ValueError as exc:  # a NUL byte in an argument
            raise SourceError(FailureKind.MALFORMED, f"{name}: {exc}") from None
        if process.stdout is not None:
            os.set_blocking(process.stdout.fileno(), False)
        return process

    def _follow(self, process: subprocess.Popen[bytes], deadline: float) -> str:
        """Read until the program itself ends; why it must be ended before that, or nothing."""
        pipe = process.stdout.fileno() if process.stdout is not None else None
        while not _has_ended(process):
            if time.monotonic() >= deadline:
                return "time"
            wanted = [] if self._to_file is not None else [self._stop]
            if pipe is not None and not self._output.ended:
                wanted.append(pipe)
            ready, _, _ = select.select(wanted, [], [], LOOK_S)
            if self._stop in ready:
                return "stop"
            if pipe is not None and pipe in ready:
                self._output.read_pipe(pipe)
            if self._to_file is not None and self._to_file.stat().st_size > FILE_LIMIT_BYTES:
                return "size"
        return ""

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """TERM, then KILL for its group, and for those of it that left the group."""
        _signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + KILL_AFTER_S
        while not _has_ended(process) and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        _signal_group(process.pid, signal.SIGKILL)
        for pid in _marked(self._mark):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def _rest(self, process: subprocess.Popen[bytes]) -> None:
        """What was written and not read yet; a daemon that still holds the pipe is not waited for."""
        if self._to_file is not None:
            self._output.read_file(self._to_file)
        elif process.stdout is not None:
            while not self._output.ended and self._output.read_pipe(process.stdout.fileno()):
                pass
            process.stdout.close()


class _Output:
    """The beginning and the end of what a program writes, and how much it was."""

    def __init__(self, cap_bytes: int) -> None:
        self._half = cap_bytes // 2
        self.head = bytearray()
        self._last = bytearray()
        self.total = 0
        self.ended = False

    def read_pipe(self, fd: int) -> bool:
        """Take what is there; whether there was something."""
        try:
            piece = os.read(fd, _PIECE)
        except BlockingIOError:
            return False
        self.ended = not piece
        self._take(piece)
        return bool(piece)

    def read_file(self, path: Path) -> None:
        """Take the beginning and the end of a file."""
        with contextlib.suppress(OSError), path.open("rb") as file:
            self._take(file.read(self._half * 2))
            size = file.seek(0, os.SEEK_END)
            if size > self.total:
                self.total = max(self.total, size - self._half)
                file.seek(self.total)
                self._take(file.read(self._half))

    def tail(self) -> bytes:
        return bytes(self._last[-self._half :])

    def _take(self, piece: bytes) -> None:
        self.total += len(piece)
        room = 2 * self._half - len(self.head) if not self._last else 0
        self.head += piece[:room]
        rest = piece[room:]
        if rest and not self._last:  # longer than the cap: what is kept is two halves from now on
            self._last += self.head[self._half :]
            del self.head[self._half :]
        self._last += rest
        if len(self._last) > 4 * self._half:
            del self._last[: -self._half]


def _own_file(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Without taking its exit code where that can be left: until then its number, and its group's, is no other's."""
    if hasattr(os, "waitid"):
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return process.poll() is not None


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _marked(mark: str) -> list[int]:
    """Processes with the mark in their environment: a daemon of the program's that left its session."""
    wanted = f"{_MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
    return found


def _start_ticks(pid: int) -> int:
    try:
        raw = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    state, *fields = raw[raw.rindex(b")") + 2 :].split()
    return 0 if state in b"ZX" else int(fields[18])
