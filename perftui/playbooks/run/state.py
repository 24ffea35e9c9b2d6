"""What the journal of a run says so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

import msgspec

from perftui.playbooks.document import Playbook, Step


class Ended(StrEnum):
    """How a step ended: `steps.ID.state`."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    """What it needed is not known."""
    REFUSED = "refused"
    """A change that was not allowed."""


class Status(StrEnum):
    """Where the step at hand stands."""

    NEW = "new"
    STARTED = "started"
    FAILED = "failed"
    """It waits for a decision."""
    INDETERMINATE = "indeterminate"
    """A change had begun when we were cut off: nobody knows whether it was done, so only the operator can say."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The names that conditions and templates of one playbook see."""

    playbook: str
    vars: Mapping[str, Any] = {}
    steps: Mapping[str, Mapping[str, Any]] = {}


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """A list of steps that is gone through; the run holds a stack of them."""

    sort: Literal["playbook", "block", "rows", "rounds", "finally"]
    scope: str
    prefix: str
    """Stands before the ids of its steps in the journal."""
    steps: tuple[Step, ...]
    index: int = 0
    owner: str = ""
    """The step that opened it, as the journal names it; it gets its outcome when the frame ends."""
    after: str | None = None
    """The step of the frame below that comes next; the following one by default."""
    settles: bool = False
    """Its owner has no outcome before it ends."""
    rows: tuple[Any, ...] = ()
    turn: int = 0
    """The row at hand, or the round."""
    between: bool = False
    """The next row or round has not begun."""

    @property
    def ended(self) -> bool:
        return self.index >= len(self.steps)

    def path(self, step: Step) -> str:
        """The step as the journal names it; the same step of another row is another one."""
        return f"{self.owner}[{self.turn + 1}]/{step.id}" if self.sort == "rows" else f"{self.prefix}{step.id}"


class Undoable(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was made and can be taken back."""

    key: str
    """Its path, with the number of the visit where it was made more than once."""
    path: str
    step: Step
    scope: str
    since_mono: float
    since_at: str
    state: Literal["offered", "started", "done", "failed", "kept", "indeterminate"] = "offered"
    attempts: int = 0


class Assessed(msgspec.Struct, frozen=True, kw_only=True):
    """The board's last word on a suspect."""

    verdict: str
    path: str
    say: str = ""
    at: str = ""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All that the journal says so far."""

    frames: tuple[Frame, ...] = ()
    scopes: Mapping[str, Scope] = {}
    status: Status = Status.NEW
    attempt: int = 0
    problem: str = ""
    """Why the step at hand failed."""
    children: Mapping[str, Ended | None] = {}
    """Of a parallel step at hand: None while one runs."""
    visits: Mapping[str, int] = {}
    ended: Mapping[str, Ended] = {}
    """The last outcome of every step."""
    board: Mapping[str, Assessed] = {}
    """By cause."""
    undos: tuple[Undoable, ...] = ()
    allowed: bool = False
    """Changes were unlocked for this run."""
    stopped: str = ""
    """Why it is to end before its last step; empty while it is not."""
    closed: bool = False
    timed_out: bool = False


class Book(msgspec.Struct, frozen=True):
    """The playbook of a run with all that it uses, by id."""

    main: str
    playbooks: Mapping[str, Playbook]


def begun(book: Book) -> State:
    """The state before the first entry."""
    playbook = book.playbooks[book.main]
    frame = Frame(sort="playbook", scope="", prefix="", steps=playbook.steps)
    return State(frames=(frame,), scopes={"": Scope(playbook=book.main)})


def here(state: State) -> tuple[Frame, Step, str] | None:
    """The frame, step and path at hand; None between two rows, and when all is done."""
    if not state.frames or state.frames[-1].ended or state.frames[-1].between:
        return None
    frame = state.frames[-1]
    step = frame.steps[frame.index]
    return frame, step, frame.path(step)


def scope_of(state: State) -> str:
    """The scope of what is at hand."""
    return state.frames[-1].scope if state.frames else ""


def open_undos(state: State) -> Sequence[Undoable]:
    """Changes that still stand and could be taken back, newest first."""
    return [undo for undo in reversed(state.undos) if undo.state not in ("done", "kept")]


def inputs_wanted(playbook: Playbook, scope: Scope) -> list[str]:
    """Inputs of a playbook that nobody gave yet."""
    return [name for name in playbook.vars if name not in scope.vars]
