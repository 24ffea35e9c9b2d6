"""A statement that takes a third of a second each time."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill
from perftui.drills.stage import Stage, Work
from perftui.model.finding import Constraint

COUNT = "select count(*) from generate_series(1, 30) g where pg_sleep(0.01) is not null"
"""It waits, as for a disk: one that calculates becomes a fault of the host where others keep the CPUs busy."""


@contextlib.asynccontextmanager
async def counting(stage: Stage) -> AsyncIterator[None]:
    async with Work() as work, stage.sessions() as new:
        work.start((await new.new("dashboard")).over_and_over(COUNT))
        yield


DRILL = Drill(
    name="slow-statements",
    title="a dashboard asks a heavy question over and over",
    fault=counting,
    constraints=(Constraint.QUERY_BOUND,),
    rules=("pg.slow_statements",),
    needs=(needs.postgres,),
    remedies=("cancel the dashboard's statement", "keep its answer for a while"),
    verbs=("cancel", "terminate"),
)
