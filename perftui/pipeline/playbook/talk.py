"""What a run asks its operator, what it is told, and what it shows. Plain records between two threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

from perftui.playbooks.document import Effect, Playbook, Step, Var
from perftui.playbooks.journal import Entry
from perftui.playbooks.run.state import State
from perftui.playbooks.run_folder import Durability
from perftui.playbooks.steps.world import Progress

About = Literal["say", "ask", "choose", "confirm", "unknown_when", "failed", "indeterminate", "pick", "locked", "undo"]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One key that answers."""

    key: str
    label: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Something only the operator can answer."""

    about: About
    path: str
    step: Step
    title: str
    lines: tuple[str, ...] = ()
    """What there is to know: the instruction, the command as it will run, what it stands on, how it is taken back."""
    choices: tuple[Choice, ...] = ()
    inputs: Mapping[str, Var] = {}
    """Inputs to fill in, in this order."""
    proposals: Mapping[str, str] = {}
    """What stands in them at first."""
    rows: tuple[Mapping[str, Any], ...] = ()
    """Rows to pick from."""
    typed: str = ""
    """What must be typed, letter by letter; empty where a key is enough."""
    effect: Effect = Effect.READ
    expires_mono: float | None = None
    """A confirmation is worth nothing after this moment."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's answer."""

    key: str = ""
    values: Mapping[str, Any] = {}
    """Inputs as texts, the picked row under its input's name."""
    typed: str = ""
    note: str = ""


class Operator(Protocol):
    """Whoever answers: a person at the screen, or the rules of a run without one."""

    async def ask(self, question: Question) -> Reply: ...


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """All that a screen shows of a run."""

    name: str
    playbook: Playbook
    state: State
    entries: tuple[Entry, ...]
    path: str = ""
    """The step at hand."""
    step: Step | None = None
    question: Question | None = None
    progress: Mapping[str, Progress] = {}
    """Of the steps that run now, by path."""
    durability: Durability = Durability.DISK
    problem: str = ""
    started_mono: float = 0.0
    note: str = ""
    """What the last request came to."""
