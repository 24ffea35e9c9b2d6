"""A client of a real server for the time of a test, connected."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from perftui.clients.clock import SystemClock
from perftui.clients.own_postgres import OwnPostgres
from perftui.clients.postgres import Postgres
from perftui.model.failure import SourceError
from tests.servers import dsn, until


class ShiftedClock(SystemClock):
    """The clock of a while later."""

    ahead_s = 0.0

    def mono(self) -> float:
        return super().mono() + self.ahead_s


@contextlib.asynccontextmanager
async def client_of(server: OwnPostgres, database: str = "postgres", user: str = "postgres") -> AsyncIterator[Postgres]:
    client = Postgres(dsn(server, database, user), SystemClock().mono)

    async def connected() -> bool:
        with contextlib.suppress(SourceError):
            await client.rows("select 1")
        return client.connections > 0

    try:
        await until(connected)
        yield client
    finally:
        await client.close()
