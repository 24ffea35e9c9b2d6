"""`check`: an assertion on live readings."""

from __future__ import annotations

from perftui.playbooks.conditions import Condition, evaluate
from perftui.playbooks.document import Do, Step
from perftui.playbooks.steps.kind import Kind
from perftui.playbooks.steps.world import Done, Progress, World, unknown_words


class Check(Do, frozen=True, kw_only=True):
    condition: Condition


PATIENCE_S = 3.0
"""How long a reading may be missing before the check says so: a source may be between two tries."""


async def execute(step: Step, do: Check, world: World) -> Done:
    """Decide; where `for` has begun to hold, count it to its end first."""
    began = world.mono
    while True:
        outcome = evaluate(do.condition, world.scope())
        waited_s = world.mono - began
        world.tell(Progress(condition=do.condition, outcome=outcome, waited_s=waited_s, limit_s=outcome.needed_s))
        if outcome.truth is True:
            return Done(state="passed", values={"held_s": outcome.held_s})
        if outcome.truth is False and (not outcome.held_s or waited_s > outcome.needed_s):
            return Done(state="failed", why=f"not so: {do.condition.text}", values={"held_s": outcome.held_s})
        late = waited_s > (PATIENCE_S if outcome.missing else outcome.needed_s + PATIENCE_S)
        if outcome.truth is None and late:
            return Done(state="unknown", why=unknown_words(outcome), values={"held_s": outcome.held_s})
        await world.tick()


KIND = Kind(
    name="check",
    do=Check,
    text="passes where a condition is true; false fails, unknown passes nothing",
    short="condition",
    fields={"held_s": "s"},
    conditions=lambda do: iter([(("condition",), do.condition)]),
    execute=execute,
)
