"""Drives the pure state of a run: each action is answered by an entry, as the shell would write it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from perftui.playbooks.journal import Entry, Event, Who
from perftui.playbooks.run.actions import Action, Answer, Begin, Close, Execute, Next, Settle, actions
from perftui.playbooks.run.fold import applied, folded
from perftui.playbooks.run.state import Book, State
from perftui.playbooks.steps.choose import Choose
from perftui.playbooks.steps.for_each import ForEach
from perftui.playbooks.steps.repeat import Repeat
from perftui.playbooks.steps.use import Use
from tests.playbooks.shelf import loaded

MOST = 300
Told = tuple[str, str | None, Mapping[str, Any]]
"""(event, path, data)."""


def book(main: str, **used: str) -> Book:
    """A book of playbooks' texts; `used` by id."""
    playbook = loaded(main).playbook
    others = {name.replace("_", "-"): loaded(text).playbook for name, text in used.items()}
    return Book(str(playbook.id), {str(playbook.id): playbook, **others})


class Driven:
    """A run that is answered by a table: by a step's path (or id) what it comes to, or what is chosen; `passed` by default."""

    def __init__(self, book: Book, answers: Mapping[str, Any] = {}, rows: list[Any] | None = None) -> None:
        self.book = book
        self.answers = {key: list(value) if isinstance(value, list) else value for key, value in answers.items()}
        self.rows = rows or []
        self.entries: list[Entry] = []
        self.state = folded(book, ())
        self.trail: list[str] = []

    def put(self, ev: str, path: str | None = None, attempt: int = 0, **data: Any) -> None:
        entry = Entry(
            run="r",
            seq=len(self.entries),
            at=f"2026-11-22T10:00:{len(self.entries):02d}Z",
            mono=float(len(self.entries)),
            who=Who(user="ann", host="h"),
            ev=ev,
            step=path,
            attempt=attempt,
            data=data,
            prev="",
        )
        self.entries.append(entry)
        self.state = applied(self.book, self.state, entry)

    def run(self, until: Callable[[State], bool] = lambda state: state.closed) -> list[str]:
        """The paths of the steps in the order of their intents, until the state is as wanted or nothing is left."""
        for _ in range(MOST):
            if until(self.state):
                return self.trail
            due = actions(self.state)
            if not due:
                return self.trail
            self.answer(due[0])
        raise AssertionError(f"no end: {self.trail[-10:]}")

    def answer(self, action: Action) -> None:
        match action:
            case Begin():
                self._begin(action)
            case Execute():
                self._execute(action)
            case Answer():
                self.put(Event.CHOICE, action.path, key=self._answer(f"{action.path}?", "continue"))
            case Next():
                self._next(action)
            case Settle():
                self.put(Event.STEP_OUTCOME, action.path, state=action.ended.value)
            case Close():
                self.put(Event.RUN_CLOSE, reason=action.reason)

    def _begin(self, action: Begin) -> None:
        if self._answer(f"{action.path}.when", True) is False:
            self.put(Event.STEP_OUTCOME, action.path, action.attempt, state="skipped")
            return
        self.trail.append(action.path)
        opens: dict[str, Any] = {}
        if isinstance(action.step.do, ForEach):
            opens = {"rows": self.rows}
        if isinstance(action.step.do, Use):
            opens = {"vars": {}}
        self.put(Event.STEP_INTENT, action.path, action.attempt, **opens)

    def _execute(self, action: Execute) -> None:
        answer = self._answer(action.path, "passed")
        if isinstance(action.step.do, Choose):
            self.put(Event.CHOICE, action.path, action.attempt, key=answer)
        elif isinstance(answer, int):
            self.put(Event.STEP_OUTCOME, action.path, action.attempt, state="passed", values={"arm": answer})
        else:
            state, _, why = answer.partition(":")
            self.put(Event.STEP_OUTCOME, action.path, action.attempt, state=state, why=why)

    def _next(self, action: Next) -> None:
        do = action.step.do
        if isinstance(do, ForEach):
            if action.last:
                self.put(Event.STEP_OUTCOME, action.path, state="passed", values={"done": action.turn})
            else:
                self.put(
                    Event.VAR_SET, action.path, scope=action.scope, name=do.name, value=action.row, turn=action.turn
                )
        elif isinstance(do, Repeat):
            picked = self._answer(f"{action.path}.pick", None)
            if picked is None:
                self.put(Event.STEP_INTENT, action.path, action.turn)
            else:
                name = next(iter(do.pick))
                self.put(Event.VAR_SET, action.path, scope=action.scope, name=str(name), value=picked)
                self.put(Event.STEP_OUTCOME, action.path, action.turn, state="passed")

    def _answer(self, path: str, default: Any) -> Any:
        found = self.answers.get(path, default)
        return found.pop(0) if isinstance(found, list) and found else default if isinstance(found, list) else found
