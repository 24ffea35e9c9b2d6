"""The admin console of one PgBouncer: connected in the background, kept, found again after a failure.

asyncpg connects, does TLS and the password; then its transport is taken over, since the console answers only the simple
query protocol, of which asyncpg gives no rows.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from perftui import __version__
from perftui.clients.dsn import without_secrets
from perftui.clients.simple_query import BrokenAnswer, Row, ServerError, SimpleQuery
from perftui.model.failure import FailureKind, SourceError

CONNECT_S = 3.0
ANSWER_S = 2.0
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 5.0)
REFUSED_BACKOFF_S = 30.0
"""After a wrong password or a user without rights: nothing that mends itself within a second."""
DATABASE = "pgbouncer"
PORT = 6432

_Advice = tuple[FailureKind, str]
_RIGHTS = "name a user of stats_users or admin_users, with its password in .pgpass or PGPASSWORD"
_BY_WORDS: Mapping[str, _Advice] = {
    "not allowed": (FailureKind.DENIED, _RIGHTS),
    "authentication failed": (FailureKind.DENIED, _RIGHTS),
    "no such user": (FailureKind.DENIED, _RIGHTS),
    "admin access needed": (FailureKind.DENIED, _RIGHTS),
    "unrecognized configuration parameter": (FailureKind.UNSUPPORTED, "that is a Postgres, not a PgBouncer"),
    "does not exist": (FailureKind.UNSUPPORTED, "is that a PgBouncer? its console is the database pgbouncer"),
    "invalid command": (FailureKind.UNSUPPORTED, "this version of PgBouncer does not know it"),
    "unsupported": (FailureKind.UNSUPPORTED, "is that a PgBouncer?"),
    "password": (FailureKind.DENIED, _RIGHTS),
}
"""PgBouncer gives most of its errors the same SQLSTATE, so its words decide; the first that is found."""


class PgBouncer:
    """The kept connection to one console. Methods are called from one event loop."""

    def __init__(self, dsn: str, mono: Callable[[], float]) -> None:
        """Prepare it.

        Args:
            dsn: Without a database: the console is always `pgbouncer`. A password that is missing comes from PGPASSWORD or
                .pgpass, as with psql.
        """
        self._dsn = dsn
        self._mono = mono
        self._console: SimpleQuery | None = None
        self._driver: Any = None
        self._connecting: asyncio.Task[None] | None = None
        self._problem: SourceError | None = None
        self._retry_at = float("-inf")
        self._failures = 0
        self._closed = False
        self._one_at_a_time = asyncio.Lock()
        self.connections = 0
        """How often a connection was made: a change means that everything learnt of it must be learnt again."""

    async def rows(self, command: str, columns: Sequence[str]) -> list[Row]:
        """The rows of one command, by the names of the columns; one that this version does not have is None in all rows.

        Raises:
            SourceError: at once while there is no connection, with the reason; UNSUPPORTED for a command that this version
                does not know; or what the console answered.
        """
        async with self._one_at_a_time:
            console = self._usable()
            try:
                async with asyncio.timeout(ANSWER_S):
                    return await console.ask(command, columns)
            except ServerError as exc:
                problem = _translated(exc)
                if not console.closed:
                    raise problem from exc
                raise self._lost(problem) from exc
            except Exception as exc:
                raise self._lost(_translated(exc)) from exc
            except asyncio.CancelledError:  # the answer that is to come belongs to nobody
                self._lost(_problem(FailureKind.TIMED_OUT, "no answer in time"))
                raise

    async def close(self) -> None:
        """End the connection; nothing is asked afterwards."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        self._drop()

    def _usable(self) -> SimpleQuery:
        if self._console is not None:
            if not self._console.closed:
                return self._console
            self._lost(_problem(FailureKind.UNREACHABLE, "the pooler closed the connection"))
        if self._connecting is None and not self._closed and self._mono() >= self._retry_at:
            self._connecting = asyncio.ensure_future(self._connect())
        raise self._problem or _problem(FailureKind.UNREACHABLE, "connecting…")

    async def _connect(self) -> None:
        import asyncpg  # 20 ms, and only where there is a pooler to talk to

        connect: Any = asyncpg.connect
        try:
            driver = await connect(
                self._dsn,
                database=DATABASE,
                timeout=CONNECT_S,
                server_settings={"application_name": f"perftui/{__version__}"},
                statement_cache_size=0,
            )
        except ValueError as exc:
            self._failed(self._misnamed(exc))
        except Exception as exc:
            self._failed(_translated(exc))
        else:
            console = SimpleQuery(driver._transport)
            driver._transport.set_protocol(console)
            # The driver's connection is kept: it closes the transport when it is collected.
            self._driver, self._console = driver, console
            self.connections += 1
            self._problem, self._failures = None, 0
        finally:
            self._connecting = None

    def _misnamed(self, exc: ValueError) -> SourceError:
        """asyncpg quotes what it was given, and the password may be in it."""
        text = "its dsn can't be understood" if _may_hold_secret(self._dsn) else _words(exc)
        return _problem(
            FailureKind.MISSING, f"{text}; expected postgresql://USER@HOST:PORT, with signs like / and @ escaped"
        )

    def _lost(self, problem: SourceError) -> SourceError:
        self._drop()
        self._failed(problem)
        return problem

    def _drop(self) -> None:
        driver, self._driver, self._console = self._driver, None, None
        if driver is not None:
            driver.terminate()

    def _failed(self, problem: SourceError) -> None:
        self._problem = problem
        refused = problem.kind in (FailureKind.DENIED, FailureKind.MISSING, FailureKind.UNSUPPORTED)
        pause_s = REFUSED_BACKOFF_S if refused else BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1
        self._retry_at = self._mono() + pause_s * random.uniform(0.8, 1.2)


def _translated(exc: Exception) -> SourceError:
    """asyncpg's, the console's and the network's errors as ours."""
    text = _words(exc)
    if isinstance(exc, TimeoutError):
        return _problem(FailureKind.TIMED_OUT, "no answer in time")
    if isinstance(exc, BrokenAnswer):
        return _problem(FailureKind.MALFORMED, f"{text}; is that a PgBouncer?")
    state = getattr(exc, "sqlstate", None) or ""
    if state.startswith("28"):
        return _problem(FailureKind.DENIED, f"{text}; {_RIGHTS}")
    for words, (kind, advice) in _BY_WORDS.items():
        if words in text:
            return _problem(kind, f"{text}; {advice}")
    if isinstance(exc, (ConnectionRefusedError, FileNotFoundError)):
        place = _place(text)
        return _problem(
            FailureKind.UNREACHABLE, f"nobody listens{f' at {place}' if place else ''}; is it running there?"
        )
    return _problem(FailureKind.UNREACHABLE, text)


def _place(text: str) -> str:
    """`127.0.0.1:6432` of asyncio's `[Errno 111] Connect call failed ('127.0.0.1', 6432)`."""
    host, _, port = text.partition("Connect call failed ")[2].strip("()").replace("'", "").partition(", ")
    return f"{host}:{port.partition(',')[0]}" if port else ""


def _problem(kind: FailureKind, text: str) -> SourceError:
    return SourceError(kind, f"pgbouncer: {text}")


def _words(exc: Exception) -> str:
    text = " ".join(str(exc).split()).rstrip(";") or type(exc).__name__
    return "".join(char if char.isprintable() else "?" for char in text[:160])


def _may_hold_secret(dsn: str) -> bool:
    """What can't be understood may hold one anywhere."""
    try:
        return bool(without_secrets(dsn)[1])
    except ValueError:
        return True
