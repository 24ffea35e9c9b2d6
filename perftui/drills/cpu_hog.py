"""Several busy loops for each core."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator

from perftui.drills.kind import Drill, Symptom
from perftui.drills.marks import python, running
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint

PER_CORE = 4


@contextlib.asynccontextmanager
async def hogs(stage: Stage) -> AsyncIterator[None]:
    count = PER_CORE * (os.cpu_count() or 1)
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(running(python("while True: pass")))
        yield


DRILL = Drill(
    name="cpu-hog",
    title="a batch job takes every core several times",
    fault=hogs,
    constraints=(Constraint.CPU_BOUND,),
    rules=("host.cpu_saturated",),
    symptom=Symptom("host.cpu.busy_ratio", 0.85),
    remedies=("end or renice the batch job",),
)
