"""One forgot to commit; behind it waits a migration; behind that all who use the table, with the connections of their pool."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.locks import queue
from perftui.drills.stage import Stage, Work
from perftui.model.finding import Constraint


@contextlib.asynccontextmanager
async def chain(stage: Stage) -> AsyncIterator[None]:
    async with Work() as work, stage.sessions() as new:
        forgetful = await new.new("back-office")
        await forgetful.run("begin; update orders set state = 'checked' where id = 1")
        migration = await new.new("migration")
        await queue(work, await new.new("watch"), migration.run("alter table orders add column remark text"))
        yield


DRILL = Drill(
    name="lock-chain",
    title="a migration queues behind a forgotten transaction, and the whole shop behind the migration",
    fault=chain,
    constraints=(Constraint.LOCK_BOUND,),
    rules=("pg.idle_in_transaction", "pg.lock_pileup"),
    also=("pg.lock_pileup",),
    needs=(needs.postgres,),
    symptom=Symptom("postgres.locks.waiting", 0.0),
    remedies=("terminate the session that is idle in transaction", "cancel the migration"),
    verbs=("terminate", "cancel"),
)
