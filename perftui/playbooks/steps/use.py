"""`use`: another playbook with arguments."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import field

from perftui.playbooks.document import Do, Step
from perftui.playbooks.steps.kind import Kind, Way, arguments
from perftui.playbooks.steps.world import Done, Unfilled, World
from perftui.playbooks.template import Template
from perftui.playbooks.values import Slug, StepId

Argument = Template
"""The value of one of the other playbook's vars."""


class Use(Do, frozen=True, kw_only=True):
    playbook: Slug
    arguments: dict[StepId, Argument] = field(name="with", default_factory=dict)


def _ways(do: Use) -> Iterator[Way]:
    yield Way(place=(), use=do.playbook, arguments=do.arguments)


async def execute(step: Step, do: Use, world: World) -> Done:
    """Fill in what the other playbook is given."""
    try:
        values = {name: world.fill(value) for name, value in do.arguments.items()}
    except Unfilled as exc:
        return Done(state="refused", why=str(exc))
    return Done(state="passed", opens={"vars": values})


KIND = Kind(
    name="use",
    do=Use,
    text="goes through another playbook and comes back",
    short="playbook",
    acts=True,
    beside=("with",),
    ways=_ways,
    templates=lambda do: arguments(_ways(do)),
    execute=execute,
)
