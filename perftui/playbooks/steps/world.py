"""What a step may use of the outside while it runs, and what it comes to. Its makers stand above this room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

from perftui.history.baseline import Course
from perftui.model.answer import Answer
from perftui.playbooks.conditions import Condition, Outcome, Scope
from perftui.playbooks.template import Template


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """What a program wrote and how it ended. Text has no control sequences."""

    code: int | None
    """None when a signal ended it."""
    why: str = ""
    """What ended it before its own end; empty where it came to it."""
    text: str
    """At most the cap: the beginning and the end of a longer one, with a line between that says how much is left out."""
    output_bytes: int
    timed_out: bool = False


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer with the time each part took; None where it was not reached."""

    status: int | None
    problem: str = ""
    """Why there was no answer."""
    body: str = ""
    body_bytes: int = 0
    total_s: float
    dns_s: float | None = None
    connect_s: float | None = None
    tls_s: float | None = None
    first_byte_s: float | None = None
    timed_out: bool = False


class Certificates(msgspec.Struct, frozen=True, kw_only=True):
    """A server's chain, leaf first, and whether it is trusted."""

    subject: str
    issuer: str
    days_left: float
    """Of the certificate of the chain that ends first."""
    trusted: bool
    name_matches: bool
    problem: str = ""
    chain: tuple[str, ...] = ()
    """Each certificate in a line: subject, and until when."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a step came to."""

    state: Literal["passed", "failed", "unknown", "skipped", "refused"]
    why: str = ""
    """One line; always there unless it passed."""
    values: Mapping[str, Any] = {}
    """Its own fields of `steps.ID`, captures aside."""
    output: str = ""
    """What it read, as text: the evidence."""
    table: tuple[Mapping[str, Any], ...] | None = None
    """Its rows, where it read a table."""
    timed_out: bool = False
    opens: Mapping[str, Any] = {}
    """What the run needs to go on from here: the vars of another playbook, the rows of a loop, a baseline."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What a step that waits is waiting for, as it stands."""

    condition: Condition | None = None
    outcome: Outcome | None = None
    waited_s: float = 0.0
    limit_s: float = 0.0
    words: str = ""


class World(Protocol):
    """The outside, as one step of one playbook sees it."""

    @property
    def mono(self) -> float:
        """Seconds; the clock of waits."""
        ...

    @property
    def timeout_s(self) -> float:
        """What the step may take."""
        ...

    def scope(self) -> Scope:
        """Readings of the newest tick, and the names of this playbook."""
        ...

    async def tick(self) -> None:
        """Until there are newer readings; at most a second or so."""
        ...

    def tell(self, progress: Progress) -> None:
        """Show how far it is."""
        ...

    def value(self, reference: str) -> Any:
        """What `vars.x`, `steps.id.field`, … stands for; None where it is not known."""
        ...

    def fill(self, template: Template, secret: bool = False) -> str:
        """The text with its values; secrets only where they may stand.

        Raises:
            Unfilled: a value is not known, or may not stand there.
        """
        ...

    def row_values(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The lines of a built-in snapshot of the readings below these names."""
        ...

    async def program(self, argv: list[str], env: Mapping[str, str], timeout_s: float) -> Output: ...
    async def query(self, sql: str, args: tuple[Any, ...], *, read_only: bool, timeout_s: float) -> Answer: ...
    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None, timeout_s: float
    ) -> Reply: ...
    async def certificates(self, host: str, port: int, server_name: str, timeout_s: float) -> Certificates: ...
    def keep_baseline(self, name: str, courses: Mapping[str, Course]) -> None:
        """Remember a window under a name for this run."""
        ...

    async def save_baseline(self, name: str, window_s: float, courses: Mapping[str, Course]) -> list[str]:
        """Keep a window for other runs and for `perftui baseline`, with what else is usually kept of one.

        Returns:
            Why it is not worth that; nothing where it was kept.

        Raises:
            SourceError: it can't be written.
        """
        ...

    def baseline(self, name: str) -> Mapping[str, Course]:
        """Of this run, else as kept on this host.

        Raises:
            NoBaseline: there is none, or it can't be read.
        """
        ...

    def event_at(self, event: str) -> float | None:
        """Wall clock of the last deploy, the last mark or the run's start; None where there is none."""
        ...


class Unfilled(Exception):
    """A template that can't be filled: one line that says which value and why."""


class NoBaseline(Exception):
    """There is none of that name, or it can't be read: one line."""


def unknown_words(outcome: Outcome) -> str:
    """Why a condition is unknown."""
    if outcome.missing:
        return f"not known: {', '.join(outcome.missing[:3])}"
    return outcome.detail or "not known"


def table_of(value: Any) -> list[Any] | None:
    """The rows that a reference stands for: a captured table itself, or the one that its step captured."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, Mapping):
        return next((list(inner) for inner in value.values() if isinstance(inner, list | tuple)), None)
    return None
