"""A run is the sum of its journal: the same fold gives the state while it runs, after a crash, and for the report.

What happens in the world is decided outside and told by an entry; nothing here reads a clock or evaluates a condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from perftui.playbooks.document import Effect, Step
from perftui.playbooks.journal import Entry, Event
from perftui.playbooks.run.moves import fresh, into_playbook, jumped, onward, stopping, taken, top
from perftui.playbooks.run.state import Assessed, Book, Ended, Frame, State, Status, Undoable, begun, here, scope_of
from perftui.playbooks.steps import can_be_undone, effect_of, kind_of
from perftui.playbooks.steps.branch import Branch
from perftui.playbooks.steps.choose import Choose
from perftui.playbooks.steps.for_each import ForEach
from perftui.playbooks.steps.parallel import Parallel
from perftui.playbooks.steps.repeat import Repeat
from perftui.playbooks.steps.use import Use

replace = msgspec.structs.replace


def folded(book: Book, entries: Iterable[Entry]) -> State:
    """The state after these entries."""
    state = begun(book)
    for entry in entries:
        state = applied(book, state, entry)
    return state


def applied(book: Book, state: State, entry: Entry) -> State:
    """The state after one more entry. An entry of a newer version changes nothing."""
    data = entry.data
    match entry.ev:
        case Event.RUN_OPEN:
            return _with_vars(replace(state, allowed=bool(data.get("allow_changes"))), "", data.get("vars", {}))
        case Event.VAR_SET:
            return _var_set(state, entry)
        case Event.STEP_INTENT:
            return _intended(book, state, entry)
        case Event.STEP_OUTCOME:
            return _outcome(book, state, entry)
        case Event.VERDICT:
            told = Assessed(verdict=data["verdict"], path=entry.step or "", say=data.get("say", ""), at=entry.at)
            return replace(state, board={**state.board, data["cause"]: told})
        case Event.CHOICE:
            return _chosen(book, state, entry)
        case Event.CONFIRM:
            return replace(state, allowed=True) if data.get("unlocks") else state
        case Event.UNDO_DONE:
            return _undone(state, entry.step or "", data.get("state", "done"))
        case Event.RUN_RESUMED:
            return _resumed(state, bool(data.get("allow_changes")))
        case Event.RUN_CLOSE:
            return replace(state, closed=True, frames=())
    return state


def _with_vars(state: State, scope: str, values: Mapping[str, Any]) -> State:
    known = state.scopes[scope]
    return replace(state, scopes={**state.scopes, scope: replace(known, vars={**known.vars, **values})})


def _var_set(state: State, entry: Entry) -> State:
    data = entry.data
    state = _with_vars(state, data.get("scope", scope_of(state)), {data["name"]: data.get("value")})
    frame = state.frames[-1] if state.frames else None
    if frame is not None and frame.sort == "rows" and frame.owner == entry.step:
        return fresh(top(state, replace(frame, turn=data["turn"], index=0, between=False)))
    return state


def _intended(book: Book, state: State, entry: Entry) -> State:
    path = entry.step or ""
    if path.startswith("undo:"):
        return _undone(state, path.removeprefix("undo:"), "started")
    frame = state.frames[-1] if state.frames else None
    if frame is not None and frame.sort == "rounds" and frame.owner == path:
        return fresh(top(state, replace(frame, turn=entry.attempt, index=0, between=False)))
    found = here(state)
    if found is None:
        return state
    frame, step, at_hand = found
    if path != at_hand:
        return replace(state, children={**state.children, path: None})
    visits = state.visits if entry.attempt > 1 else {**state.visits, path: state.visits.get(path, 0) + 1}
    state = replace(state, status=Status.STARTED, attempt=entry.attempt, visits=visits, children={})
    match step.do:
        case Use():
            playbook = book.playbooks[step.do.playbook]
            return into_playbook(state, playbook, path, entry.data.get("vars", {}), settles=True)
        case ForEach():
            rows = tuple(entry.data.get("rows", ()))
            inner = Frame(
                sort="rows", scope=frame.scope, prefix=f"{path}/", steps=step.do.steps, owner=path, settles=True,
                rows=rows, between=True,
            )  # fmt: skip
            return fresh(replace(state, frames=(*state.frames, inner)))
        case Repeat():
            inner = Frame(
                sort="rounds",
                scope=frame.scope,
                prefix=f"{path}/",
                steps=step.do.steps,
                owner=path,
                settles=True,
                turn=1,
            )
            return fresh(replace(state, frames=(*state.frames, inner)))
    return state


def _outcome(book: Book, state: State, entry: Entry) -> State:
    path, data = entry.step or "", entry.data
    ended = Ended(data["state"])
    owners = [frame.owner for frame in state.frames if frame.settles]
    if path in owners:
        place = owners.index(path)
        kept = [frame for frame in state.frames if frame.settles][place]
        state = replace(state, frames=state.frames[: state.frames.index(kept)])
    found = here(state)
    if found is None:
        return state
    frame, step, at_hand = found
    state = _remembered(state, frame.scope, path, entry, ended)
    if path != at_hand:
        return replace(state, children={**state.children, path: ended})
    if ended in (Ended.FAILED, Ended.UNKNOWN) and not isinstance(step.do, Branch):
        return _failed(book, state, step, data.get("why", ""), ended)
    if ended is Ended.PASSED:
        state = _undoable(state, frame, step, path, entry)
    if isinstance(step.do, Branch) and ended is not Ended.SKIPPED:
        return _branched(book, state, step.do, path, data)
    return onward(book, state)


def _remembered(state: State, scope: str, path: str, entry: Entry, ended: Ended) -> State:
    known = state.scopes[scope]
    step_id = path.rpartition("/")[2]
    values = {
        **entry.data.get("values", {}),
        "state": ended.value,
        "attempts": entry.attempt,
        "duration_s": entry.data.get("duration_s"),
    }
    scopes = {**state.scopes, scope: replace(known, steps={**known.steps, step_id: values})}
    timed_out = state.timed_out or bool(entry.data.get("timed_out"))
    return replace(state, scopes=scopes, ended={**state.ended, path: ended}, timed_out=timed_out)


def may_repeat(step: Step) -> bool:
    """Whether doing it again can do no harm."""
    return effect_of(step) is Effect.READ or step.idempotent


def _failed(book: Book, state: State, step: Step, why: str, ended: Ended) -> State:
    retry = step.retry
    if retry is not None and state.attempt <= retry.times and may_repeat(step):
        return replace(state, status=Status.NEW, problem=why)
    if state.frames[0].sort == "finally" or step.on_fail == "continue":
        return onward(book, state)
    if step.on_fail == "stop":
        return stopping(book, state, f"{step.title}: {why}" if why else step.title)
    if step.on_fail.startswith("goto:"):
        return jumped(state, step.on_fail.removeprefix("goto:"))
    return replace(state, status=Status.FAILED, problem=why)


def _branched(book: Book, state: State, do: Branch, path: str, data: Mapping[str, Any]) -> State:
    number = data.get("values", {}).get("arm")
    if number is None:
        return onward(book, state)
    arm = do.arms[number]
    return taken(book, state, path, arm.target, arm.use, arm.steps, data.get("vars", {}))


def _chosen(book: Book, state: State, entry: Entry) -> State:
    key, found = entry.data["key"], here(state)
    if key == "stop":
        return stopping(book, state, entry.data.get("why") or "stopped by the operator")
    if found is None or found[2] != entry.step:
        return state
    frame, step, path = found
    if isinstance(step.do, Choose) and state.status is Status.STARTED:
        option = next(option for option in step.do.options if option.key == key)
        told = msgspec.structs.replace(entry, data={"values": {"choice": key}})
        state = _remembered(state, frame.scope, path, told, Ended.PASSED)
        return taken(book, state, path, option.goto, option.use, option.steps, entry.data.get("vars", {}))
    match key:
        case "retry":
            return replace(state, status=Status.NEW)
        case "continue":
            return onward(book, state)
        case "done":  # the operator saw that it was
            state = _remembered(state, frame.scope, path, entry, Ended.PASSED)
            return onward(book, _undoable(state, frame, step, path, entry))
        case "not_done":
            return replace(state, status=Status.FAILED, problem="it was not done")
    return state


def _undoable(state: State, frame: Frame, step: Step, path: str, entry: Entry) -> State:
    """A change with a way back was made."""
    if not can_be_undone(step):
        return state
    visit = state.visits.get(path, 1)
    key = path if visit == 1 else f"{path}#{visit}"
    made = Undoable(key=key, path=path, step=step, scope=frame.scope, since_mono=entry.mono, since_at=entry.at)
    return replace(state, undos=(*state.undos, made))


def _undone(state: State, key: str, how: Literal["offered", "started", "done", "failed", "kept"]) -> State:
    undos = tuple(
        replace(undo, state=how, attempts=undo.attempts + (how == "started")) if undo.key == key else undo
        for undo in state.undos
    )
    return replace(state, undos=undos)


def _resumed(state: State, allowed: bool) -> State:
    """What was under way when we were cut off: read again, or asked about."""
    undos = tuple(replace(undo, state="indeterminate") if undo.state == "started" else undo for undo in state.undos)
    children = {path: ended for path, ended in state.children.items() if ended is not None}
    state = replace(state, allowed=allowed, undos=undos, children=children)
    found = here(state)
    if found is None or state.status is not Status.STARTED or isinstance(found[1].do, Parallel):
        return state
    step = found[1]
    if kind_of(step.do).operator or may_repeat(step):
        return replace(state, status=Status.NEW)
    return replace(state, status=Status.INDETERMINATE)
