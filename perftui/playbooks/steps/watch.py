"""`watch`: hold for a duration while rules say when to abort."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import field

from perftui.playbooks.conditions import Condition
from perftui.playbooks.document import Do, Step
from perftui.playbooks.steps.kind import Kind, Place, Problem
from perftui.playbooks.values import Duration


class Watch(Do, frozen=True, kw_only=True):
    duration_s: Duration = field(name="for")
    abort_if: tuple[Condition, ...] = ()
    """Any that is true fails the step at once."""
    phase: Literal["", "baseline", "warm-up", "ramp", "steady", "ramp-down", "cool-down"] = ""
    """The load test's phase while it lasts."""


def _conditions(do: Watch) -> Iterator[tuple[Place, Condition]]:
    return ((("abort_if", number), condition) for number, condition in enumerate(do.abort_if))


def _check(step: Step, do: Watch) -> Iterator[Problem]:
    for number, condition in enumerate(do.abort_if):
        if not condition.hold_s:
            what = "one sample decides to abort"
            yield Problem(("abort_if", number), what, f"let it hold: {condition.text} for 10s", warning=True)


KIND = Kind(
    name="watch",
    do=Watch,
    text="watches for a duration; any `abort_if` condition ends it as failed",
    short="duration_s",
    fields={"watched_s": "s", "aborted_by": "text"},
    conditions=_conditions,
    check=_check,
)
