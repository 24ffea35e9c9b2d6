"""One Postgres server through asyncpg: connected in the background, kept, found again after a failure.

Nothing here waits for a connection: while there is none, a call is answered at once with the reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from perftui import __version__
from perftui.clients.dsn import uri, without_password
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

CLOSED = "postgres: the server closed the connection"
SETTINGS = {
    "application_name": f"perftui/{__version__}",
    "statement_timeout": str(STATEMENT_MS),
    "lock_timeout": str(LOCK_MS),
    "idle_in_transaction_session_timeout": "5000",
    "default_transaction_read_only": "on",
    "jit": "off",
    "search_path": "pg_catalog",
    # Texts as they are: where their bytes are not what the database claims, any conversion fails the whole answer.
    "client_encoding": "sql_ascii",
}

_Advice = tuple[FailureKind, str]
_ON_CONNECT: dict[str, _Advice] = {
    "28": (FailureKind.DENIED, "check user and password (PGUSER, PGPASSWORD, .pgpass, --dsn) and pg_hba.conf"),
    "3D": (FailureKind.MISSING, "name a database that is there with --dsn or PGDATABASE"),
    "42501": (FailureKind.DENIED, "grant connect on that database to this role"),
    "53300": (
        FailureKind.UNREACHABLE,
        "the server is full; a slot kept for pg_use_reserved_connections (16+) would let perftui in",
    ),
    "57P03": (FailureKind.UNREACHABLE, "trying again"),
    "08P01": (FailureKind.UNSUPPORTED, "if that is a pooler, name the server itself with --dsn"),
}
_ON_QUERY: dict[str, _Advice] = {
    "57014": (FailureKind.TIMED_OUT, "the server is slow to answer"),
    "55P03": (FailureKind.TIMED_OUT, "a catalog is locked"),
    "55000": (FailureKind.UNSUPPORTED, "add it to shared_preload_libraries and restart the server"),
    "42501": (FailureKind.DENIED, "grant pg_monitor to this role"),
    "42P01": (FailureKind.MISSING, "the extension or view is not there"),
    "42883": (FailureKind.MISSING, "the extension or function is not there"),
    "42703": (FailureKind.MISSING, "the extension's version changed"),
    "22021": (FailureKind.MALFORMED, "text of another database is not in the encoding it claims"),
}
"""By SQLSTATE, or its class."""


def _translated(exc: Exception, advice: Mapping[str, _Advice]) -> SourceError:
    """asyncpg's and the network's errors as ours, in one printable line."""
    text = " ".join(str(exc).split()) or type(exc).__name__
    text = "".join(char if char.isprintable() else "?" for char in text[:160])
    if isinstance(exc, TimeoutError):
        return SourceError(FailureKind.TIMED_OUT, "postgres: no answer in time")
    state = getattr(exc, "sqlstate", None) or ""
    for code, (kind, what_to_do) in advice.items():
        if state.startswith(code):
            return SourceError(kind, f"postgres: {text}; {what_to_do}")
    if isinstance(exc, (ConnectionRefusedError, FileNotFoundError)):
        return SourceError(FailureKind.UNREACHABLE, f"postgres: {text}; is the server running there?")
    return SourceError(FailureKind.UNREACHABLE, f"postgres: {text}")


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
                raise self._judged(connection, exc) from exc
            return [tuple(row) for row in found]

    async def close(self) -> None:
        """Give the connection up; nothing is asked afterwards."""
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting
        if self._connection is not None:
            self._connection.terminate()

    def _usable(self) -> Connection:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if self._connection is not None:
            self._connection = None
            self._failed(SourceError(FailureKind.UNREACHABLE, CLOSED))
        self._connect_if_due()
        raise self._problem or SourceError(FailureKind.UNREACHABLE, "postgres: connecting…")

    def _judged(self, connection: Connection, exc: Exception) -> SourceError:
        """What went wrong; a connection of no more use is dropped: cut, or so late that its answer belongs to nobody."""
        answered = bool(getattr(exc, "sqlstate", None))
        problem = _translated(exc, _ON_QUERY)
        if answered and not connection.is_closed():
            return problem
        if not answered and not isinstance(exc, (TimeoutError, OSError)):
            problem = SourceError(FailureKind.UNREACHABLE, CLOSED)  # asyncpg tells of its own state then
        connection.terminate()
        if self._connection is connection:
            self._connection = None
            self._failed(problem)
        return problem

    def _connect_if_due(self) -> None:
        if self._connecting is None and self._mono() >= self._retry_at:
            self._connecting = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        import asyncpg  # 20 ms, and only where there is a server to talk to

        connect: Callable[..., Awaitable[Connection]] = asyncpg.connect
        try:
            self._connection = await connect(
                None if self._dsn is None else uri(self._dsn),
                timeout=CONNECT_S,
                command_timeout=STATEMENT_MS / 1000 + CLIENT_GRACE_S,
                server_settings=SETTINGS,
                statement_cache_size=50,
            )
        except ValueError as exc:
            self._failed(self._misnamed(exc))
        except Exception as exc:
            self._failed(_translated(exc, _ON_CONNECT))
        else:
            self.connections += 1
            self._problem, self._failures = None, 0
        finally:
            self._connecting = None

    def _misnamed(self, exc: ValueError) -> SourceError:
        """asyncpg quotes what it was given, and the password may be in it."""
        secret = self._dsn is not None and without_password(self._dsn)[1] is not None
        text = "--dsn can't be understood" if secret else " ".join(str(exc).split())[:160]
        return SourceError(
            FailureKind.MISSING,
            f"postgres: {text}; expected postgresql://USER@HOST:PORT/DATABASE, with signs like / and @ in names escaped",
        )

    def _failed(self, problem: SourceError) -> None:
        self._problem = problem
        refused = problem.kind in (FailureKind.DENIED, FailureKind.MISSING)
        pause_s = REFUSED_BACKOFF_S if refused else BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1
        self._retry_at = self._mono() + pause_s * random.uniform(0.8, 1.2)
