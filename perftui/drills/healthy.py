"""A busy shop, and nothing wrong."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint


@contextlib.asynccontextmanager
async def nothing(stage: Stage) -> AsyncIterator[None]:
    yield


DRILL = Drill(
    name="healthy",
    title="a busy day, and nothing wrong",
    fault=nothing,
    constraints=(Constraint.HEALTHY,),
    needs=(needs.postgres,),
    requests_per_s=80.0,
    remedies=("nothing to do",),
)
