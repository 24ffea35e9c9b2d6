"""One Postgres connection through asyncpg: made in the background, kept, found again after a failure.

Nothing here waits for a connection: while there is none, whoever wants it is told the reason at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping
from typing import Any

from perftui import __version__
from perftui.clients.pg_connect import KEPT_APART, opened
from perftui.clients.pg_connect import Connection as Connection
from perftui.clients.pg_errors import CLOSED, ON_QUERY, Advice, translated
from perftui.clients.pg_place import place
from perftui.model.failure import FailureKind, SourceError, Unasked
from perftui.model.own_sql import marked

LOCK_MS = 200
CLIENT_GRACE_S = 0.5
"""A server that does not keep its own statement timeout is given up this much later."""
CLOSE_S = 0.25
"""A server that hangs must not hold up quitting: after this long the connection is cut instead of closed."""
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 5.0)
_PAUSES_S = {
    FailureKind.DENIED: 30.0,  # nothing that mends itself within a second
    FailureKind.MISSING: 30.0,
    FailureKind.FULL: 1.0,  # the next slot that gets free may be ours
    FailureKind.NOT_READY: 0.5,
}
"""Instead of the growing pauses, by the kind of failure."""


POOL_SILENT = (
    "postgres: no answer in time through the pooler, its pool may be used up; name the server itself with --dsn"
)
EXPECTED = (
    "expected postgresql://USER@HOST:PORT/DATABASE or 'host=HOST user=USER', with signs like / and @ in names escaped"
)


def settings(statement_ms: int) -> Mapping[str, str]:
    """What a session of ours asks for when it begins: nothing is written, nothing lasts, nothing waits for a lock."""
    return {
        "application_name": f"perftui/{__version__}",
        "statement_timeout": str(statement_ms),
        "lock_timeout": str(LOCK_MS),
        "idle_in_transaction_session_timeout": "5000",
        "default_transaction_read_only": "on",
        "jit": "off",
        "search_path": "pg_catalog",
        # Texts as they are: where their bytes are not what the database claims, any conversion fails the whole answer.
        "client_encoding": "sql_ascii",
    }


class PgLink:
    """One kept connection. Methods are called from one event loop; whoever uses the connection holds `one_at_a_time`."""

    def __init__(self, dsn: str | None, mono: Callable[[], float], statement_ms: int) -> None:
        self._dsn = dsn
        self._mono = mono
        self._statement_ms = statement_ms
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._problem: SourceError | None = None
        self._retry_at = float("-inf")
        self._failures = 0
        self._closed = False
        named = settings(statement_ms).items()
        local = "; ".join(marked(f"set local {name} = '{value}'") for name, value in named if name not in KEPT_APART)
        self.begin = f"{marked('begin read only')}; {local}"
        """Opens a transaction that has what a session of ours has, for where nothing may be set for longer."""
        self.one_at_a_time = asyncio.Lock()
        self.connections = 0
        """How often a connection was made."""
        self.pooled = False
        """It leads through a pooler: what is set for a session there is set for those of others."""

    @property
    def answer_s(self) -> float:
        """So long a statement may take, the server's own timeout and some grace."""
        return self._statement_ms / 1000 + CLIENT_GRACE_S

    @property
    def connected(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    def usable(self) -> Connection:
        """The connection; while there is none one is being made.

        Raises:
            Unasked: why there is none.
        """
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if self._connection is not None:
            self._connection = None
            self._failed(SourceError(FailureKind.UNREACHABLE, CLOSED))
        self._connect_if_due()
        problem = self._problem or SourceError(FailureKind.UNREACHABLE, "postgres: connecting…")
        raise Unasked(problem.kind, problem.detail)

    def judged(self, connection: Connection, exc: Exception, advice: Mapping[str, Advice] = ON_QUERY) -> SourceError:
        """What went wrong; a connection of no more use is dropped: cut, or so late that its answer belongs to nobody."""
        answered = bool(getattr(exc, "sqlstate", None))
        problem = translated(exc, advice)
        if self.pooled and isinstance(exc, TimeoutError):
            problem = SourceError(FailureKind.TIMED_OUT, POOL_SILENT)
        if answered and not connection.is_closed():
            return problem
        if not answered and not isinstance(exc, (TimeoutError, OSError)):
            problem = SourceError(FailureKind.UNREACHABLE, CLOSED)  # asyncpg tells of its own state then
        self.drop(connection, problem)
        return problem

    def drop(self, connection: Connection, problem: SourceError) -> None:
        """Cut a connection whose state is not known any more; another one is made."""
        connection.terminate()
        if self._connection is connection:
            self._connection = None
            self._failed(problem)

    async def close(self) -> None:
        """Say goodbye, so that the server's log has no line about a client that vanished; nothing is asked afterwards."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            async with asyncio.timeout(CLOSE_S), self.one_at_a_time:
                await connection.close(timeout=CLOSE_S)
        except Exception:  # a server that hangs, or a statement that runs on: whatever it is, there is no goodbye then
            connection.terminate()

    async def rows(self, connection: Connection, sql: str) -> list[tuple[Any, ...]]:
        """What one statement answers. Through a pooler it stands in a transaction: only what is set for that ends with it."""
        sql = marked(sql)
        if not self.pooled:
            return [tuple(row) for row in await connection.fetch(sql, timeout=self.answer_s)]
        await connection.execute(self.begin, timeout=self.answer_s)
        try:
            return [tuple(row) for row in await connection.fetch(sql, timeout=self.answer_s)]
        finally:
            if not connection.is_closed():
                await connection.execute(marked("rollback work"), timeout=self.answer_s)

    def _connect_if_due(self) -> None:
        if self._connecting is None and not self._closed and self._mono() >= self._retry_at:
            self._connecting = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        try:
            found = await opened(place(self._dsn), settings(self._statement_ms), self.answer_s)
        except ValueError as exc:
            self._failed(SourceError(FailureKind.MISSING, f"postgres: {exc}; {EXPECTED}"))
        except SourceError as exc:
            self._failed(exc)
        else:
            self._connection, self.pooled = found
            self.connections += 1
            self._problem, self._failures = None, 0
        finally:
            self._connecting = None

    def _failed(self, problem: SourceError) -> None:
        self._problem = problem
        pause_s = _PAUSES_S.get(problem.kind, BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)])
        self._failures += 1
        self._retry_at = self._mono() + pause_s * random.uniform(0.8, 1.2)
