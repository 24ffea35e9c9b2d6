"""Safety: effects that are not what they say, changes without consent or undo, values where they could become code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from perftui.playbooks.checks.flow import Flow
from perftui.playbooks.checks.names import declared_type
from perftui.playbooks.checks.sheet import Placed, Sheet
from perftui.playbooks.complaint import Complaint, nearest
from perftui.playbooks.document import Effect, Playbook
from perftui.playbooks.load import walk
from perftui.playbooks.shape import Where
from perftui.playbooks.steps import effect_of
from perftui.playbooks.steps.kind import Way, worst
from perftui.playbooks.steps.run import Run, changes
from perftui.playbooks.template import Template

_SHAPED = ("name", "int", "number", "choice", "duration")
"""Types whose values can stand in the middle of a word (3.5)."""


def check_safety(sheet: Sheet, flow: Flow) -> Iterator[Complaint]:
    """Everything that could do harm."""
    for placed in sheet.steps:
        yield from _kind(sheet, placed)
        yield from _effect(sheet, placed)
        yield from _change(sheet, placed)
        yield from _capture(sheet, placed)
        yield from _surroundings(sheet, placed)
        yield from _use(sheet, placed)
        yield from _timeout(sheet, placed)
    for where, template, placed in sheet.templates():
        yield from _interpolation(sheet, where, template, placed)


def _timeout(sheet: Sheet, placed: Placed) -> Iterator[Complaint]:
    given = (("limits", "step_timeout"), (*placed.where, "timeout"), (*placed.do, "timeout"))
    if placed.kind.outside and not any(where in sheet.loaded.places for where in given):
        right = "add `timeout: 20s`, or limits.step_timeout for all"
        yield sheet.say(placed.where, f"{placed.step.id} has no timeout, so 30 s are taken", right, warning=True)


def _kind(sheet: Sheet, placed: Placed) -> Iterator[Complaint]:
    """What a kind finds wrong in itself, in the step and in its undo."""
    step = placed.step
    for where, kind, do in placed.acts():
        if do is not step.do:
            assert step.undo is not None
            step = msgspec.structs.replace(step, effect=step.undo.effect)
        for problem in kind.check(step, do):
            place = (*where, *problem.place)
            yield sheet.say(place, problem.what, problem.right, offset=problem.offset, warning=problem.warning)


def _effect(sheet: Sheet, placed: Placed) -> Iterator[Complaint]:
    step, kind = placed.step, placed.kind
    at = (*placed.where, "effect")
    if step.effect is not None and step.effect is not Effect.READ and not kind.acts:
        yield sheet.say(at, f"a {kind.name} step changes nothing", "leave `effect` out")
    own = kind.effect(step.do)
    if step.effect is Effect.READ and own is Effect.CHANGE:
        yield sheet.say(at, f"this {kind.name} is a change", "write effect: change, with target and undo")
    if isinstance(step.do, Run) and step.effect is Effect.READ and (verb := changes(step.do)):
        yield sheet.say(at, f"{verb} changes something", "write effect: change, with target and undo")
    if isinstance(step.do, Run) and step.effect is None:
        right = "write effect: read if it only looks, else effect: change with target and undo"
        yield sheet.say(placed.where, f"{step.id} does not say what its command does", right, warning=True)


def _change(sheet: Sheet, placed: Placed) -> Iterator[Complaint]:
    step = placed.step
    changing = (step.effect or placed.kind.effect(step.do)) is Effect.CHANGE
    if changing and step.target is None:
        right = "add `target:`, the text to type: the name of what is changed"
        yield sheet.say(placed.where, f"the change {step.id} has no target to confirm", right)
    if changing and step.undo is None:
        right = "add `undo:`; where there is none, undo: {say: No undo, because …}"
        yield sheet.say(placed.where, f"the change {step.id} has no undo", right)
    if not changing and step.undo is not None:
        yield sheet.say((*placed.where, "undo"), "a step that changes nothing has nothing to undo", "remove it")
    if changing and step.retry is not None and not step.idempotent:
        right = "remove retry, or write idempotent: true if twice is as once"
        yield sheet.say((*placed.where, "retry"), "a change must not be tried again blindly", right)
    undo = step.undo
    if undo is not None and undo.effect is Effect.CHANGE and undo.target is None:
        yield sheet.say((*placed.where, "undo"), "the undo is a change without a target", "add `target:` to it")
    if undo is not None and undo.reminder and undo.remind_after_s is None:
        yield sheet.say((*placed.where, "undo", "reminder"), "nobody knows when to remind", "add `remind_after: 30m`")


def _capture(sheet: Sheet, placed: Placed) -> Iterator[Complaint]:
    capture = placed.step.capture
    if capture is None:
        return
    where = (*placed.where, "capture")
    if not placed.kind.captures:
        yield sheet.say(where, f"a {placed.kind.name} step has no output to capture", "capture from run, sql or http")
    if capture.name in ("n", "first", "state", "attempts", "verdict") or capture.name in placed.kind.fields:
        yield sheet.say((*where, "as"), f"{capture.name} has a meaning in every step", "take another name")
    if capture.select and (told := _unreadable(capture.select)):
        yield sheet.say((*where, "select"), f"the select can't be read: {told}", "write JMESPath: Datapoints[].p95")


def _unreadable(expression: str) -> str:
    """Why a JMESPath expression can't be compiled; empty where it can."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        jmespath.compile(expression)
    except JMESPathError as exc:
        return str(exc).splitlines()[0].rstrip(":")
    return ""


def _surroundings(sheet: Sheet, placed: Placed) -> Iterator[Complaint]:
    """Where steps stand that only look, nothing else may stand; where nobody is asked, no person can take part."""
    unmanned, within = placed.unmanned, placed.reading
    if within and placed.effect is not Effect.READ:
        told = f"{within} only reads, and {placed.step.id} is {placed.effect}"
        yield sheet.say(placed.where, told, "declare effect: read, or move the step")
    if unmanned and placed.kind.operator:
        yield sheet.say(
            placed.where, f"{unmanned} runs by itself, and a {placed.kind.name} waits for a person", "move the step"
        )
    if placed.where[0] == "finally" and (
        placed.step.on_fail.step or any(way.goto for way in placed.kind.ways(placed.step.do))
    ):
        yield sheet.say(placed.where, "finally goes from its first step to its last", "remove the goto")
    timeout_s = (
        getattr(placed.step.do, "timeout_s", None)
        or getattr(placed.step.do, "duration_s", None)
        or placed.step.timeout_s
    )
    if timeout_s is not None and timeout_s > sheet.playbook.limits.run_timeout_s:
        yield sheet.say(
            placed.where, f"{placed.step.id} may last longer than the whole run", "raise limits.run_timeout"
        )


def _use(sheet: Sheet, placed: Placed) -> Iterator[Complaint]:
    for way in placed.kind.ways(placed.step.do):
        if way.use is None:
            continue
        where = (*placed.do, *way.place, "playbook" if placed.kind.name == "use" else "use")
        if way.use == sheet.playbook.id:
            yield sheet.say(where, "the playbook uses itself", "go back with goto")
        elif sheet.shelf is not None and way.use not in sheet.shelf:
            right = nearest(way.use, set(sheet.shelf)) or "add it to the same folder"
            yield sheet.say(where, f"there is no playbook {way.use} here", right)
        elif sheet.shelf is not None:
            yield from _used(sheet, placed, way, where)


def _used(sheet: Sheet, placed: Placed, way: Way, where: Where) -> Iterator[Complaint]:
    shelf = sheet.shelf or {}
    other = shelf[str(way.use)]
    for name in way.arguments:
        if name not in other.vars:
            right = nearest(name, {str(each) for each in other.vars})
            yield sheet.say((*placed.do, *way.place, "with", name), f"{other.id} has no input {name}", right)
    effect = worst([effect_of(step) for _, step in walk(other)])
    if placed.unmanned and effect is not Effect.READ:
        yield sheet.say(where, f"{placed.unmanned} only reads, and {other.id} is {effect}", "use it outside")
    if sheet.playbook.id in _reached(other, shelf):
        yield sheet.say(
            where, f"{other.id} comes back to this playbook: they use each other for ever", "break the circle"
        )


def _reached(start: Playbook, shelf: Mapping[str, Playbook]) -> set[str]:
    """The ids of all playbooks that one leads to."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for _, step in walk(waiting.pop()):
            for way in Placed((), step).kind.ways(step.do):
                if way.use is not None and way.use not in seen:
                    seen.add(way.use)
                    if way.use in shelf:
                        waiting.append(shelf[way.use])
    return seen


def _interpolation(sheet: Sheet, where: Where, template: Template, placed: Placed) -> Iterator[Complaint]:
    """3.5, point 3: in a command or an address a value is a whole word, or its type can't hold anything but a word."""
    shown = where[-1] == "target" or where[-2:-1] == ("say",)
    spoken = "with" in where
    hidden = "env" in where or "headers" in where or where[-1] == "body"
    for path in template.references():
        var = declared_type(sheet, path)
        if var is not None and var.secret and not hidden:
            told = "on a command line, where ps shows it" if "run" in where else "where it would be seen"
            yield sheet.say(
                where, f"the secret {path} stands {told}", "pass it in `env:` or `headers:`", offset=template.find(path)
            )
        if "argv" in where and template == f"${{{path}}}" and _may_be_option(sheet, where, placed, path):
            right = "put -- before it, or declare it as a name or with a pattern"
            yield sheet.say(where, f"{path} could begin with a hyphen, and is then refused", right, warning=True)
        if shown or spoken or template == f"${{{path}}}" or path.startswith(("t.", "slo.")):
            continue
        if var is None or not (var.type in _SHAPED or var.pattern is not None):
            sort = f"a {var.type} without a pattern" if var is not None else "of no declared type"
            right = (
                "make it a word of its own, or declare it as name, int, number, choice or duration, or with a pattern"
            )
            yield sheet.say(where, f"{path} is {sort} inside of a longer text", right, offset=template.find(path))


def _may_be_option(sheet: Sheet, where: Where, placed: Placed, path: str) -> bool:
    """Whether a value that is a word of its own could be taken for an option."""
    var = declared_type(sheet, path)
    loose = path.startswith("steps.") or (var is not None and var.type in ("text", "row") and var.pattern is None)
    do = placed.step.do if where[: len(placed.do)] == placed.do else placed.step.undo and placed.step.undo.do
    return loose and isinstance(do, Run) and "--" not in do.argv[: int(where[-1])]
