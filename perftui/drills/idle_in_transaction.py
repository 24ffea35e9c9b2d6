"""One updates a row and forgets to commit; others want the same row."""

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
async def forgotten(stage: Stage) -> AsyncIterator[None]:
    async with Work() as work, stage.sessions() as new:
        forgetful, look = await new.new("back-office"), await new.new("watch")
        await forgetful.run("begin; update customers set name = 'x' where id = 1")
        for _ in range(WAITERS):
            waiter = await new.new("newsletter")
            await queue(work, look, waiter.run("update customers set name = 'y' where id = 1"))
        yield


DRILL = Drill(
    name="idle-in-transaction",
    title="a session holds a row in a transaction that nobody ends",
    fault=forgotten,
    constraints=(Constraint.LOCK_BOUND,),
    rules=("pg.idle_in_transaction",),
    needs=(needs.postgres,),
    symptom=Symptom("postgres.locks.waiting", 0.0),
    remedies=("terminate the session that is idle in transaction",),
    verbs=("terminate",),
)
