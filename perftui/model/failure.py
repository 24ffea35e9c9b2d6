"""How a source fails, and how we say so."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class FailureKind(StrEnum):
    """Why a source gave no sample; the closed list every client translates into."""

    MISSING = "missing"
    """The file, command or service is not there."""
    DENIED = "denied"
    """It is there, and this user may not read it."""
    TIMED_OUT = "timed_out"
    """It did not answer before the source's deadline."""
    FULL = "full"
    """It is there and takes nobody more: all its slots are used."""
    NOT_READY = "not_ready"
    """It is there and takes nobody yet, or nobody any more: it starts, recovers or shuts down."""
    UNREACHABLE = "unreachable"
    """Nobody listens, or the connection broke."""
    MALFORMED = "malformed"
    """It answered with something that can't be read."""
    UNSUPPORTED = "unsupported"
    """This system or version doesn't offer it."""
    INTERNAL = "internal"
    """Our own fault."""


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A source that gave no sample in this frame; recorded and replayed like a sample."""

    kind: FailureKind
    detail: str
    """What, where and what to do: one lower-case line without secrets."""


class SourceError(Exception):
    """Raised by clients and sources; the feed turns it into a `Failed`."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail

    def failed(self) -> Failed:
        return Failed(kind=self.kind, detail=self.detail)


class Overrun(SourceError):
    """The server ended a call since it took longer than it may: asked as often as before we would be part of the load."""


class Unasked(SourceError):
    """There is no connection to ask through, which is known at once: asking again costs nobody anything."""


class UsageError(Exception):
    """Bad input from the user: told in one line (what, where, what was expected), exit code 64."""


class TapeError(UsageError):
    """A tape that can't be read or written."""
