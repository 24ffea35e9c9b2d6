"""`check`: an assertion on live readings."""

from __future__ import annotations

from perftui.playbooks.conditions import Condition
from perftui.playbooks.document import Do
from perftui.playbooks.steps.kind import Kind


class Check(Do, frozen=True, kw_only=True):
    condition: Condition


KIND = Kind(
    name="check",
    do=Check,
    text="passes where a condition is true; false fails, unknown passes nothing",
    short="condition",
    fields={"held_s": "s"},
    conditions=lambda do: iter([(("condition",), do.condition)]),
)
