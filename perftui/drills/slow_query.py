"""The index of the shop's search goes and comes back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.stage import Stage, Work
from perftui.model.finding import Constraint

SEARCHES_PER_S = 20
ROWS = 200_000


@contextlib.asynccontextmanager
async def without_index(stage: Stage) -> AsyncIterator[None]:
    async with Work() as work, stage.sessions() as new:
        administrator = await new.new("migration")
        await administrator.run(
            f"create table archive as select g as id, md5(g::text) as note from generate_series(1, {ROWS}) g;"
            "create index archive_note on archive (note); analyze archive"
        )
        search = await new.new("search")
        work.start(search.over_and_over("select id from archive where note = md5('42')", 1 / SEARCHES_PER_S))
        await asyncio.sleep(CALM_S)
        await administrator.run("drop index archive_note")
        yield


CALM_S = 5.0
"""So long the search is quick before its index goes."""

DRILL = Drill(
    name="slow-query",
    title="a migration drops an index that a search needs",
    fault=without_index,
    constraints=(Constraint.QUERY_BOUND,),
    rules=("pg.missing_index", "pg.statement_regressed", "pg.slow_statements"),
    needs=(needs.postgres,),
    symptom=Symptom("postgres.sequential_rows_per_s", 100_000.0),
    remedies=("create the index again, concurrently",),
)
