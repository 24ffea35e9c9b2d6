"""The payments service takes seconds."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill, Symptom
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint

CHARGE_S = 2.5


@contextlib.asynccontextmanager
async def slow(stage: Stage) -> AsyncIterator[None]:
    usual_s, stage.payments.delay_s = stage.payments.delay_s, CHARGE_S
    try:
        yield
    finally:
        stage.payments.delay_s = usual_s


DRILL = Drill(
    name="slow-dependency",
    title="a service of somebody else answers late",
    fault=slow,
    constraints=(Constraint.EXTERNAL_BOUND,),
    rules=("probe.slow",),
    needs=(needs.postgres,),
    symptom=Symptom("probes.payments.total_s", 1.0),
    within_s=10.0,
    remedies=("ask whoever runs it", "answer without it"),
)
