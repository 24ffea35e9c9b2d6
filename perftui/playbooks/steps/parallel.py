"""`parallel`: steps that only read, side by side; all are waited for."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import field

from perftui.playbooks.document import Do, Step
from perftui.playbooks.steps.kind import Kind, Problem, Way


class Parallel(Do, frozen=True, kw_only=True):
    steps: tuple[Step, ...]
    at_once: int = field(name="max", default=4)
    """How many run at the same time."""


def _check(step: Step, do: Parallel) -> Iterator[Problem]:
    if not do.steps:
        yield Problem((), "there are no steps in it", "write parallel: {max: 4, steps: [...]}")
    if not 1 <= do.at_once <= 16:
        yield Problem(("max",), f"max can't be {do.at_once}", "write 1 to 16")


KIND = Kind(
    name="parallel",
    do=Parallel,
    text="runs steps that only read side by side, at most `max` at once, and waits for all",
    short="steps",
    together=True,
    only_reads=True,
    ways=lambda do: iter([Way(place=(), steps=do.steps)]),
    check=_check,
)
