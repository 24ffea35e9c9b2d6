"""The shop holds its connections while it waits for a service that has become slower."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.shop import Habit
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint

CHARGE_S = 0.9
"""Below what a probe calls slow."""


@contextlib.asynccontextmanager
async def held(stage: Stage) -> AsyncIterator[None]:
    usual_s, stage.payments.delay_s = stage.payments.delay_s, CHARGE_S
    stage.become(Habit.HOLDS)
    try:
        yield
    finally:
        stage.payments.delay_s = usual_s
        stage.become(Habit.PLAIN)


DRILL = Drill(
    name="pool-exhaustion",
    title="requests hold their database connection while they wait for another service",
    fault=held,
    constraints=(Constraint.POOL_BOUND,),
    rules=("pool.exhausted", "pool.waiting"),
    needs=(needs.postgres,),
    symptom=Symptom("pools.shop.utilization_ratio", 0.8),
    requests_per_s=140.0,
    remedies=("give connections back before the call", "find what made the service slower"),
)
