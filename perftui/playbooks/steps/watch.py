"""`watch`: hold for a duration while rules say when to abort."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import field

from perftui.playbooks.conditions import Condition, evaluate
from perftui.playbooks.document import Do, Step
from perftui.playbooks.steps.kind import Kind, Place, Problem
from perftui.playbooks.steps.world import Done, Progress, World, unknown_words
from perftui.playbooks.values import Duration


class Watch(Do, frozen=True, kw_only=True):
    duration_s: Duration = field(name="for")
    abort_if: tuple[Condition, ...] = ()
    """Any that is true fails the step at once."""
    until: Condition | None = None
    """Once it is true the watch has passed, however much of its duration is left."""
    phase: Literal["", "baseline", "warm-up", "ramp", "steady", "ramp-down", "cool-down"] = ""
    """The load test's phase while it lasts."""


def _conditions(do: Watch) -> Iterator[tuple[Place, Condition]]:
    yield from ((("abort_if", number), condition) for number, condition in enumerate(do.abort_if))
    if do.until is not None:
        yield ("until",), do.until


def _check(step: Step, do: Watch) -> Iterator[Problem]:
    for number, condition in enumerate(do.abort_if):
        if not condition.hold_s:
            what = "one sample decides to abort"
            yield Problem(("abort_if", number), what, f"let it hold: {condition.text} for 10s", warning=True)


BLIND = 0.2
"""Share of the ticks at which a condition may be unknown before the watch has seen too little."""


async def execute(step: Step, do: Watch, world: World) -> Done:
    """Hold for the duration, or until it is as wanted; the first rule that is true ends it."""
    began, ticks, blind, last_words = world.mono, 0, 0, ""
    while True:
        watched_s = world.mono - began
        scope = world.scope()
        outcomes = [(condition, evaluate(condition, scope)) for condition in do.abort_if]
        nearest = max(outcomes, key=lambda each: each[1].held_s, default=None)
        world.tell(
            Progress(
                condition=nearest[0] if nearest else None,
                outcome=nearest[1] if nearest else None,
                waited_s=watched_s,
                limit_s=do.duration_s,
                words=do.phase,
            )
        )
        for condition, outcome in outcomes:
            # What was so before the watch began, which may be what was just mended, is no reason to end it.
            if outcome.truth is True and watched_s >= outcome.needed_s:
                values = {"watched_s": watched_s, "aborted_by": condition.text}
                return Done(state="failed", why=f"to be aborted: {condition.text}", values=values)
        ticks += 1
        unknown = [outcome for _, outcome in outcomes if outcome.truth is None and outcome.missing]
        if unknown:
            blind, last_words = blind + 1, unknown_words(unknown[0])
        if watched_s >= do.duration_s or (do.until is not None and evaluate(do.until, scope).truth is True):
            values = {"watched_s": watched_s, "aborted_by": ""}
            if blind > BLIND * ticks:
                return Done(state="unknown", why=f"{last_words} at {blind} of {ticks} looks", values=values)
            return Done(state="passed", values=values)
        await world.tick()


KIND = Kind(
    name="watch",
    do=Watch,
    text="watches for a duration, or `until` a condition is true; any `abort_if` condition ends it as failed",
    short="duration_s",
    fields={"watched_s": "s", "aborted_by": "text"},
    conditions=_conditions,
    check=_check,
    execute=execute,
)
