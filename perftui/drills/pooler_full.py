"""More clients than the pooler has connections, and each works for long."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.stage import Stage, Work
from perftui.model.finding import Constraint

CLIENTS = 10


@contextlib.asynccontextmanager
async def crowd(stage: Stage) -> AsyncIterator[None]:
    assert stage.pgbouncer is not None, "the drill needs a pooler"
    async with Work() as work, stage.sessions() as new:
        for _ in range(CLIENTS):
            client = await new.new("month-end", stage.pgbouncer.dsn("reports"))
            work.start(client.over_and_over("select pg_sleep(60)"))
        yield


DRILL = Drill(
    name="pooler-full",
    title="more clients than the pooler has connections for",
    fault=crowd,
    constraints=(Constraint.POOL_BOUND,),
    rules=("pool.exhausted", "pool.waiting"),
    needs=(needs.postgres, needs.pgbouncer),
    symptom=Symptom("pool.waiting", 1.0),
    remedies=("end the batch of reports", "give it a pool of its own"),
)
