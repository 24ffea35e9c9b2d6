"""What the rest of the house knows about a kind of step without knowing the kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from perftui.playbooks.conditions import Condition
from perftui.playbooks.document import Do, Effect, Step, Var
from perftui.playbooks.steps.world import Done, World
from perftui.playbooks.template import Template
from perftui.playbooks.values import StepId

Place = tuple[str | int, ...]
"""Fields and positions from what a step does down to a value: `("arms", 0, "if")`, whichever form it was written in."""


class Problem(msgspec.Struct, frozen=True):
    """What a static check found."""

    place: Place
    what: str
    right: str = ""
    warning: bool = False
    offset: int = 0
    """Characters into the value."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One way out of a step other than on to the next."""

    place: Place
    """Where `goto`, `use` and `steps` stand."""
    goto: str | None = None
    """A step's id."""
    use: str | None = None
    """A playbook's id."""
    arguments: Mapping[StepId, Template] = {}
    """Of `use`: the values of the other playbook's vars."""
    steps: tuple[Step, ...] = ()


def arguments(ways: Iterator[Way]) -> Iterator[tuple[Place, Template]]:
    """What the ways hand over to other playbooks, with the place of each."""
    for way in ways:
        yield from (((*way.place, "with", name), value) for name, value in way.arguments.items())


def _nothing(do: Any) -> Iterator[Any]:
    return iter(())


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of step."""

    name: str
    """The key that names it."""
    do: type[Do]
    text: str
    """One line for the format's reference."""
    short: str
    """The field that stands directly under the key, where the others need no mention."""
    always_short: bool = False
    """Also where a mapping stands there: the mapping is the field."""
    beside: tuple[str, ...] = ()
    """Fields that stand beside the key instead of below it."""
    effect: Callable[[Any], Effect] = lambda do: Effect.READ
    """Its effect where the step declares none."""
    fields: dict[str, str] = {}
    """What its outcome adds to `steps.ID`, with the unit of each."""
    acts: bool = False
    """It can change something."""
    undoes: bool = False
    """It can stand in an undo."""
    outside: bool = False
    """It waits for something other than perftui: a command, a server. Its timeout should be said."""
    only_reads: bool = False
    """The steps inside of it may only read."""
    together: bool = False
    """The steps inside of it run side by side, and nobody is asked meanwhile."""
    loops: bool = False
    """The steps inside of it are gone through again and again."""
    captures: bool = False
    """It has an output to capture."""
    operator: bool = False
    """A person takes part, so that a loop through it can't spin."""
    ways: Callable[[Any], Iterator[Way]] = _nothing
    """Where it may lead."""
    goes_on: Callable[[Any], bool] = lambda do: True
    """Whether the next step may follow it."""
    conditions: Callable[[Any], Iterator[tuple[Place, Condition]]] = _nothing
    templates: Callable[[Any], Iterator[tuple[Place, Template]]] = _nothing
    references: Callable[[Any], Iterator[tuple[Place, str]]] = _nothing
    """Paths of values that it names outside of conditions and templates."""
    readings: Callable[[Any], Iterator[tuple[Place, str]]] = _nothing
    """Readings that it names outside of conditions."""
    inputs: Callable[[Any], Iterator[tuple[Place, str, Var]]] = _nothing
    """(place, name, declaration) of the `vars` that there are from then on."""
    check: Callable[[Step, Any], Iterator[Problem]] = lambda step, do: iter(())
    """What only this kind can get wrong."""
    execute: Callable[[Step, Any, World], Awaitable[Done]] | None = None
    """Does it; None where a person does, or where there is nothing to do but to go on."""


COMMON_FIELDS = {"state": "text", "attempts": "count", "duration_s": "s"}
"""What every step's outcome has: `steps.ID.state` is passed, failed, skipped or unknown."""


def worst(effects: Sequence[Effect]) -> Effect:
    """The most dangerous of them; read where there are none."""
    return max(effects, key=lambda effect: effect.weight, default=Effect.READ)
