"""The questions of a run, made from what it knows. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from perftui.pipeline.playbook.talk import Choice, Question
from perftui.playbooks.document import Do, Effect, Step, Undo, Var
from perftui.playbooks.run.state import Undoable
from perftui.playbooks.steps.choose import Choose
from perftui.playbooks.steps.http import Http
from perftui.playbooks.steps.run import Run, filled
from perftui.playbooks.steps.say import Say
from perftui.playbooks.steps.sql import Sql
from perftui.playbooks.steps.world import Unfilled, World, table_of

CONFIRM_S = 60.0
_DONE = (Choice(key="d", label="done"), Choice(key="s", label="skip"), Choice(key="b", label="blocked"))


def deed(do: Do, world: World) -> tuple[str, ...]:
    """What a step that acts will do, with its values in it; secrets are not among them."""
    try:
        match do:
            case Run():
                return (f"$ {shlex.join(filled(do, world))}",)
            case Sql():
                bound = [f"  :{name} = {world.value(v) if isinstance(v, str) else v}" for name, v in do.params.items()]
                return (*(f"  {line}" for line in do.statement.strip().splitlines()), *bound)
            case Http():
                return (f"{do.method} {world.fill(do.url)}",)
            case Say():
                return tuple(world.fill(do.text).strip().splitlines())
    except Unfilled as exc:
        return (f"can't be done as it stands: {exc}",)
    return ()


def undo_words(undo: Undo | None, world: World) -> tuple[str, ...]:
    """How a change would be taken back."""
    if undo is None:
        return ("undo: none is known",)
    first, *rest = deed(undo.do, world) or ("by hand",)
    return (f"undo: {first.strip()}", *(f"      {line.strip()}" for line in rest))


def confirm(step: Step, path: str, effect: Effect, world: World, evidence: tuple[str, ...], note: str) -> Question:
    """A change is confirmed by typing its target, an undeclared effect by a key."""
    typed = world.fill(step.target) if effect is Effect.CHANGE and step.target is not None else ""
    lines = (*([note] if note else []), *deed(step.do, world), *evidence, *undo_words(step.undo, world))
    choices = (
        (Choice(key="s", label="skip"),) if typed else (Choice(key="y", label="run it"), Choice(key="s", label="skip"))
    )
    return Question(
        about="confirm",
        path=path,
        step=step,
        title="A change. Type what it changes" if typed else "Not declared as harmless. Run it?",
        lines=lines,
        choices=choices,
        typed=typed,
        effect=effect,
        expires_mono=world.mono + CONFIRM_S,
    )


def locked(step: Step, path: str, effect: Effect, world: World, host: str) -> Question:
    """Changes are locked for this run."""
    return Question(
        about="locked",
        path=path,
        step=step,
        title="Changes are locked. Type the host's name to allow them in this run",
        lines=deed(step.do, world),
        choices=(Choice(key="s", label="skip it, go on reading"),),
        typed=host,
        effect=effect,
    )


def undo(undoable: Undoable, world: World, note: str) -> Question:
    """A change is taken back; that is a change as well."""
    step = undoable.step
    assert step.undo is not None
    typed = world.fill(step.undo.target) if step.undo.target is not None else ""
    by_hand = isinstance(step.undo.do, Say)
    choices = _DONE if by_hand else (Choice(key="y", label="take it back"), Choice(key="s", label="leave it"))
    return Question(
        about="undo",
        path=undoable.key,
        step=step,
        title=f"Take back: {step.title}",
        lines=(*([note] if note else []), *deed(step.undo.do, world)),
        choices=(Choice(key="s", label="leave it"),) if typed and not by_hand else choices,
        typed="" if by_hand else typed,
        effect=Effect.READ if by_hand else Effect.CHANGE,
        expires_mono=None if by_hand else world.mono + CONFIRM_S,
    )


def say(step: Step, path: str, do: Say, world: World) -> Question:
    return Question(about="say", path=path, step=step, title=step.title, lines=deed(do, world), choices=_DONE)


def choose(step: Step, path: str, do: Choose) -> Question:
    choices = tuple(Choice(key=option.key, label=option.label) for option in do.options)
    return Question(about="choose", path=path, step=step, title=step.title, choices=choices)


def unknown_when(step: Step, path: str, why: str) -> Question:
    """Whether a step is due can't be told."""
    return Question(
        about="unknown_when",
        path=path,
        step=step,
        title=step.title,
        lines=(f"due only when {step.when.text if step.when else ''}", why),
        choices=(Choice(key="s", label="skip it"), Choice(key="r", label="do it")),
    )


def failed(step: Step, path: str, why: str, again: bool) -> Question:
    """A step failed, and its author left the decision to the operator."""
    first = (Choice(key="r", label="try again"),) if again else ()
    choices = (*first, Choice(key="c", label="go on"), Choice(key="x", label="end the run"))
    return Question(about="failed", path=path, step=step, title=f"Failed: {step.title}", lines=(why,), choices=choices)


def indeterminate(step: Step, path: str, lines: tuple[str, ...]) -> Question:
    """A change had begun when perftui ended."""
    return Question(
        about="indeterminate",
        path=path,
        step=step,
        title=f"Was it done? {step.title}",
        lines=("perftui ended while this was under way. It is not tried again by itself: look first.", *lines),
        choices=(
            Choice(key="d", label="it was done"),
            Choice(key="n", label="it was not done"),
            Choice(key="x", label="end the run"),
        ),
        effect=Effect.CHANGE,
    )


def inputs(
    step: Step, path: str, wanted: Mapping[str, Var], proposals: Mapping[str, str], rows: tuple[Any, ...], note: str
) -> Question:
    """Inputs to fill in."""
    picks = any(var.type == "row" for var in wanted.values())
    return Question(
        about="pick" if picks else "ask",
        path=path,
        step=step,
        title=step.title,
        lines=(note,) if note else (),
        inputs=wanted,
        proposals=proposals,
        rows=rows,
        choices=(Choice(key="r", label="read again"),) if picks and path else (),
    )


def still_standing(undos: list[Undoable], step: Step) -> Question:
    """The run has come to its end, and changes of it still stand."""
    lines = tuple(f"{each.step.title} · since {each.since_at[11:16]} · {each.state}" for each in undos)
    return Question(
        about="undo",
        path="",
        step=step,
        title="The steps are done. These changes still stand",
        lines=lines,
        choices=(Choice(key="u", label="take back the newest"), Choice(key="k", label="keep them and end the run")),
    )


def rows_of(var: Var, world: World) -> tuple[Any, ...]:
    """The rows that an input of type row picks from."""
    return tuple(table_of(world.value(var.source)) or ()) if var.source else ()
