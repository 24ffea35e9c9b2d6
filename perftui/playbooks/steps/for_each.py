"""`for_each`: the same steps for each row of a captured table, one row at a time with a wait between."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import field

from perftui.playbooks.conditions import Condition
from perftui.playbooks.document import Do, Step, Var
from perftui.playbooks.steps.kind import Kind, Place, Problem, Way
from perftui.playbooks.steps.world import Done, World, table_of
from perftui.playbooks.template import Reference
from perftui.playbooks.values import Duration, StepId


class ForEach(Do, frozen=True, kw_only=True):
    rows: Reference
    """The table: `steps.ID` of a step that captures one."""
    name: StepId = field(name="as")
    """The row at hand is `vars.NAME`."""
    steps: tuple[Step, ...]
    wait_s: Duration = field(name="wait", default=Duration(5))
    """Between two rows, so that the effect of one is seen before the next."""
    until: Condition | None = None
    """No further row once it is true."""
    most: int = 20
    """Rows at most."""


def _check(step: Step, do: ForEach) -> Iterator[Problem]:
    if not do.steps:
        yield Problem((), "there are no steps in it", "write for_each: {rows: steps.ID, as: NAME, steps: [...]}")
    if not 1 <= do.most <= 200:
        yield Problem(("most",), f"most can't be {do.most}", "write 1 to 200")


def _conditions(do: ForEach) -> Iterator[tuple[Place, Condition]]:
    return iter([(("until",), do.until)] if do.until else [])


async def execute(step: Step, do: ForEach, world: World) -> Done:
    """Take the rows of the table as they were captured."""
    found = table_of(world.value(do.rows))
    if found is None:
        return Done(state="unknown", why=f"{do.rows} holds no table")
    return Done(state="passed", opens={"rows": found[: do.most]})


KIND = Kind(
    name="for_each",
    do=ForEach,
    text="repeats steps for each row of a captured table, one at a time with a wait between",
    short="rows",
    loops=True,
    inputs=lambda do: iter([(("as",), do.name, Var(type="row", source=do.rows, key=("*",)))]),
    fields={"done": "count"},
    ways=lambda do: iter([Way(place=(), steps=do.steps)]),
    conditions=_conditions,
    references=lambda do: iter([(("rows",), do.rows)]),
    check=_check,
    execute=execute,
)
