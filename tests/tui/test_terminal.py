from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from perftui.tui.options import Theme
from perftui.tui.terminal import Look, look, prepare

XTERM = {"TERM": "xterm-256color"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (XTERM, Look(Theme.COLOUR, False)),
        ({}, Look(Theme.COLOUR, False)),
        ({**XTERM, "LANG": "en_US.UTF-8"}, Look(Theme.COLOUR, False)),
        ({**XTERM, "LANG": "C.utf8"}, Look(Theme.COLOUR, False)),
        ({**XTERM, "LANG": "de_DE.utf8@euro"}, Look(Theme.COLOUR, False)),
        ({**XTERM, "LANG": "C"}, Look(Theme.COLOUR, True)),
        ({**XTERM, "LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}, Look(Theme.COLOUR, True)),
        ({**XTERM, "LC_CTYPE": "C.UTF-8", "LANG": "C"}, Look(Theme.COLOUR, True)),
        ({**XTERM, "LC_CTYPE": "C.UTF-8"}, Look(Theme.COLOUR, False)),
        ({**XTERM, "LC_CTYPE": "en_GB.UTF-8", "LANG": "C"}, Look(Theme.COLOUR, False)),
        ({**XTERM, "LANG": "de_DE.ISO-8859-1"}, Look(Theme.COLOUR, True)),
        ({**XTERM, "LC_ALL": "", "LANG": "C"}, Look(Theme.COLOUR, True)),
        ({"TERM": "linux"}, Look(Theme.ANSI, True)),
        ({"TERM": "vt100"}, Look(Theme.ANSI, True)),
        ({"TERM": "screen-256color"}, Look(Theme.COLOUR, False)),
        ({**XTERM, "NO_COLOR": "1"}, Look(Theme.NONE, False)),
        ({**XTERM, "NO_COLOR": ""}, Look(Theme.COLOUR, False)),
    ],
)
def test_looks_as_the_terminal_can_show(environ: dict[str, str], expected: Look) -> None:
    assert look(None, False, environ, "utf-8") == expected


def test_what_was_asked_for_wins() -> None:
    assert look(Theme.ANSI, True, {**XTERM, "NO_COLOR": "1"}, "utf-8") == Look(Theme.ANSI, True)


def test_a_stderr_that_cannot_write_utf8_is_ascii() -> None:
    assert look(None, False, XTERM, "latin-1") == Look(Theme.COLOUR, True)


def test_takes_away_what_would_fix_the_size_or_grey_the_colours() -> None:
    environ = {"COLUMNS": "80", "LINES": "24", "NO_COLOR": "1", "TERM": "xterm"}

    prepare(environ, Theme.ANSI)

    assert environ == {"TERM": "xterm"}


def test_no_colour_is_told_to_textual() -> None:
    environ: dict[str, str] = {}

    prepare(environ, Theme.NONE)

    assert environ == {"NO_COLOR": "1"}


REQUIRE = """
import sys
from perftui.model.failure import UsageError
from perftui.tui.terminal import require
try:
    require()
except UsageError as exc:
    print(exc)
    sys.exit(64)
print("drawn")
"""


@pytest.mark.parametrize(
    ("stdin", "stderr", "term", "words"),
    [
        (True, True, "xterm", "drawn"),
        (False, True, "xterm", "the console needs a terminal on stdin and stderr; use perftui snapshot"),
        (True, False, "xterm", "the console needs a terminal on stdin and stderr; use perftui snapshot"),
        (True, True, "dumb", "TERM is dumb; use perftui snapshot"),
    ],
)
def test_refuses_what_cannot_be_drawn_on(stdin: bool, stderr: bool, term: str, words: str) -> None:
    master, slave = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", REQUIRE],
            stdin=slave if stdin else subprocess.DEVNULL,
            stderr=slave if stderr else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={**os.environ, "TERM": term},
            check=False,
        )
    finally:
        os.close(master)
        os.close(slave)

    assert done.stdout.decode().strip().endswith(words)
    assert done.returncode == (0 if words == "drawn" else 64)


def test_loads_no_textual() -> None:
    code = "import sys, perftui.tui.terminal, perftui.tui.options; print([m for m in sys.modules if 'textual' in m])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert done.stdout.strip() == b"[]"


HANGUP = """
import os, sys, threading
from perftui.tui.terminal import watch_hangup
gone = threading.Event()
watch_hangup(gone.set, grace_s=0.2)
os.write(1, b"watching\\n")
assert gone.wait(10)
os.write(1, b"gone\\n")
threading.Event().wait(10)
"""


def test_a_hangup_is_told_and_then_ends_the_process() -> None:
    master, slave = pty.openpty()
    program = subprocess.Popen([sys.executable, "-c", HANGUP], stdin=slave, stdout=subprocess.PIPE)
    os.close(slave)
    try:
        assert program.stdout is not None
        assert program.stdout.readline() == b"watching\n"
        os.close(master)
        assert program.stdout.readline() == b"gone\n"
        assert program.wait(5) == 130
    finally:
        program.kill()
        program.wait()
        if program.stdout is not None:
            program.stdout.close()
