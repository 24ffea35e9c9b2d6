"""The two connections of a program to one server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.pg_control import PgControl
from perftui.clients.postgres import Postgres
from perftui.model.failure import SourceError
from tests.servers import until


class Pair:
    def __init__(self, place: str) -> None:
        clock = SystemClock()
        self.sampler = Postgres(place, clock.mono)
        self.control = PgControl(place, clock.mono, self.sampler)

    async def opened(self) -> Pair:
        await until(lambda: succeeds(self.sampler.rows("select 1")))
        await until(lambda: succeeds(self.control.ready()))
        return self

    async def close(self) -> None:
        await asyncio.gather(self.control.close(), self.sampler.close())


async def succeeds(work: Awaitable[Any]) -> bool:
    try:
        await work
    except SourceError:
        return False
    return True


async def failed(work: Awaitable[Any]) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await work
    return caught.value


@asynccontextmanager
async def pair(place: str) -> AsyncIterator[Pair]:
    found = Pair(place)
    try:
        yield await found.opened()
    finally:
        await found.close()
