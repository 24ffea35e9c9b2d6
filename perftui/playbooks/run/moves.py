"""Where a run goes: on, into a list of steps, out of it, to a named step, to its end. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from perftui.playbooks.complaint import Wrong
from perftui.playbooks.document import Playbook, Step
from perftui.playbooks.inputs import value_of
from perftui.playbooks.run.state import Book, Frame, Scope, State, Status, scope_of

replace = msgspec.structs.replace


def top(state: State, frame: Frame) -> State:
    return replace(state, frames=(*state.frames[:-1], frame))


def fresh(state: State) -> State:
    """The step at hand has not begun."""
    return replace(state, status=Status.NEW, attempt=0, problem="", children={})


def onward(book: Book, state: State) -> State:
    """The next step, out of every list that has ended."""
    frame = state.frames[-1]
    state = fresh(top(state, replace(frame, index=frame.index + 1)))
    while state.frames and state.frames[-1].ended:
        frame = state.frames[-1]
        if frame.settles:
            return state
        state = replace(state, frames=state.frames[:-1])
        if not state.frames:
            return state if frame.sort == "finally" else finally_(book, state)
        if frame.after is not None:
            return jumped(state, frame.after)
        below = state.frames[-1]
        state = top(state, replace(below, index=below.index + 1))
    return state


def jumped(state: State, goto: str) -> State:
    """To a step of this playbook, out of every list inside of it."""
    for place in range(len(state.frames) - 1, -1, -1):
        frame = state.frames[place]
        for index, step in enumerate(frame.steps):
            if step.id == goto:
                return fresh(replace(state, frames=(*state.frames[:place], replace(frame, index=index))))
        if frame.sort == "playbook":
            break
    raise ValueError(f"there is no step {goto}")


def stopping(book: Book, state: State, reason: str) -> State:
    return finally_(book, replace(state, stopped=reason or "stopped", frames=()))


def finally_(book: Book, state: State) -> State:
    last = book.playbooks[book.main].finally_
    frames = (Frame(sort="finally", scope="", prefix="finally/", steps=last),) if last else ()
    return fresh(replace(state, frames=frames))


def taken(
    book: Book,
    state: State,
    path: str,
    goto: str | None,
    use: str | None,
    steps: tuple[Step, ...],
    values: Mapping[str, Any],
) -> State:
    """Go where an arm or an option leads."""
    if use is not None:
        return into_playbook(state, book.playbooks[use], path, values, settles=False, after=goto)
    if steps:
        frame = Frame(sort="block", scope=scope_of(state), prefix=f"{path}/", steps=steps, owner=path, after=goto)
        return fresh(replace(state, frames=(*state.frames, frame)))
    if goto is not None:
        return jumped(state, goto)
    return onward(book, state)


def into_playbook(
    state: State, playbook: Playbook, owner: str, values: Mapping[str, Any], settles: bool, after: str | None = None
) -> State:
    # Each visit has names of its own: a second one must not see what the first one found.
    scope = f"{owner}#{state.visits.get(owner, 1)}"
    frame = Frame(
        sort="playbook",
        scope=scope,
        prefix=f"{owner}/",
        steps=playbook.steps,
        owner=owner,
        after=after,
        settles=settles,
    )
    scopes = {**state.scopes, scope: Scope(playbook=playbook.id, vars=dict(_typed(playbook, values)))}
    return fresh(replace(state, frames=(*state.frames, frame), scopes=scopes))


def _typed(playbook: Playbook, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What is handed over is text: each as its input's type has it. One that does not fit is left out, and so is asked for."""
    for name, given in values.items():
        var = next((var for declared, var in playbook.vars.items() if declared == name), None)
        try:
            yield name, given if var is None or var.type == "row" else value_of(var, given)
        except Wrong:
            continue
