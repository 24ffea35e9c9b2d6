"""The console and what an operator would use instead: how each is started, and how its first numbers look."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pyte

import perftui
from bench.alone import COLUMNS, LINES, Chunk

ROOT = Path(__file__).parents[1]
EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("this app is empty")
Empty().run(mouse=False)
"""
UP, DOWN = b"\x1b[A", b"\x1b[B"


class Program(NamedTuple):
    """One console that refreshes each second."""

    name: str
    command: tuple[str, ...]
    numbers: str
    """What its screen matches once numbers of the host stand in it."""
    keys: tuple[bytes, ...] = ()
    """Each changes the screen, pressed in turns."""
    environ: dict[str, str] = {}


OURS = {"PYTHONPATH": str(ROOT)}
CONSOLE = Program("perftui", (sys.executable, "-m", "perftui"), r"busy +\d+ %(?s:.*)avail +\d", (b"?", b"\x7f"), OURS)
FLOOR = Program("empty app", (sys.executable, "-c", EMPTY), "this app is empty")
PEERS = (
    Program("htop", ("htop", "-d", "10"), r"Mem\[.*\d[KMG]/(?s:.*)\n +\d+ \w+ +\d+ +\d+ ", (DOWN, UP)),
    Program("btop", ("btop",), r"CPU .*\d%(?s:.*) [\d.]+[KMG] .* [\d.]+ ", (DOWN, UP)),
    Program("glances", ("glances", "-t", "1", "--disable-check-update"), r"CPU +\[ *\d+\.\d%(?s:.*)TASKS +\d", (b"h",)),
)


def installed() -> tuple[Program, ...]:
    """The console, and those of its peers that this machine has."""
    return (CONSOLE, *(peer for peer in PEERS if shutil.which(peer.command[0])))


def settle(home: Path) -> None:
    """The settings that can't be given as an argument."""
    folder = home / "config" / "btop"
    folder.mkdir(parents=True)
    (folder / "btop.conf").write_text("update_ms = 1000\n")


def first_numbers_s(program: Program, chunks: list[Chunk]) -> float | None:
    """When numbers first stood on the screen; None when they never did."""
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    wanted = re.compile(program.numbers)
    for chunk in chunks:
        stream.feed(chunk.data)
        if wanted.search("\n".join(screen.display)):
            return chunk.at_s
    return None


def versions(programs: Sequence[Program]) -> str:
    """Of everything that was measured."""
    python = ".".join(map(str, sys.version_info[:3]))
    ours = [f"perftui {perftui.__version__}", f"Python {python}", f"Textual {version('textual')}"]
    return ", ".join([*ours, *(_version(program) for program in programs[1:])])


def _version(program: Program) -> str:
    told = subprocess.run([program.command[0], "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"\d+(\.\d+)+", told)
    return f"{program.name} {number.group() if number else '?'}"
