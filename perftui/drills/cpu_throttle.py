"""The shop and a batch job share a quota of a fifth of a core."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill
from perftui.drills.marks import control_group, python, running
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint

QUOTA_US = 20_000
"""Of each 100 ms."""


@contextlib.asynccontextmanager
async def quota(stage: Stage) -> AsyncIterator[None]:
    with control_group("cpu", {"cpu.cfs_quota_us": str(QUOTA_US)}) as group:
        home = stage.move_shop(group)
        try:
            with running(python("while True: pass"), [group]):
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
