"""`repeat`: read steps again and again until the operator picks a row of what they found, or a condition is true."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import field

from perftui.playbooks.conditions import Condition
from perftui.playbooks.document import Do, Step, Var
from perftui.playbooks.steps.kind import Kind, Place, Problem, Way
from perftui.playbooks.values import Duration, StepId


class Repeat(Do, frozen=True, kw_only=True):
    steps: tuple[Step, ...]
    pick: dict[StepId, Var] = {}
    """One input of type row; the pick ends the loop."""
    until: Condition | None = None
    """Ends the loop once it is true."""
    every_s: Duration = field(name="every", default=Duration(5))
    timeout_s: Duration = field(name="timeout", default=Duration(1800))


def _conditions(do: Repeat) -> Iterator[tuple[Place, Condition]]:
    return iter([(("until",), do.until)] if do.until else [])


def _check(step: Step, do: Repeat) -> Iterator[Problem]:
    if not do.steps:
        yield Problem((), "there are no steps in it", "write repeat: {every: 5s, steps: [...], pick: {...}}")
    if not do.pick and do.until is None:
        yield Problem((), "nothing ends the loop", "add `pick:` or `until:`")
    if len(do.pick) > 1 or any(var.type != "row" for var in do.pick.values()):
        yield Problem(("pick",), "one row is picked", "write pick: {victim: {type: row, from: steps.ID, key: [pid]}}")


KIND = Kind(
    name="repeat",
    do=Repeat,
    text="repeats read steps until a row is picked or a condition is true",
    short="steps",
    loops=True,
    only_reads=True,
    fields={"rounds": "count"},
    operator=True,
    ways=lambda do: iter([Way(place=(), steps=do.steps)]),
    conditions=_conditions,
    inputs=lambda do: ((("pick", name), name, var) for name, var in do.pick.items()),
    check=_check,
)
