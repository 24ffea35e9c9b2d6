"""A mistake in a playbook: where it stands, what is wrong and what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import msgspec

from perftui.model.failure import UsageError


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake. `str()` is the line that editors jump to."""

    file: str
    line: int
    """From 1."""
    column: int
    """From 1."""
    what: str
    """What is wrong."""
    right: str = ""
    """What would be right; empty where the first half says it."""
    warning: bool = False
    """The file can be run all the same."""

    def __str__(self) -> str:
        word = "warning: " if self.warning else ""
        return f"{self.file}:{self.line}:{self.column}: {word}{self.what}{'; ' if self.right else ''}{self.right}"


class InvalidPlaybook(UsageError):
    """A file that can't be run, with all that is wrong in it."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        mistakes = "1 mistake" if len(complaints) == 1 else f"{len(complaints)} mistakes"
        super().__init__("\n".join([f"{complaints[0].file}: {mistakes}", *map(str, complaints)]))
        self.complaints = tuple(complaints)


class Wrong(ValueError):
    """A value that can't be what its field needs.

    Args:
        what: What is wrong with it.
        right: What would be right.
        offset: Characters from the start of the value to the place that is wrong.
    """

    def __init__(self, what: str, right: str = "", offset: int = 0) -> None:
        super().__init__(what)
        self.what = what
        self.right = right
        self.offset = offset


def nearest(word: str, known: Sequence[str] | set[str]) -> str:
    """`did you mean X or Y`, or the whole list where it is short; empty where nothing is near."""
    near = get_close_matches(word, sorted(known), n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"one of {', '.join(sorted(known))}" if 0 < len(known) <= 24 else ""
