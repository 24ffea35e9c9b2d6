"""A real pty with a terminal behind it: starts a program, types, looks at the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pyte

# pyte prints what it doesn't know of these: the kitty keyboard protocol and the queries for modes.
_UNKNOWN = re.compile(rb"\x1b\[[<>=?][0-9;]*(?:u|\$p)")

SECONDS = 15.0


class Terminal:
    """A program in a pty of a given size, and what its screen shows."""

    def __init__(
        self,
        command: Sequence[str],
        width: int = 120,
        height: int = 36,
        environ: Mapping[str, str] | None = None,
        stdout: int | None = None,
    ) -> None:
        self.screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self.screen)
        self.sent = b""
        self._master, slave = pty.openpty()
        self._open = True
        self.resize(width, height)
        self.modes = termios.tcgetattr(slave)
        self.program = subprocess.Popen(
            [sys.executable, *command],
            stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave,
            env={
                "PATH": os.environ["PATH"],
                "HOME": os.environ.get("HOME", "/"),
                "TERM": "xterm-256color",
                **(environ or {}),
            },
            cwd=Path(__file__).parents[2],
            preexec_fn=_take_terminal,
        )
        self._slave = slave

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.program.kill()
        self.program.wait()
        os.close(self._slave)
        self.hang_up()

    def resize(self, width: int, height: int) -> None:
        self.screen.resize(height, width)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def release_slave(self) -> None:
        """Close our copy of the program's side, so that a hang-up is one."""
        os.close(self._slave)
        self._slave = os.open(os.devnull, os.O_RDONLY)

    def hang_up(self) -> None:
        """What an SSH connection does when it drops."""
        if self._open:
            self._open = False
            os.close(self._master)

    @property
    def lines(self) -> list[str]:
        return [str(line) for line in self.screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def read(self, seconds: float) -> None:
        """Show what the program sends for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._read_once(left)

    def until(self, condition: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Show what the program sends until the screen is as wanted.

        Raises:
            AssertionError: with the screen, when that does not come.
        """
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not within {seconds:.0f} s:\n{self.text}"
            self._read_once(0.1)

    def shows(self, words: str) -> None:
        self.until(lambda: words in self.text)

    def ended(self, seconds: float = SECONDS) -> int:
        """The exit code, once the program ends."""
        self.until(lambda: self.program.poll() is not None, seconds)
        if self._open:
            self.read(0.2)
        return self.program.returncode

    def restored(self) -> bool:
        """Whether the shell gets back what it lent: line mode, the main screen, the cursor."""
        left = self.sent.rfind(b"\x1b[?1049l") > self.sent.rfind(b"\x1b[?1049h")
        shown = self.sent.rfind(b"\x1b[?25h") > self.sent.rfind(b"\x1b[?25l")
        return left and shown and termios.tcgetattr(self._slave)[:4] == self.modes[:4]

    def signal(self, number: signal.Signals) -> None:
        self.program.send_signal(number)

    def _read_once(self, seconds: float) -> None:
        if not self._open:
            time.sleep(min(seconds, 0.05))
            return
        if select.select([self._master], [], [], seconds)[0]:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # the program's side is closed
                time.sleep(min(seconds, 0.05))
                return
            self.sent += data
            self._stream.feed(_UNKNOWN.sub(b"", data))


def _take_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def cpu_s(pid: int) -> float:
    """CPU time of a process so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
