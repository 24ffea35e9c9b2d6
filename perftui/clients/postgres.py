"""The sampling connection: what the sources of Postgres read through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perftui.clients.pg_link import PgLink

STATEMENT_MS = 1500


class Postgres:
    """The sampling connection to one server. Methods are called from one event loop."""

    def __init__(self, dsn: str | None, mono: Callable[[], float], statement_ms: int = STATEMENT_MS) -> None:
        self.link = PgLink(dsn, mono, statement_ms)

    @property
    def connections(self) -> int:
        """How often a connection was made: a change means that everything learnt of the server must be learnt again."""
        return self.link.connections

    @property
    def pooled(self) -> bool:
        """It leads through a pooler."""
        return self.link.pooled

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of one statement without parameters.

        Raises:
            SourceError: at once while there is no connection, with the reason; or what the server answered.
        """
        async with self.link.one_at_a_time:
            connection = self.link.usable()
            try:
                return await self.link.rows(connection, sql)
            except Exception as exc:
                raise self.link.judged(connection, exc) from exc

    async def close(self) -> None:
        """End the connection; nothing is asked afterwards."""
        await self.link.close()
