"""What the terminal is and what can befall it: refusals, looks, signals, hang-ups. Imports nothing of Textual."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import NamedTuple

from perftui.model.failure import UsageError
from perftui.tui.options import Theme

_DUMB = ("dumb",)
_SIXTEEN_COLOURS = ("linux", "vt100", "vt102", "vt220", "ansi", "cons25")
_LOCALE = ("LC_ALL", "LC_CTYPE", "LANG")
# Python sets LC_CTYPE to one of these by itself where LANG is C (PEP 538), which tells nothing of the terminal.
_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")


class Look(NamedTuple):
    theme: Theme
    ascii_only: bool


def require(environ: Mapping[str, str] = os.environ) -> None:
    """Textual draws on stderr and reads stdin for ever, even where they are files.

    Raises:
        UsageError: unless both are terminals that can be drawn on.
    """
    if not (_is_terminal(0) and _is_terminal(2)):
        raise UsageError("the console needs a terminal on stdin and stderr; use perftui snapshot")
    if environ.get("TERM") in _DUMB:
        raise UsageError(
            "the console needs a terminal that can move its cursor, and TERM is dumb; use perftui snapshot"
        )


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def look(theme: Theme | None, ascii_only: bool, environ: Mapping[str, str], encoding: str) -> Look:
    """How to draw: what was asked for, else what the terminal and the locale can show.

    Args:
        encoding: What Python writes to stderr with.
    """
    weak = environ.get("TERM", "") in _SIXTEEN_COLOURS
    own = Theme.NONE if environ.get("NO_COLOR") else Theme.ANSI if weak else Theme.COLOUR
    return Look(theme or own, ascii_only or weak or not _writes_utf8(environ, encoding))


def _writes_utf8(environ: Mapping[str, str], encoding: str) -> bool:
    """By the first locale variable that is set. None set tells nothing: so it is in many containers and services, whose
    terminal is somebody's UTF-8 terminal all the same."""
    if encoding.replace("-", "").lower() != "utf8":
        return False
    names = [environ[variable] for variable in _LOCALE if environ.get(variable)]
    if len(names) > 1 and names[0] in _COERCED and _is_c(names[1]):
        names.pop(0)
    name = names[0] if names else ""
    charset = name.partition(".")[2].partition("@")[0]
    return charset.replace("-", "").lower() == "utf8" if charset else not _is_c(name)


def _is_c(name: str) -> bool:
    return name in ("C", "POSIX")


def prepare(environ: MutableMapping[str, str], theme: Theme) -> None:
    """Take away what would make Textual misjudge the terminal.

    COLUMNS and LINES, exported by some shells and tools, would fix the size and hide every resize.
    """
    environ.pop("COLUMNS", None)
    environ.pop("LINES", None)
    environ.pop("NO_COLOR", None)
    if theme is Theme.NONE:
        environ["NO_COLOR"] = "1"


def size() -> tuple[int, int]:
    """Columns and lines of the terminal that is drawn on: stderr's, since stdout may be a pipe."""
    try:
        columns, lines = os.get_terminal_size(sys.__stderr__.fileno() if sys.__stderr__ else 2)
    except OSError:
        return 80, 24
    return columns or 80, lines or 24


def watch_hangup(gone: Callable[[], None], descriptor: int = 0, grace_s: float = 2.0) -> None:
    """Call `gone` once nobody can type any more, and end the process if that does not end it within `grace_s`.

    A terminal that went away without a SIGHUP (nohup, some SSH drops) leaves stdin at its end, on which Textual 8.2.8
    spins a core for ever (Textualize/textual#6690).
    """

    def watch() -> None:
        poller = select.poll()
        poller.register(descriptor, select.POLLHUP | select.POLLERR)
        while not any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poller.poll(1000)):
            pass
        gone()
        time.sleep(grace_s)
        os._exit(130)

    threading.Thread(target=watch, name="perftui-hangup", daemon=True).start()


def forget_lost_output() -> None:
    """What could not be written to a terminal that is gone is dropped, or Python would end with 120 when it tries again."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)
