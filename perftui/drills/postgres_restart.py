"""kill -9 of the server; after a while it is started again and recovers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill
from perftui.drills.stage import Stage, Work
from perftui.model.finding import Constraint

GONE_S = 15.0


@contextlib.asynccontextmanager
async def killed(stage: Stage) -> AsyncIterator[None]:
    stage.postgres.stop(signal.SIGKILL)

    async def come_back() -> None:
        await asyncio.sleep(GONE_S)
        stage.postgres.start()

    async with Work() as work:
        work.start(come_back())
        yield


DRILL = Drill(
    name="postgres-restart",
    title="the database dies and comes back a quarter of a minute later",
    fault=killed,
    constraints=(Constraint.EXTERNAL_BOUND,),
    rules=("pg.unreachable",),
    needs=(needs.postgres,),
    remedies=("start it", "read the end of its log"),
)
