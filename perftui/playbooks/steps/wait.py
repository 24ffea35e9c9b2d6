"""`wait`: until a condition is true, or too late."""

from __future__ import annotations

from msgspec import field

from perftui.playbooks.conditions import Condition, evaluate
from perftui.playbooks.document import Do, Step
from perftui.playbooks.steps.kind import Kind
from perftui.playbooks.steps.world import Done, Progress, World, unknown_words
from perftui.playbooks.values import Duration


class Wait(Do, frozen=True, kw_only=True):
    until: Condition
    timeout_s: Duration = field(name="timeout")
    """Then it has failed."""


async def execute(step: Step, do: Wait, world: World) -> Done:
    """Look at each tick until it is so, or too late."""
    began = world.mono
    while True:
        outcome = evaluate(do.until, world.scope())
        waited_s = world.mono - began
        world.tell(Progress(condition=do.until, outcome=outcome, waited_s=waited_s, limit_s=do.timeout_s))
        values = {"held_s": outcome.held_s, "waited_s": waited_s}
        if outcome.truth is True:
            return Done(state="passed", values=values)
        if waited_s >= do.timeout_s:
            words = unknown_words(outcome) if outcome.truth is None else f"not so: {do.until.text}"
            why = f"{words} after {waited_s:.0f} s"
            return Done(state="failed", why=why, values=values, timed_out=True)
        await world.tick()


KIND = Kind(
    name="wait",
    do=Wait,
    text="waits until a condition is true, showing its readings; fails at its timeout",
    short="until",
    fields={"held_s": "s", "waited_s": "s"},
    conditions=lambda do: iter([(("until",), do.until)]),
    execute=execute,
)
