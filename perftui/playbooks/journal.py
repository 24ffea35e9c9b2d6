"""The journal of a run: one JSON line per event, each with the hash of the line before it.

The chain shows that a line was changed or lost; it can't stop somebody who writes the whole file anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any

import msgspec

VERSION = 1
FIRST = "0" * 64
"""What the first line names as the one before it."""


class Event(StrEnum):
    """What a line tells; the closed list of this version."""

    RUN_OPEN = "run.open"
    VAR_SET = "var.set"
    STEP_INTENT = "step.intent"
    """A step is about to begin; on the disk before anything of it starts."""
    STEP_STARTED = "step.started"
    """The process of a step: its pid and start time, by which a resumed run finds it again."""
    STEP_OUTCOME = "step.outcome"
    VERDICT = "verdict"
    CHOICE = "choice"
    CONFIRM = "confirm"
    NOTE = "note"
    UNDO_OFFERED = "undo.offered"
    UNDO_DONE = "undo.done"
    METRIC_MARK = "metric.mark"
    DURABILITY = "durability"
    """From here on the journal is kept somewhere else: the disk failed, or takes writes again."""
    RUN_RESUMED = "run.resumed"
    RUN_CLOSE = "run.close"


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who sat there. None where it does not apply."""

    user: str
    sudo_user: str | None = None
    ssh_from: str | None = None
    tty: str | None = None
    host: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line."""

    v: int = VERSION
    run: str
    seq: int
    at: str
    """UTC, ISO 8601."""
    mono: float
    """CLOCK_MONOTONIC of that boot, for durations inside one sitting."""
    who: Who
    ev: str
    """An `Event`; a newer version's journal may hold others, which are kept and shown as they are."""
    step: str | None = None
    attempt: int = 0
    data: dict[str, Any] = {}
    prev: str
    """SHA-256 of the line before, without its newline."""


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal's bytes hold."""

    entries: tuple[Entry, ...]
    lines: tuple[bytes, ...]
    """As they stand in the file, without newlines, one for each entry."""
    torn: bool = False
    """The last line was cut in the middle of being written; it counts as never written."""
    problems: tuple[str, ...] = ()
    """Each line that can't be read or does not follow from the one before, in words."""


def line_of(entry: Entry) -> bytes:
    """The entry as it is written, without its newline."""
    return msgspec.json.encode(entry, enc_hook=_plain)


def _plain(value: Any) -> Any:
    """Durations and names are numbers and texts of a kind of their own, which the encoder does not know."""
    for kind in (float, int, str):
        if isinstance(value, kind):
            return kind(value)
    raise NotImplementedError(f"{type(value).__name__} has no place in a journal")


def digest(line: bytes) -> str:
    """What the next line names as the one before it."""
    return sha256(line).hexdigest()


def read(raw: bytes) -> Journal:
    """Read what was written, however it ended. Nothing readable is dropped: a break in the chain is told, not obeyed."""
    *whole, rest = raw.split(b"\n")
    entries: list[Entry] = []
    lines: list[bytes] = []
    problems: list[str] = []
    expected = FIRST
    for number, line in enumerate(whole, start=1):
        try:
            entry = msgspec.json.decode(line, type=Entry)
        except msgspec.MsgspecError:
            problems.append(f"line {number} can't be read")
            expected = digest(line)
            continue
        if entry.prev != expected:
            problems.append(f"line {number} does not follow from the line before it: something was changed or lost")
        entries.append(entry)
        lines.append(line)
        expected = digest(line)
    return Journal(entries=tuple(entries), lines=tuple(lines), torn=bool(rest), problems=tuple(problems))


def longest(journals: Sequence[Journal]) -> Journal:
    """Of several copies of one journal (disk, shared memory) the one that knows most."""
    return max(journals, key=lambda journal: (len(journal.entries), -len(journal.problems)))


def is_closed(journal: Journal) -> bool:
    """Whether the run came to its end."""
    return any(entry.ev == Event.RUN_CLOSE for entry in journal.entries)
