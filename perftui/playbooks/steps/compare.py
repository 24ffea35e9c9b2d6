"""`compare`: readings before and after an event, or against a baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import field

from perftui.playbooks.document import Do, Step
from perftui.playbooks.steps.kind import Kind, Place, Problem
from perftui.playbooks.values import Duration, Slug


class Compare(Do, frozen=True, kw_only=True):
    metrics: tuple[str, ...]
    event: Literal["last_deploy", "last_mark", "run_start"] | None = None
    baseline: Slug | None = None
    """What `collect: {kind: baseline, name: …}` kept."""
    before_s: Duration = field(name="before", default=Duration(600))
    after_s: Duration = field(name="after", default=Duration(600))
    min_change_pct: float = 20.0
    """Smaller changes are none (S002: 20)."""


def _readings(do: Compare) -> Iterator[tuple[Place, str]]:
    return ((("metrics", number), name) for number, name in enumerate(do.metrics))


def _check(step: Step, do: Compare) -> Iterator[Problem]:
    if (do.event is None) == (do.baseline is None):
        yield Problem((), "a comparison has an event or a baseline", "write event: last_deploy or baseline: NAME")
    if not do.metrics:
        yield Problem((), "it compares nothing", "name readings: metrics: [probe.p95_s]")


KIND = Kind(
    name="compare",
    do=Compare,
    text="compares readings before and after an event, or with a baseline; its verdict is shifted, same or unknown",
    short="metrics",
    fields={"verdict": "text", "largest_change_pct": "percent"},
    readings=_readings,
    check=_check,
)
