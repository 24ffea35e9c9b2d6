"""`use`: another playbook with arguments."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import field

from perftui.playbooks.document import Do
from perftui.playbooks.steps.kind import Kind, Way, arguments
from perftui.playbooks.template import Template
from perftui.playbooks.values import Slug, StepId

Argument = Template
"""The value of one of the other playbook's vars."""


class Use(Do, frozen=True, kw_only=True):
    playbook: Slug
    arguments: dict[StepId, Argument] = field(name="with", default_factory=dict)


def _ways(do: Use) -> Iterator[Way]:
    yield Way(place=(), use=do.playbook, arguments=do.arguments)


KIND = Kind(
    name="use",
    do=Use,
    text="goes through another playbook and comes back",
    short="playbook",
    beside=("with",),
    ways=_ways,
    templates=lambda do: arguments(_ways(do)),
)
