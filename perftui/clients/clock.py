"""The only place that asks what time it is."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """Wall clock for people, monotonic clock for rates and ticks."""

    def wall(self) -> float:
        return time.time()

    def mono(self) -> float:
        return time.monotonic()

    async def sleep_until(self, mono: float) -> None:
        await asyncio.sleep(max(0.0, mono - time.monotonic()))
