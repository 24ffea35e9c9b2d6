"""Reports whose sort does not fit their memory."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.stage import Stage, Work
from perftui.model.finding import Constraint

REPORTS = 2
SORT = "select count(*) from (select md5(g::text) from generate_series(1, 600000) g order by 1 offset 0) sorted"


@contextlib.asynccontextmanager
async def spilling(stage: Stage) -> AsyncIterator[None]:
    async with Work() as work, stage.sessions() as new:
        for _ in range(REPORTS):
            report = await new.new("month-end")
            await report.run("set work_mem = '64kB'")
            work.start(report.over_and_over(SORT))
        yield


DRILL = Drill(
    name="temp-spill",
    title="reports sort more than their work_mem holds",
    fault=spilling,
    constraints=(Constraint.QUERY_BOUND,),
    rules=("pg.temp_spill",),
    needs=(needs.postgres,),
    symptom=Symptom("postgres.temp_bytes_per_s", 1e6),
    remedies=("raise work_mem for the reports", "cancel them"),
    verbs=("cancel", "terminate"),
)
