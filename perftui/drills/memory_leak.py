"""A process that keeps all it allocates; it stops by itself long before the host is in danger."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator

from perftui.drills import needs
from perftui.drills.kind import Drill
from perftui.drills.marks import python, running
from perftui.drills.stage import Stage
from perftui.model.finding import Constraint

MB_PER_S = 80
MOST_MB = 2400
MOST_OF_FREE = 0.25
"""Of the memory that is available."""


@contextlib.asynccontextmanager
async def leak(stage: Stage) -> AsyncIterator[None]:
    free_mb = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    most_mb = min(MOST_MB, int(MOST_OF_FREE * free_mb))
    program = f"""
        import time
        kept = []
        for _ in range({most_mb * 4 // MB_PER_S}):
            kept.append(bytearray(b"x" * ({MB_PER_S} << 18)))
            time.sleep(0.25)
        time.sleep(3600)
        """
    with running(python(program)):
        yield


DRILL = Drill(
    name="memory-leak",
    title="a program keeps all memory that it ever took",
    fault=leak,
    constraints=(Constraint.MEMORY_BOUND,),
    rules=("host.memory_leak",),
    needs=(needs.linux,),
    within_s=25.0,
    why="what has just been started grows as well, so twenty seconds are asked before growth is a leak",
    remedies=("restart the program that grows, after a heap dump",),
)
