"""`ask`: typed inputs from the operator. They are `vars` from then on."""

from __future__ import annotations

from collections.abc import Iterator

from perftui.playbooks.document import Do, Step, Var
from perftui.playbooks.steps.kind import Kind, Problem
from perftui.playbooks.values import StepId


class Ask(Do, frozen=True, kw_only=True):
    inputs: dict[StepId, Var]


def _check(step: Step, do: Ask) -> Iterator[Problem]:
    if not do.inputs:
        yield Problem((), "it asks for nothing", "name an input: size: {type: int, prompt: New size}")


KIND = Kind(
    name="ask",
    do=Ask,
    text="asks the operator for typed inputs",
    short="inputs",
    always_short=True,
    operator=True,
    inputs=lambda do: ((("inputs", name), name, var) for name, var in do.inputs.items()),
    check=_check,
)
