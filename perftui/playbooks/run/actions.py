"""What is to be done next. Pure: a state in, actions out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from perftui.playbooks.document import Effect, Step
from perftui.playbooks.run.state import Ended, Frame, State, Status, here
from perftui.playbooks.steps import effect_of
from perftui.playbooks.steps.parallel import Parallel


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """Look at `when`, wait the delay, ask for what must be confirmed; then write the intent, or the outcome of a skipped step."""

    path: str
    step: Step
    scope: str
    attempt: int
    effect: Effect


class Execute(msgspec.Struct, frozen=True, kw_only=True):
    """The intent is written: do it, and write the outcome."""

    path: str
    step: Step
    scope: str
    attempt: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The operator is to decide."""

    path: str
    step: Step
    scope: str
    about: Literal["failed", "indeterminate"]
    problem: str = ""


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """Another row or round: look at `until`, wait, begin it or end the step."""

    path: str
    step: Step
    scope: str
    turn: int
    row: Any = None
    """The next row of the table; None where there is none, or in a repeat."""
    last: bool = False
    """There is no further row."""


class Settle(msgspec.Struct, frozen=True, kw_only=True):
    """Everything inside a step has ended: write its outcome."""

    path: str
    ended: Ended


class Close(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is left: write the end of the run."""

    reason: str


Action = Begin | Execute | Answer | Next | Settle | Close


def actions(state: State) -> tuple[Action, ...]:
    """What is to be done now: one thing, or several children of a parallel step."""
    if state.closed:
        return ()
    if not state.frames:
        return (Close(reason=state.stopped or "finished"),)
    frame = state.frames[-1]
    if frame.between or (frame.ended and frame.sort in ("rows", "rounds")):
        return (_next(state, frame),)
    found = here(state)
    if found is None:
        return (Settle(path=frame.owner, ended=Ended.PASSED),)
    _, step, path = found
    match state.status:
        case Status.NEW:
            begin = Begin(path=path, step=step, scope=frame.scope, attempt=state.attempt + 1, effect=effect_of(step))
            return (begin,)
        case Status.STARTED if isinstance(step.do, Parallel):
            return tuple(_children(state, step.do, path, frame.scope))
        case Status.STARTED:
            return (Execute(path=path, step=step, scope=frame.scope, attempt=state.attempt),)
        case Status.FAILED:
            return (Answer(path=path, step=step, scope=frame.scope, about="failed", problem=state.problem),)
        case Status.INDETERMINATE:
            return (Answer(path=path, step=step, scope=frame.scope, about="indeterminate"),)


def _children(state: State, do: Parallel, path: str, scope: str) -> Iterator[Action]:
    """The children that may begin now; or the end of them all."""
    paths = {f"{path}/{step.id}": step for step in do.steps}
    running = [child for child, ended in state.children.items() if ended is None]
    waiting = [child for child in paths if child not in state.children]
    if not running and not waiting:
        bad = [
            ended
            for child, ended in state.children.items()
            if ended in (Ended.FAILED, Ended.UNKNOWN) and paths[child].on_fail != "continue"
        ]
        yield Settle(path=path, ended=Ended.FAILED if Ended.FAILED in bad else Ended.PASSED)
        return
    for child in waiting[: max(0, do.at_once - len(running))]:
        step = paths[child]
        yield Begin(path=child, step=step, scope=scope, attempt=1, effect=effect_of(step))
    for child in running:
        yield Execute(path=child, step=paths[child], scope=scope, attempt=1)


def _next(state: State, frame: Frame) -> Action:
    below = state.frames[-2]
    step = below.steps[below.index]
    if frame.sort == "rounds":
        return Next(path=frame.owner, step=step, scope=below.scope, turn=frame.turn + 1)
    turn = frame.turn + (0 if frame.between else 1)
    last = turn >= len(frame.rows)
    row = None if last else frame.rows[turn]
    return Next(path=frame.owner, step=step, scope=below.scope, turn=turn, row=row, last=last)
