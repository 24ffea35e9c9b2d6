"""`choose`: the operator decides by a single key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec
from msgspec import field

from perftui.playbooks.document import Do, Step
from perftui.playbooks.steps.kind import Kind, Problem, Way, arguments
from perftui.playbooks.steps.use import Argument
from perftui.playbooks.values import Slug, StepId

TAKEN = frozenset("hnqu?")
"""Keys that mean something in every step: hand-off, note, quit, undo, help."""


class Option(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    """One letter or digit."""
    label: str
    goto: StepId | None = None
    """The next step; with `use` or `steps`, the one after these."""
    use: Slug | None = None
    arguments: dict[StepId, Argument] = field(name="with", default_factory=dict)
    steps: tuple[Step, ...] = ()


class Choose(Do, frozen=True, kw_only=True):
    options: tuple[Option, ...]


def _ways(do: Choose) -> Iterator[Way]:
    for number, option in enumerate(do.options):
        yield Way(
            place=("options", number), goto=option.goto, use=option.use, arguments=option.arguments, steps=option.steps
        )


def _check(step: Step, do: Choose) -> Iterator[Problem]:
    keys = Counter(option.key for option in do.options)
    if len(do.options) < 2:
        yield Problem((), "there is nothing to choose", "give two options or more")
    for number, option in enumerate(do.options):
        place = ("options", number, "key")
        if len(option.key) != 1 or not option.key.isalnum() or not option.key.isascii():
            yield Problem(place, f"{option.key!r} is not one key", "write one letter or digit")
        elif option.key in TAKEN:
            yield Problem(place, f"the key {option.key} has a meaning in every step", "take another letter or a digit")
        elif keys[option.key] > 1 and [each.key for each in do.options].index(option.key) != number:
            yield Problem(place, f"the key {option.key} stands here twice", "take another letter or a digit")
        if option.use and option.steps:
            yield Problem(
                ("options", number), "an option leads to `use` or to `steps`, not to both", "drop one of them"
            )
        if not (option.goto or option.use or option.steps):
            yield Problem(("options", number), "the option leads nowhere", "add goto, use or steps")


KIND = Kind(
    name="choose",
    do=Choose,
    text="lets the operator decide by a key; each option has goto, use or steps",
    short="options",
    operator=True,
    fields={"choice": "text"},
    ways=_ways,
    templates=lambda do: arguments(_ways(do)),
    goes_on=lambda do: any(option.goto is None for option in do.options),
    check=_check,
)
