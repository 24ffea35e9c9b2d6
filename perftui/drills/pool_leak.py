"""The shop does not give back some of its connections."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.shop import KEEPS_MOST, Habit
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint


@contextlib.asynccontextmanager
async def leaking(stage: Stage) -> AsyncIterator[None]:
    stage.become(Habit.KEEPS)
    yield


DRILL = Drill(
    name="pool-leak",
    title="a release forgets to give connections back",
    fault=leaking,
    constraints=(Constraint.POOL_BOUND,),
    rules=("pool.leak",),
    needs=(needs.postgres,),
    symptom=Symptom("pools.shop.in_use", KEEPS_MOST - 0.5),
    within_s=75.0,
    why="S002 calls a connection leaked that is held for 60 s",
    remedies=("restart the shop", "roll the release back"),
)
