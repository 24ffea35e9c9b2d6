"""Two programs take two rows in different order, again and again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from perftui.clients.workload import Session
from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.stage import Stage, Work
from perftui.model.failure import SourceError
from perftui.model.finding import Constraint

UPDATE = "update customers set name = name || '' where id = {}"


@contextlib.asynccontextmanager
async def crossing(stage: Stage) -> AsyncIterator[None]:
    async with Work() as work, stage.sessions() as new:
        work.start(_take(await new.new("stock"), 11, 12))
        work.start(_take(await new.new("prices"), 12, 11))
        yield


async def _take(one: Session, first: int, second: int) -> None:
    while True:
        try:
            await one.run(f"begin; {UPDATE.format(first)}")
            await asyncio.sleep(0.5)
            await one.run(UPDATE.format(second))
        except SourceError:
            await one.run("rollback")
        else:
            await one.run("commit")
        await asyncio.sleep(0.5)


DRILL = Drill(
    name="deadlocks",
    title="two programs lock the same rows in different order",
    fault=crossing,
    constraints=(Constraint.LOCK_BOUND,),
    rules=("pg.deadlocks",),
    needs=(needs.postgres,),
    symptom=Symptom("postgres.deadlocks_per_s", 0.0),
    remedies=("have both lock in the same order",),
)
