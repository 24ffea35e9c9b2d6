"""`collect`: a snapshot that perftui knows how to take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import field

from perftui.playbooks.document import Do, Step
from perftui.playbooks.steps.kind import Kind, Place, Problem
from perftui.playbooks.values import Duration, Slug

KINDS = ("use", "triage60", "top", "deploys", "pool", "locks", "slow_queries", "disk", "net", "baseline")


class Collect(Do, frozen=True, kw_only=True):
    kind: Literal["use", "triage60", "top", "deploys", "pool", "locks", "slow_queries", "disk", "net", "baseline"]
    name: Slug | None = None
    """Of a baseline: what it is kept as."""
    metrics: tuple[str, ...] = ()
    """Of a baseline: the readings it holds."""
    window_s: Duration = field(name="window", default=Duration(300))
    """Of a baseline: how far it looks back."""


def _readings(do: Collect) -> Iterator[tuple[Place, str]]:
    return ((("metrics", number), name) for number, name in enumerate(do.metrics))


def _check(step: Step, do: Collect) -> Iterator[Problem]:
    if do.kind == "baseline" and not (do.name and do.metrics):
        yield Problem((), "a baseline has a name and readings", "write {kind: baseline, name: before, metrics: [...]}")
    if do.kind != "baseline" and (do.name or do.metrics):
        yield Problem((), "name and metrics belong to a baseline", f"write `collect: {do.kind}` alone")


KIND = Kind(
    name="collect",
    do=Collect,
    text=f"keeps a snapshot: {', '.join(KINDS)}",
    short="kind",
    readings=_readings,
    check=_check,
)
