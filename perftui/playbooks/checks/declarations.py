"""Inputs and identity: declarations that contradict themselves, defaults that don't fit, playbooks nobody reviewed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from perftui.findings import RULES
from perftui.playbooks.checks.flow import Flow
from perftui.playbooks.checks.sheet import Placed, Sheet
from perftui.playbooks.complaint import Complaint, Wrong, nearest
from perftui.playbooks.document import Var
from perftui.playbooks.inputs import value_of
from perftui.playbooks.load import Loaded
from perftui.playbooks.shape import Where

_PROPOSED = re.compile(r"(context|deploy|alert)\.[A-Za-z_][A-Za-z0-9_]*")


def check_declarations(sheet: Sheet, flow: Flow) -> Iterator[Complaint]:
    """Everything wrong with what the playbook says of itself."""
    yield from _review(sheet)
    rules = {rule.name for rule in RULES}
    for number, rule in enumerate(sheet.playbook.suggests_for):
        if rule not in rules:
            yield sheet.say(("suggests_for", number), f"{rule} is no rule", nearest(rule, rules))
    for declared in sheet.inputs.values():
        for where, var, placed in declared:
            if placed is None or not placed.kind.loops or placed.kind.operator:
                yield from _input(sheet, where, var, placed)
    for placed in sheet.steps:
        for number, link in enumerate(placed.step.links):
            if not link.startswith(("https://", "http://")):
                yield sheet.say((*placed.where, "links", number), f"{link!r} is no address", "write https://…")


def _review(sheet: Sheet) -> Iterator[Complaint]:
    reviewed = sheet.playbook.reviewed
    if reviewed is None:
        yield sheet.say(("id",), "nobody has reviewed it", "add `reviewed: 2026-09-01`", warning=True)
        return
    if date.fromisoformat(reviewed) > sheet.today:
        yield sheet.say(("reviewed",), f"{reviewed} has not come yet", "write the day of the last review", warning=True)
    if due := overdue(sheet.playbook.reviewed, sheet.playbook.review_every_s, sheet.today):
        what = f"its review was due on {due}"
        yield sheet.say(("reviewed",), what, "go through it and write the day here", warning=True)
    if sheet.loaded.changed_since_review:
        what = f"it was changed after its review of {reviewed}"
        right = f"go through it, write the day and `reviewed_hash: {sheet.loaded.review_hash}`"
        yield sheet.say(("reviewed_hash",), what, right, warning=True)


def overdue(reviewed: str | None, every_s: float, today: date) -> date | None:
    """The day when a review was due and did not happen; None while it is fresh, or where it never had one."""
    if reviewed is None:
        return None
    due = date.fromisoformat(reviewed) + timedelta(seconds=min(every_s, 86400.0 * 36500))
    return due if due < today else None


def review(loaded: Loaded, today: date) -> str:
    """How fresh it is, in words."""
    playbook = loaded.playbook
    if playbook.reviewed is None:
        return "never reviewed"
    if loaded.changed_since_review:
        return f"changed since {playbook.reviewed}"
    due = overdue(playbook.reviewed, playbook.review_every_s, today)
    return f"review was due {due}" if due else f"reviewed {playbook.reviewed}"


def _input(sheet: Sheet, where: Where, var: Var, placed: Placed | None) -> Iterator[Complaint]:
    yield from _fits(sheet, where, var)
    if var.source is not None:
        yield from _source(sheet, (*where, "from"), var)
    if var.type == "row":
        if placed is None:
            yield sheet.say(where, "a row is picked in a step", "move it into `ask:`")
        if not (var.source or "").startswith("steps.") or not var.key:
            right = "write {type: row, from: steps.ID, key: [pid, backend_start]}"
            yield sheet.say(where, "a row has a table to pick from and the key that tells it", right)
    if var.default is not None:
        if var.secret:
            yield sheet.say((*where, "default"), "a secret stands in the playbook", "leave the default out")
            return
        try:
            value_of(var, var.default)
        except Wrong as wrong:
            yield sheet.say((*where, "default"), wrong.what, wrong.right)


def _fits(sheet: Sheet, where: Where, var: Var) -> Iterator[Complaint]:
    if (var.type == "choice") != bool(var.choices):
        right = "write {type: choice, choices: [a, b]}"
        yield sheet.say(where, "choices belong to a choice, and a choice has some", right)
    if var.type not in ("int", "number", "duration") and (var.min is not None or var.max is not None):
        yield sheet.say(where, f"a {var.type} has no min and max", "leave them out, or take int or number")
    if var.min is not None and var.max is not None and var.min > var.max:
        yield sheet.say((*where, "min"), f"min {var.min:g} is above max {var.max:g}", "exchange them")
    if var.key and var.type != "row":
        yield sheet.say((*where, "key"), "a key belongs to a row", "leave it out")


def _source(sheet: Sheet, where: Where, var: Var) -> Iterator[Complaint]:
    source = str(var.source)
    root, _, rest = source.partition(".")
    if root == "steps":
        step = sheet.by_id.get(rest.split(".")[0])
        if step is None:
            if rest not in sheet.broken:
                yield sheet.say(where, f"{source} is no step", nearest(rest, set(sheet.by_id)))
        elif step.step.capture is None and not step.kind.captures:
            yield sheet.say(where, f"step {rest} captures no table", "add capture: {as: NAME, parse: table}")
    elif not _PROPOSED.fullmatch(source) and sheet.vocabulary.find(tuple(source.split("."))) is None:
        right = "write context.NAME, deploy.NAME, alert.LABEL, steps.ID or a reading"
        yield sheet.say(where, f"{source} is nothing to take a value from", right)
