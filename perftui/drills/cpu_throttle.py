"""The shop and a batch job share a quota of a fifth of a core."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from perftui.drills import needs
from perftui.drills.kind import Drill
from perftui.drills.marks import control_group, python, running
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint

QUOTA_US = 20_000
"""Of each 100 ms."""


@contextlib.contextmanager
def throttled() -> Iterator[Path]:
    """A group with the quota, in which a batch job wants a whole core."""
    with (
        control_group("cpu", {"cpu.cfs_quota_us": str(QUOTA_US)}) as group,
        running(python("while True: pass"), [group]),
    ):
        yield group


@contextlib.asynccontextmanager
async def quota(stage: Stage) -> AsyncIterator[None]:
    with throttled() as group:
        home = stage.move_shop(group)
        try:
            yield
        finally:
            stage.move_shop(home)


DRILL = Drill(
    name="cpu-throttle",
    title="a container's CPU limit is too small for what runs in it",
    fault=quota,
    constraints=(Constraint.CPU_BOUND,),
    rules=("host.cpu_throttled",),
    needs=(needs.group("cpu"),),
    remedies=("raise the CPU limit of the group", "move the batch job out of it"),
)
