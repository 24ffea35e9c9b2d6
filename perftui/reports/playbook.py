"""Playbooks as text: the shelf, one playbook, its plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from textwrap import wrap
from typing import Any

from perftui.history.words import age
from perftui.playbooks.checks.declarations import review
from perftui.playbooks.document import Effect, Playbook
from perftui.playbooks.load import Loaded, depth, walk
from perftui.playbooks.plan import Plan, PlannedStep, plain
from perftui.playbooks.shelf import Shelved
from perftui.playbooks.steps import effect_of, kind_of

WIDTH = 100
_SIGNS = {Effect.READ: " ", Effect.UNKNOWN: "?", Effect.CHANGE: "!"}
_TELLING = ("text", "statement", "until", "condition", "playbook", "url", "host", "kind")
"""Fields whose value needs no name beside it."""
LEGEND = "!  changes something    ?  not declared"


def shelf_text(shelved: Sequence[Shelved], today: date) -> str:
    """One line for each playbook: its id, how fresh it is, its title."""
    width = max((len(each.id) for each in shelved), default=0)
    lines = []
    for each in shelved:
        if each.loaded is None:
            lines.append(f"{each.id:<{width}}  {'can not be used':<25}  {each.reason}")
            continue
        origin = "" if each.origin == "shipped" else f"  ({each.origin})"
        playbook = each.loaded.playbook
        lines.append(f"{each.id:<{width}}  {review(each.loaded, today):<25}  {playbook.title}{origin}")
    return "\n".join(lines)


def playbook_text(loaded: Loaded, today: date) -> str:
    """One playbook for reading: what it is for, what it needs, what it does."""
    playbook = loaded.playbook
    lines = [f"{playbook.id}  {playbook.title}", *_wrapped(playbook.summary, "  "), ""]
    facts = [
        ("file", f"{loaded.file}  sha256 {loaded.sha256[:12]}"),
        ("owner", playbook.owner),
        ("review", review(loaded, today)),
        ("source", ", ".join(playbook.source)),
        (
            "offered",
            " · ".join([*playbook.suggests_for, *(" ".join(each.text.split()) for each in playbook.suggest_when)]),
        ),
        (
            "needs",
            ", ".join([*playbook.needs.commands, *playbook.needs.commands_optional, *playbook.needs.connections]),
        ),
    ]
    for name, text in facts:
        if text:
            lines += _wrapped(text, "  ", first=f"  {name:<8}")
    lines += _listed("mitigate first", playbook.mitigate)
    lines += _listed("inputs", [_input_line(playbook, str(name)) for name in playbook.vars])
    lines += _listed("thresholds", [_threshold_line(playbook, str(name)) for name in playbook.thresholds])
    lines += ["", f"  steps    {LEGEND}"]
    for where, step in walk(playbook):
        indent = "  " * depth(where)
        mark = "finally " if where == ("finally", 0) else ""
        sign = _SIGNS[effect_of(step)]
        lines.append(f"{sign}{indent}{mark}{step.id}  {step.title}  [{kind_of(step.do).name}]")
        for text in (
            step.why,
            f"when {' '.join(step.when.text.split())}" if step.when else "",
            _does(plain(step.do, _as_is)),
        ):
            lines += _wrapped(text, f"{indent}     ")
    lines += _listed("follow up", playbook.follow_up)
    return "\n".join(lines)


def plan_text(plan: Plan) -> str:
    """A plan for reading: inputs with their values, what is missing, every step with what it would do."""
    lines = [f"{plan.id}  {plan.title}", f"  {plan.file}  sha256 {plan.sha256[:12]}  effect {plan.effect}", ""]
    for each in plan.inputs:
        value = "(asked)" if each.value is None else each.value
        lines.append(f"  {each.name} = {value}  [{each.type}, {each.source}]")
    lines += [f"  missing: {each}" for each in plan.missing]
    lines += ["", f"  steps    {LEGEND}"]
    for each_step in plan.steps:
        lines += _planned(each_step, "  ")
    if plan.finally_:
        lines.append("  finally")
        for each_step in plan.finally_:
            lines += _planned(each_step, "    ")
    return "\n".join(lines)


def _planned(step: PlannedStep, indent: str) -> Iterator[str]:
    timeout = f"  at most {age(step.timeout_s)}" if step.timeout_s is not None else ""
    yield f"{_SIGNS[step.effect]}{indent}{step.id}  {step.title}  [{step.kind}]{timeout}"
    facts = [f"when {' '.join(step.when.split())}" if step.when else "", _does(step.does)]
    facts.append(f"type to confirm: {step.target}" if step.target else "")
    facts.append(f"undo: {_does(step.undo)}" if step.undo else "")
    for fact in facts:
        yield from _wrapped(fact, f"{indent}     ")
    for inner in step.steps:
        yield from _planned(inner, f"{indent}  ")


def _does(does: dict[str, Any]) -> str:
    """What a step does in one line: a command as it would be typed, else its fields."""
    if "argv" in does:
        return " ".join(word if word and " " not in word else repr(word) for word in does["argv"])
    words = []
    for name, value in does.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            words.append(" · ".join(_way(each) for each in value))
        elif isinstance(value, dict):
            words.append(f"{name}: {_pairs(value)}")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else " ".join(str(value).split())
            words.append(text if name in _TELLING else f"{name} {text}")
    return ", ".join(words)


def _way(way: dict[str, Any]) -> str:
    """An option or an arm: what it is, and where it leads."""
    aim = way.get("goto") or way.get("else") or way.get("unknown")
    aims = [f"playbook {way['use']}" if "use" in way else "", f"step {aim}" if aim else ""]
    if "key" in way:
        name = f"[{way['key']}] {way['label']}"
    else:
        name = f"if {' '.join(way['if'].split())}" if "if" in way else "else" if "else" in way else "unknown"
    return f"{name} → {', then '.join(each for each in aims if each) or 'steps of its own'}"


def _pairs(record: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_does(value) if isinstance(value, dict) else value}" for name, value in record.items())


def _as_is(reference: str) -> str:
    return f"${{{reference}}}"


def _input_line(playbook: Playbook, name: str) -> str:
    var = next(var for each, var in playbook.vars.items() if each == name)
    default = (
        ""
        if var.default is None
        else f" = {str(var.default).lower() if isinstance(var.default, bool) else var.default}"
    )
    return f"{name}: {var.type}{default}  {var.prompt}".rstrip()


def _threshold_line(playbook: Playbook, name: str) -> str:
    threshold = next(each for known, each in playbook.thresholds.items() if known == name)
    return f"t.{name} = {threshold.value.text}  {threshold.source or '(ours)'}"


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"  {title}", *(line for each in lines for line in _wrapped(each, "    "))] if lines else []


def _wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    return wrap(" ".join(text.split()), WIDTH, initial_indent=first or indent, subsequent_indent=indent) if text else []
