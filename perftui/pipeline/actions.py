"""What the operator may have done to what is watched: asked from the screen, carried out beside the sampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from perftui.sources.pg_backend import Backend, Outcome, Target, Verb
from perftui.sources.pg_plan import Plan, StatementKey, StatementText


class LookAt(msgspec.Struct, frozen=True, kw_only=True):
    """What a session does now; answered by a Backend, or by nothing when it is gone."""

    target: Target


class EndSession(msgspec.Struct, frozen=True, kw_only=True):
    """Cancel a session's statement or terminate it; answered by an Outcome."""

    verb: Verb
    target: Target
    name: str
    """Whose it is, for the mark and the log: the application or the role."""
    override: bool = False
    """Also a session that is better left alone."""


class ReadText(msgspec.Struct, frozen=True, kw_only=True):
    """The whole text of a statement; answered by a StatementText."""

    key: StatementKey
    literals: bool = False


class Explain(msgspec.Struct, frozen=True, kw_only=True):
    """How the server carries out a statement; answered by a Plan."""

    key: StatementKey
    analyze: bool = False
    """Run it."""


ServerRequest = LookAt | EndSession | ReadText | Explain


class StopLoad(msgspec.Struct, frozen=True, kw_only=True):
    """Run the command that ends the load test; answered by a Stopped."""

    command: str
    """As it is run, for the log."""


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an attempt to end the load test."""

    worked: bool
    """The command did its work, and results no longer come."""
    words: str
    """One line for the operator."""


Request = ServerRequest | StopLoad


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The one message that a request comes back as."""

    request: Request
    answer: Backend | Outcome | StatementText | Plan | Stopped | None = None
    problem: str = ""
    """Why there is no answer; one line for the operator."""


class Actions(Protocol):
    """Thread-safe: asked from the screen, answered from the thread that samples."""

    changes_allowed: bool
    """Sessions may be ended and statements run; otherwise everything only looks."""

    def ask(self, request: ServerRequest, told: Callable[[Reply], None]) -> None:
        """Have it carried out; `told` is called once, from another thread, with what came of it."""
        ...


class Generator(Protocol):
    """What makes the load that is watched, as far as it can be stopped from here; thread-safe as Actions."""

    command: str
    """What stops it."""

    def ask(self, request: StopLoad, told: Callable[[Reply], None]) -> None:
        """Have it stopped; `told` is called once, from another thread, when its results have ended or do not end."""
        ...
