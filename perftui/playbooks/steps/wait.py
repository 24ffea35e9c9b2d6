"""`wait`: until a condition is true, or too late."""

from __future__ import annotations

from msgspec import field

from perftui.playbooks.conditions import Condition
from perftui.playbooks.document import Do
from perftui.playbooks.steps.kind import Kind
from perftui.playbooks.values import Duration


class Wait(Do, frozen=True, kw_only=True):
    until: Condition
    timeout_s: Duration = field(name="timeout")
    """Then it has failed."""


KIND = Kind(
    name="wait",
    do=Wait,
    text="waits until a condition is true, showing its readings; fails at its timeout",
    short="until",
    fields={"held_s": "s", "waited_s": "s"},
    conditions=lambda do: iter([(("until",), do.until)]),
)
