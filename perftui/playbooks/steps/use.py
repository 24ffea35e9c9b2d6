"""`use`: another playbook with arguments."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import field

from perftui.playbooks.document import Do, Effect
from perftui.playbooks.steps.kind import Kind, Place, Way
from perftui.playbooks.template import Template
from perftui.playbooks.values import Slug, StepId

Argument = Template
"""The value of one of the other playbook's vars."""


class Use(Do, frozen=True, kw_only=True):
    playbook: Slug
    arguments: dict[StepId, Argument] = field(name="with", default_factory=dict)


def _templates(do: Use) -> Iterator[tuple[Place, Template]]:
    return ((("with", name), value) for name, value in do.arguments.items())


KIND = Kind(
    name="use",
    do=Use,
    text="goes through another playbook and comes back",
    short="playbook",
    beside=("with",),
    effect=lambda do: Effect.READ,
    ways=lambda do: iter([Way(place=(), use=do.playbook)]),
    templates=_templates,
)
