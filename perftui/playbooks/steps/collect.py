"""`collect`: a snapshot that perftui knows how to take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import field

from perftui.history.baseline import Course, window_course
from perftui.playbooks.document import Do, Step
from perftui.playbooks.steps.kind import Kind, Place, Problem
from perftui.playbooks.steps.world import Done, Unfilled, World
from perftui.playbooks.template import Template
from perftui.playbooks.values import Duration, baseline_name

KINDS = ("use", "triage60", "top", "deploys", "pool", "locks", "slow_queries", "disk", "net", "load", "baseline")


class Collect(Do, frozen=True, kw_only=True):
    kind: Literal[
        "use", "triage60", "top", "deploys", "pool", "locks", "slow_queries", "disk", "net", "load", "baseline"
    ]
    name: Template | None = None
    """Of a baseline: what it is kept as."""
    metrics: tuple[str, ...] = ()
    """Of a baseline: the readings it holds."""
    window_s: Duration = field(name="window", default=Duration(300))
    """Of a baseline: how far it looks back."""
    save: bool = False
    """Of a baseline: also for other runs, as `perftui baseline save` does, and only where the window is worth it."""


def _readings(do: Collect) -> Iterator[tuple[Place, str]]:
    return ((("metrics", number), name) for number, name in enumerate(do.metrics))


def _check(step: Step, do: Collect) -> Iterator[Problem]:
    if do.kind == "baseline" and not (do.name and (do.metrics or do.save)):
        yield Problem((), "a baseline has a name and readings", "write {kind: baseline, name: before, metrics: [...]}")
    if do.kind != "baseline" and (do.name or do.metrics or do.save):
        yield Problem((), "name, metrics and save belong to a baseline", f"write `collect: {do.kind}` alone")
    if do.name and not do.name.references() and (wrong := baseline_name(do.name)):
        yield Problem(("name",), wrong, "write lower-case letters, digits and hyphens: before")


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
    "load": ("load", "findings"),
}
"""What a snapshot of each kind holds: all readings below these names."""


async def execute(step: Step, do: Collect, world: World) -> Done:
    """Keep the readings as they are now; a baseline keeps its window."""
    if do.kind == "baseline":
        return await _baseline(do, world)
    lines = world.row_values(READINGS[do.kind])
    if not lines:
        return Done(state="unknown", why="nothing of it is known")
    return Done(state="passed", output="\n".join(lines))


async def _baseline(do: Collect, world: World) -> Done:
    try:
        name = world.fill(do.name or Template())
    except Unfilled as exc:
        return Done(state="refused", why=str(exc))
    if wrong := baseline_name(name):
        return Done(state="refused", why=wrong)
    history = world.scope().history
    measured = {reading: window_course(history, reading, do.window_s) if history else None for reading in do.metrics}
    known = {reading: found for reading, found in measured.items() if found is not None}
    told = "\n".join(f"{reading} {found.mean:.6g}" for reading, found in known.items())
    if do.save and (problems := await world.save_baseline(name, do.window_s, known)):
        return Done(state="failed", why=f"no baseline: {'; '.join(problems)}", output=told)
    world.keep_baseline(name, known)
    missing = [reading for reading in do.metrics if reading not in known]
    why = f"not known: {', '.join(missing)}" if missing else ""
    return Done(
        state="passed" if known or do.save else "unknown",
        why=why,
        output=told,
        opens={"baseline": {"name": name, "courses": _plain(known)}},
    )


def _plain(courses: Mapping[str, Course]) -> Any:
    """For the journal: a run that is left knows them when it is resumed."""
    return msgspec.to_builtins(courses)


KIND = Kind(
    name="collect",
    do=Collect,
    text=f"keeps a snapshot: {', '.join(KINDS)}",
    short="kind",
    readings=_readings,
    templates=lambda do: iter([(("name",), do.name)] if do.name else []),
    check=_check,
    execute=execute,
)
