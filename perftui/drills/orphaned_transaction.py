"""A prepared transaction that nobody commits, and those who want its row."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.locks import queue
from perftui.drills.stage import Stage, Work
from perftui.model.finding import Constraint

WAITERS = 4


@contextlib.asynccontextmanager
async def orphaned(stage: Stage) -> AsyncIterator[None]:
    async with Work() as work, stage.sessions() as new:
        first = await new.new("batch")
        await first.run("begin; update customers set name = 'x' where id = 2")
        await first.run("prepare transaction 'orphan'")
        try:
            for _ in range(WAITERS):
                waiter = await new.new("newsletter")
                await queue(work, first, waiter.run("update customers set name = 'y' where id = 2"))
            yield
        finally:
            await first.run("rollback prepared 'orphan'")


DRILL = Drill(
    name="orphaned-transaction",
    title="a transaction manager left a prepared transaction behind",
    fault=orphaned,
    constraints=(Constraint.LOCK_BOUND,),
    rules=("pg.lock_pileup",),
    needs=(needs.postgres,),
    symptom=Symptom("postgres.locks.waiting", 0.0),
    remedies=("rollback prepared, or commit it as its manager would",),
)
