"""One Postgres server through asyncpg: connected in the background, kept, found again after a failure.

Nothing here waits for a connection: while there is none, a call is answered at once with the reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from perftui import __version__
from perftui.model.failure import FailureKind, SourceError


class Connection(Protocol):
    """What is used of asyncpg's connection."""

    async def fetch(self, query: str, *, timeout: float) -> list[Iterable[Any]]: ...  # noqa: ASYNC109 (asyncpg's own)
    def is_closed(self) -> bool: ...
    def terminate(self) -> None: ...


CONNECT_S = 3.0
STATEMENT_MS = 1500
LOCK_MS = 200
CLIENT_GRACE_S = 0.5
"""A server that does not keep its own statement timeout is given up this much later."""
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 5.0)
REFUSED_BACKOFF_S = 30.0
"""After a wrong password or a missing database: nothing that mends itself within a second."""

SETTINGS = {
    "application_name": f"perftui/{__version__}",
    "statement_timeout": str(STATEMENT_MS),
    "lock_timeout": str(LOCK_MS),
    "idle_in_transaction_session_timeout": "5000",
    "default_transaction_read_only": "on",
    "jit": "off",
    "search_path": "pg_catalog",
}

_KINDS: dict[str, tuple[FailureKind, str]] = {
    "28": (FailureKind.DENIED, "check user and password (PGUSER, .pgpass, --dsn) and pg_hba.conf"),
    "3D": (FailureKind.MISSING, "no such database: name one with --dsn or PGDATABASE"),
    "53": (
        FailureKind.UNREACHABLE,
        "the server is full; a slot kept for pg_use_reserved_connections (16+) would let perftui in",
    ),
    "57P03": (FailureKind.UNREACHABLE, "it starts up, shuts down or recovers"),
    "57014": (FailureKind.TIMED_OUT, "the statement timeout was hit"),
    "55P03": (FailureKind.TIMED_OUT, "a catalog is locked"),
    "55000": (FailureKind.UNSUPPORTED, "add it to shared_preload_libraries and restart the server"),
    "42501": (FailureKind.DENIED, "grant pg_monitor to this role"),
    "42P01": (FailureKind.MISSING, "the extension or view is not there"),
    "42883": (FailureKind.MISSING, "the extension or function is not there"),
}


def translated(exc: BaseException) -> SourceError:
    """asyncpg's and the network's errors as ours, by SQLSTATE class or code."""
    if isinstance(exc, SourceError):
        return exc
    text = " ".join(str(exc).split()) or type(exc).__name__
    if isinstance(exc, TimeoutError):
        return SourceError(FailureKind.TIMED_OUT, "postgres: no answer in time")
    state = getattr(exc, "sqlstate", None) or ""
    for code, (kind, advice) in _KINDS.items():
        if state.startswith(code):
            return SourceError(kind, f"postgres: {text[:160]}; {advice}")
    if isinstance(exc, OSError):
        return SourceError(FailureKind.UNREACHABLE, f"postgres: {text[:160]}")
    return SourceError(FailureKind.UNREACHABLE, f"postgres: {type(exc).__name__}: {text[:160]}")


class Postgres:
    """The sampling connection to one server. Methods are called from one event loop."""

    def __init__(self, dsn: str | None, mono: Callable[[], float]) -> None:
        self._dsn = dsn
        self._mono = mono
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._problem: SourceError | None = None
        self._retry_at = float("-inf")
        self._failures = 0
        self._one_at_a_time = asyncio.Lock()
        self.connections = 0
        """How often a connection was made: a change means that everything learnt of the server must be learnt again."""

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of one statement without parameters.

        Raises:
            SourceError: at once while there is no connection, with the reason; or what the server answered.
        """
        async with self._one_at_a_time:
            connection = self._usable()
            try:
                found = await connection.fetch(sql, timeout=STATEMENT_MS / 1000 + CLIENT_GRACE_S)
            except Exception as exc:
                self._judge(connection, exc)
                raise translated(exc) from exc
            return [tuple(row) for row in found]

    async def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            self._connection.terminate()

    def _usable(self) -> Connection:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        self._connection = None
        self._connect_if_due()
        raise self._problem or SourceError(FailureKind.UNREACHABLE, "postgres: connecting…")

    def _judge(self, connection: Connection, exc: Exception) -> None:
        """Drop a connection that is of no more use: cut, or so late that its answer belongs to nobody."""
        if connection.is_closed() or isinstance(exc, (TimeoutError, OSError)) or not getattr(exc, "sqlstate", None):
            connection.terminate()
            self._connection = None
            self._failed(translated(exc))

    def _connect_if_due(self) -> None:
        if self._connecting is None and self._mono() >= self._retry_at:
            self._connecting = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        import asyncpg  # 20 ms, and only where there is a server to talk to

        connect: Callable[..., Awaitable[Connection]] = asyncpg.connect
        try:
            self._connection = await connect(
                self._dsn,
                timeout=CONNECT_S,
                command_timeout=STATEMENT_MS / 1000 + CLIENT_GRACE_S,
                server_settings=SETTINGS,
                statement_cache_size=50,
            )
        except Exception as exc:
            self._failed(translated(exc))
        else:
            self.connections += 1
            self._problem, self._failures = None, 0
        finally:
            self._connecting = None

    def _failed(self, problem: SourceError) -> None:
        self._problem = problem
        refused = problem.kind in (FailureKind.DENIED, FailureKind.MISSING)
        pause_s = REFUSED_BACKOFF_S if refused else BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1
        self._retry_at = self._mono() + pause_s * random.uniform(0.8, 1.2)


async def reachable(postgres: Postgres, within_s: float) -> None:
    """Wait until the server answers, for commands that can't show "connecting…".

    Raises:
        SourceError: why it did not within the time.
    """
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(within_s))
        while True:
            try:
                await postgres.rows("select 1")
                return
            except SourceError as exc:
                if "connecting" not in exc.detail:
                    raise
            await asyncio.sleep(0.02)
