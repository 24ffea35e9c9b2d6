"""What must meet between a cause and its symptom, with the sentence that says so to the operator."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from perftui.history.history import History
from perftui.model.finding import Finding

Meets = Callable[[History, Finding, Finding], bool]
"""(history, cause, symptom): whether their subjects meet."""


class Gate(msgspec.Struct, frozen=True):
    """One condition of an explanation."""

    meets: Meets
    because: str
    """Why the one is held to explain the other, where they meet: a clause for the operator."""

    def __call__(self, history: History, cause: Finding, symptom: Finding) -> bool:
        return self.meets(history, cause, symptom)


def gate(because: str) -> Callable[[Meets], Gate]:
    """Makes a gate of a function."""
    return lambda meets: Gate(meets, because)


def both(*gates: Gate) -> Gate:
    """All of them hold."""
    return Gate(
        lambda history, cause, symptom: all(each(history, cause, symptom) for each in gates),
        ", and ".join(each.because for each in gates),
    )
