"""The console as a program in a real pty: what terminals, signals and dropped connections do to it."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.tui.terminals import Terminal, cpu_s

CONSOLE = ("-m", "perftui")
STAND_IN = ("-m", "tests.tui.console", "still")
MOVING = ("-m", "tests.tui.console", "seconds=0.05")

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ptys and /proc as on Linux")


@pytest.mark.parametrize(("width", "height", "words"), [(120, 36, r"┌ \d+ Processes"), (80, 24, r"── \d+ Processes")])
def test_starts_at_a_size_and_quits_with_the_terminal_restored(width: int, height: int, words: str) -> None:
    with Terminal(CONSOLE, width, height) as terminal:
        # Which number it has depends on what else this host has: a Postgres, deploys.
        terminal.until(lambda: re.search(words, terminal.text) is not None)
        terminal.shows("? help · q quit")
        terminal.type("q")

        assert terminal.ended() == 0
        assert terminal.restored()


def test_keys_lead_through_the_screens() -> None:
    with Terminal(STAND_IN, 80, 24) as terminal:
        terminal.shows("q quit")
        terminal.type("5")
        terminal.shows("── 5 Processes · by cpu")
        terminal.type("/worker-7\r")
        terminal.shows("filter 'worker-7': 1 of them")
        terminal.type("?")
        terminal.shows("zoom the pane with that number")
        terminal.type("\x1b")
        terminal.until(lambda: "2 I/O wait" in terminal.text)
        terminal.type("1")
        terminal.shows("CPU time %")
        terminal.type("\x10")
        terminal.shows("Search for commands")
        terminal.type("\x1b")
        terminal.until(lambda: "Search for commands" not in terminal.text)


def test_what_is_written_piece_by_piece_is_what_a_redraw_writes() -> None:
    with Terminal(("-m", "tests.tui.console", "seconds=2"), 120, 40) as terminal:
        terminal.shows("q quit")
        for keys, words in (("5", "shown the"), ("\x1b", "┌ 1 CPU"), ("f", "── Findings"), ("\x1b", "┌ 1 CPU")):
            terminal.type(keys)
            terminal.shows(words)
        clock = terminal.lines[0]
        terminal.until(lambda: terminal.lines[0] != clock)
        terminal.read(0.3)
        pieces = terminal.lines
        terminal.screen.reset()
        terminal.type("r")
        terminal.shows("q quit")

        assert terminal.lines == pieces


def test_a_resize_is_followed_and_exported_sizes_do_not_matter() -> None:
    with Terminal(STAND_IN, 120, 36, {"COLUMNS": "60", "LINES": "10"}) as terminal:
        terminal.shows("┌ 5 Processes")
        terminal.resize(80, 24)
        terminal.shows("── 5 Processes")
        terminal.resize(20, 5)
        terminal.until(lambda: "HEALTHY" in terminal.lines[1] and "q quit" in terminal.lines[4])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_with_the_terminal_restored(number: signal.Signals) -> None:
    with Terminal(CONSOLE) as terminal:
        terminal.shows("q quit")
        terminal.signal(number)

        assert terminal.ended() == 130
        assert terminal.restored()


@pytest.mark.parametrize(
    "command",
    [
        CONSOLE,
        ("-c", "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); import perftui.__main__"),
    ],
    ids=["SSH", "nohup"],
)
def test_a_dropped_connection_ends_it(command: tuple[str, ...]) -> None:
    with Terminal(command) as terminal:
        terminal.shows("q quit")
        terminal.release_slave()
        terminal.hang_up()

        assert terminal.ended(6) == 130


@pytest.mark.parametrize("how", ["Ctrl+Z", "SIGSTOP"])
def test_suspends_and_comes_back(how: str) -> None:
    with Terminal(CONSOLE) as terminal:
        terminal.shows("q quit")
        if how == "Ctrl+Z":
            terminal.type("\x1a")
        else:
            terminal.signal(signal.SIGSTOP)
        terminal.until(lambda: _state(terminal.program.pid) == "T")
        terminal.read(0.2)
        assert how == "SIGSTOP" or terminal.restored()
        terminal.screen.reset()
        terminal.signal(signal.SIGCONT)
        terminal.shows(" Processes · ")
        terminal.type("f")
        terminal.shows("── Findings")
        terminal.type("q")

        assert terminal.ended() == 0
        assert terminal.restored()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_no_color_sends_no_colours() -> None:
    with Terminal(CONSOLE, environ={"NO_COLOR": "1"}) as terminal:
        terminal.shows("q quit")

        assert b"38;" not in terminal.sent
        assert not any(f"\x1b[{n}m".encode() in terminal.sent for n in (*range(30, 38), *range(90, 98)))
        assert b"\x1b[1m" in terminal.sent


@pytest.mark.parametrize(
    ("command", "environ"),
    [
        (CONSOLE, {"TERM": "linux"}),
        (CONSOLE, {"LANG": "C"}),
        (CONSOLE, {"LC_ALL": "de_DE.ISO-8859-1"}),
        (CONSOLE, {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0", "LANG": "en_US.ISO-8859-1"}),
        ((*CONSOLE, "--ascii"), {}),
    ],
    ids=["linux", "LANG=C", "latin-1 locale", "latin-1 python", "--ascii"],
)
def test_ascii_terminals_get_ascii_bytes_only(command: tuple[str, ...], environ: dict[str, str]) -> None:
    with Terminal(command, environ=environ) as terminal:
        terminal.shows(" Processes - ")
        terminal.type("1")
        terminal.shows("CPU time %")
        terminal.type("\x10")
        terminal.shows("Search for commands")

        assert terminal.sent.isascii()


def test_a_linux_console_gets_sixteen_colours() -> None:
    with Terminal(CONSOLE, environ={"TERM": "linux"}) as terminal:
        terminal.shows("q quit")

        assert b"38;" not in terminal.sent


@pytest.mark.parametrize("term", ["screen-256color", "tmux-256color", "xterm", "vt100"])
def test_other_terminals_start_and_quit(term: str) -> None:
    with Terminal(CONSOLE, environ={"TERM": term}) as terminal:
        terminal.shows("q quit")
        terminal.type("q")

        assert terminal.ended() == 0


def test_stdout_may_be_a_pipe_and_the_size_is_still_right() -> None:
    reader, writer = os.pipe()
    with Terminal(CONSOLE, 100, 30, stdout=writer) as terminal:
        os.close(writer)
        terminal.shows("q quit")
        assert " Processes · " in terminal.text
        assert terminal.lines[29].startswith(" 1-")
        terminal.type("q")
        assert terminal.ended() == 0
    with os.fdopen(reader, "rb") as out:
        assert out.read() == b""


def test_a_terminal_that_does_not_read_costs_nothing_and_is_caught_up_at_once() -> None:
    with Terminal(MOVING) as terminal:
        terminal.shows("q quit")
        before = cpu_s(terminal.program.pid)
        time.sleep(6)  # 120 ticks that nobody reads: the pty's buffer and the queue fill up
        used = cpu_s(terminal.program.pid) - before
        backlog = len(terminal.sent)
        terminal.type("?")
        terminal.shows("zoom the pane with that number")
        terminal.read(0.5)

        assert used < 3
        assert len(terminal.sent) - backlog < 400_000
        terminal.type("q")
        assert terminal.ended() == 0
