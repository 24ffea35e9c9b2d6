"""`collect`: a snapshot that perftui knows how to take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import field

from perftui.playbooks.document import Do, Step
from perftui.playbooks.steps.kind import Kind, Place, Problem
from perftui.playbooks.steps.world import Done, World
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


READINGS: dict[str, tuple[str, ...]] = {
    "use": ("host", "postgres.connections", "pools", "findings"),
    "triage60": ("host", "findings"),
    "top": ("host.processes",),
    "deploys": ("deploys", "deploy_places"),
    "pool": ("pools", "pool", "postgres.connections"),
    "locks": ("postgres.locks",),
    "slow_queries": ("postgres.statements",),
    "disk": ("host.disks", "host.filesystems", "host.pressure.io"),
    "net": ("host.network", "host.tcp"),
}
"""What a snapshot of each kind holds: all readings below these names."""


async def execute(step: Step, do: Collect, world: World) -> Done:
    """Keep the readings as they are now; a baseline keeps the means of its window."""
    if do.kind != "baseline":
        lines = world.row_values(READINGS[do.kind])
        if not lines:
            return Done(state="unknown", why="nothing of it is known")
        return Done(state="passed", output="\n".join(lines))
    history = world.scope().history
    means = {name: history.window(name, do.window_s).mean if history else None for name in do.metrics}
    known = {name: mean for name, mean in means.items() if mean is not None}
    world.keep_baseline(do.name or "", known)
    missing = [name for name in do.metrics if name not in known]
    told = "\n".join(f"{name} {value:.6g}" for name, value in known.items())
    if missing:
        return Done(state="passed" if known else "unknown", why=f"not known: {', '.join(missing)}", output=told)
    return Done(state="passed", output=told)


KIND = Kind(
    name="collect",
    do=Collect,
    text=f"keeps a snapshot: {', '.join(KINDS)}",
    short="kind",
    readings=_readings,
    check=_check,
    execute=execute,
)
