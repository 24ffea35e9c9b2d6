"""A program without a pool: connections until the server refuses."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.stage import MAX_CONNECTIONS, Stage
from perftui.model.failure import SourceError
from perftui.model.finding import Constraint


@contextlib.asynccontextmanager
async def greedy(stage: Stage) -> AsyncIterator[None]:
    async with stage.sessions() as new:
        with contextlib.suppress(SourceError):
            for _ in range(MAX_CONNECTIONS):
                await new.new("crawler")
        yield


DRILL = Drill(
    name="too-many-clients",
    title="a program opens connections until the server has none left",
    fault=greedy,
    constraints=(Constraint.POOL_BOUND,),
    rules=("pg.connections_exhausted",),
    needs=(needs.postgres,),
    symptom=Symptom("postgres.connections.utilization_ratio", 0.8),
    remedies=("end the program's sessions", "put a pool before it"),
    verbs=("terminate",),
)
