"""What a drill is: a real fault, what it needs, and what must be found."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec

from perftui.drills.needs import Need
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint

Fault = Callable[[Stage], AbstractAsyncContextManager[None]]
"""Makes the fault on the stage, and takes it back at the end."""


class Symptom(msgspec.Struct, frozen=True):
    """The reading in which the fault can first be measured, and from which value on."""

    reading: str
    above: float


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """One fault. The list and the report name it; while it runs the screen does not."""

    name: str
    title: str
    """What is done, in one line."""
    fault: Fault
    constraints: tuple[Constraint, ...]
    """Class of the verdict, either of them."""
    rules: tuple[str, ...] = ()
    """Rule at the top of the chain, either of them; empty where nothing is wrong."""
    also: tuple[str, ...] = ()
    """Other rules that must be found, each in a chain of its own or in this one."""
    apart: tuple[str, ...] = ()
    """Rules that must each be the cause of a chain of its own."""
    needs: tuple[Need, ...] = ()
    symptom: Symptom | None = None
    """From when on it can be measured; None: from the moment it is made."""
    within_s: float = 10.0
    """From then to the right verdict; longer where a rule's own window is, with the reason in `why`."""
    why: str = ""
    requests_per_s: float = 25.0
    """Load on the shop before and during the fault."""
    remedies: tuple[str, ...] = ()
    """What an operator would do, in words."""
    verbs: tuple[str, ...] = ()
    """What of the console's own acts is right: `terminate`, `cancel`."""

    @property
    def healthy(self) -> bool:
        """Nothing is wrong, so nothing may be found."""
        return not self.rules
