"""A small real service: an order page over a pool of connections, its metrics, a health page. A program of its own.

python -m perftui.drills.shop PORT DSN POOL_SIZE PAYMENTS_PORT. Its standard input says which habit it has; it ends when that
ends, so it never outlives its drill.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Any

from perftui.clients.workload import Pool, Session, pool
from perftui.drills.pages import ask, serve
from perftui.model.failure import SourceError

WAIT_S = 4.0
"""How long a request waits for a connection."""
ITEMS = 40
"""Of each order."""


class Habit(StrEnum):
    """What the release that runs does with its connections."""

    PLAIN = "plain"
    ONE_BY_ONE = "one-by-one"
    """Asks for the items of an order one at a time."""
    KEEPS = "keeps"
    """Does not give back the connection of one request in five, up to `KEEPS_MOST`."""
    HOLDS = "holds"
    """Holds a connection while it waits for the payments service."""


KEEPS_MOST = 8


class Shop:
    """Its pages by path."""

    def __init__(self, connections: Pool, payments: int) -> None:
        self.habit = Habit.PLAIN
        self._pool = connections
        self._payments = payments
        self._asked = 0
        self._kept: list[Any] = []

    async def page(self, path: str) -> tuple[int, str]:
        """(status, body)"""
        try:
            return await self._page(path)
        except (SourceError, TimeoutError, OSError) as exc:
            return 503, f"{exc}\n"

    async def _page(self, path: str) -> tuple[int, str]:
        match path.strip("/").split("/"):
            case ["metrics"]:
                return 200, self._metrics()
            case ["health"]:
                async with self._pool.lent(WAIT_S) as session:
                    await session.rows("select 1")
                return 200, "fine\n"
            case ["orders", number] if number.isdigit():
                return 200, await self._order(int(number))
            case ["pay", number] if number.isdigit():
                return 200, await self._pay(int(number))
            case ["find", reference]:
                async with self._pool.lent(WAIT_S) as session:
                    found = await session.rows("select id, state from orders where reference = $1", reference)
                return 200, json.dumps([dict(row) for row in found])
        return 404, "no such page\n"

    async def _order(self, number: int) -> str:
        self._asked += 1
        if self.habit is Habit.KEEPS and self._asked % 5 == 0 and len(self._kept) < KEEPS_MOST:
            self._kept.append(await self._pool.kept(WAIT_S))
        async with self._pool.lent(WAIT_S) as session, _transaction(session):
            order = await session.rows("select id, state, reference from orders where id = $1", number)
            if self.habit is Habit.ONE_BY_ONE:
                ids = range(number * ITEMS, number * ITEMS + ITEMS)
                items = [
                    row for each in ids for row in await session.rows("select note from items where id = $1", each)
                ]
            else:
                items = await session.rows("select note from items where order_id = $1", number)
        return json.dumps({"order": [dict(row) for row in order], "items": [dict(row) for row in items]})

    async def _pay(self, number: int) -> str:
        if self.habit is Habit.HOLDS:
            async with self._pool.lent(WAIT_S) as session:
                await ask(self._payments, "/charge", 8.0)
                await session.rows("update orders set state = 'paid' where id = $1", number)
        else:
            await ask(self._payments, "/charge", 8.0)
            async with self._pool.lent(WAIT_S) as session:
                await session.rows("update orders set state = 'paid' where id = $1", number)
        return "paid\n"

    def _metrics(self) -> str:
        """As OpenTelemetry's semantic conventions name the readings of a pool."""
        found = self._pool
        label = 'db_client_connection_pool_name="shop"'
        state = "db_client_connection_state"
        lines = (
            f'db_client_connection_count{{{label},{state}="used"}} {found.in_use}',
            f'db_client_connection_count{{{label},{state}="idle"}} {found.idle}',
            f"db_client_connection_max{{{label}}} {found.max_size}",
            f"db_client_connection_pending_requests{{{label}}} {found.waiting}",
            f"db_client_connection_wait_time_seconds_count{{{label}}} {found.acquires}",
            f"db_client_connection_wait_time_seconds_sum{{{label}}} {found.acquire_s:.6f}",
        )
        return "\n".join(lines) + "\n"


@contextlib.asynccontextmanager
async def _transaction(session: Session) -> AsyncIterator[None]:
    """One that is cut off is rolled back by the pool, which resets what is given back."""
    await session.run("begin")
    yield
    await session.run("commit")


async def main(port: int, dsn: str, size: int, payments: int) -> None:
    connections = await pool(dsn, "shop", size)
    shop = Shop(connections, payments)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    async with serve(shop.page, port):
        while line := await commands.readline():
            shop.habit = Habit(line.decode().strip())
        # Its database may be gone or frozen by now, so nothing is waited for and nothing given back.
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
