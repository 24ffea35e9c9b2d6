"""What the drills about locks share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from perftui.clients.workload import Session
from perftui.drills.stage import Work

WAITING = "select count(*) from pg_locks where not granted"


async def queue(work: Work, look: Session, statement: Coroutine[Any, Any, object]) -> None:
    """Start it and see it wait for a lock: who queues behind whom must not be left to chance.

    Raises:
        TimeoutError: it does not wait.
    """
    before = await look.rows(WAITING)
    work.start(statement)
    async with asyncio.timeout(5):
        while await look.rows(WAITING) == before:
            await asyncio.sleep(0.01)
