"""Every process of the server is stopped, as under a hypervisor that pauses: it takes connections and answers nothing."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from perftui.drills import needs
from perftui.drills.kind import Drill
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint


@contextlib.asynccontextmanager
async def stopped(stage: Stage) -> AsyncIterator[None]:
    server = stage.postgres.pid
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    pids = [server, *map(int, children)]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


DRILL = Drill(
    name="postgres-frozen",
    title="the database answers nothing any more",
    fault=stopped,
    constraints=(Constraint.EXTERNAL_BOUND,),
    rules=("pg.unreachable",),
    needs=(needs.postgres, needs.linux),
    remedies=("look at the machine it runs on", "fail over"),
)
