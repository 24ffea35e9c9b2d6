"""The second connection, for what the operator or a playbook asks: it never waits behind the sampling one.

It is opened beside the sampling one and kept, since a full server or a locked catalog lets no new connection in. Where the
server grants one connection only, the sampling one serves both.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from perftui.clients.pg_errors import ON_REQUEST
from perftui.clients.pg_link import CLIENT_GRACE_S, Connection, PgLink
from perftui.clients.pg_place import variables
from perftui.clients.pg_values import fitted, plain
from perftui.clients.postgres import Postgres
from perftui.model.answer import Answer
from perftui.model.failure import FailureKind, SourceError
from perftui.model.own_sql import marked
from perftui.model.read_only_sql import refusal

STATEMENT_MS = 5000
LOCK_MS = 1000
ROWS = 1000
ONE_ONLY = (
    "only one connection is let in, it does both; a slot for pg_use_reserved_connections (16+) would give the second"
)


class PgSession:
    """A connection that belongs to one request for the time of its `async with`."""

    def __init__(self, link: PgLink, connection: Connection, answer_s: float) -> None:
        self._link = link
        self._answer_s = answer_s
        self.connection = connection

    async def rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        """The rows of one statement with its parameters.

        Raises:
            SourceError: as the server or the network has it.
        """
        return [
            tuple(row) for row in await self.done(self.connection.fetch(marked(sql), *args, timeout=self._answer_s))
        ]

    async def alone(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        """As `rows`, in a transaction of its own that writes nothing."""
        if not self._link.pooled:
            return await self.rows(sql, *args)
        await self.run(self._link.begin)
        try:
            return await self.rows(sql, *args)
        finally:
            if not self.connection.is_closed():
                await self.run("rollback")

    async def run(self, sql: str) -> None:
        """Statements of ours that give no rows, with `;` between them. Raises as `rows`."""
        await self.done(self.connection.execute(sql, timeout=self._answer_s))

    async def cursor(self, sql: str, args: tuple[Any, ...], rows: int) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """The names of the columns, and so many rows at the most. Raises as `rows`."""
        # Through a pooler a name would stay with a connection of others; the statement without one is gone with the next.
        name = "" if self._link.pooled else None
        prepared = await self.done(self.connection.prepare(sql, name=name, timeout=self._answer_s))
        try:
            fit = [fitted(arg, kind.name) for arg, kind in zip(args, prepared.get_parameters(), strict=True)]
        except (ValueError, KeyError, ArithmeticError) as exc:  # its text quotes the value, which may be anything
            raise SourceError(FailureKind.MALFORMED, "postgres: the values do not fit the parameters") from exc
        cursor = await self.done(prepared.cursor(*fit, timeout=self._answer_s))
        found = await self.done(cursor.fetch(rows, timeout=self._answer_s))
        return tuple(column.name for column in prepared.get_attributes()), [tuple(row) for row in found]

    async def done(self, work: Any) -> Any:
        try:
            return await work
        except Exception as exc:
            asked_wrong = not getattr(exc, "sqlstate", None) and not isinstance(exc, (TimeoutError, OSError))
            if asked_wrong and not self.connection.is_closed():  # asyncpg quotes the value, which may be anything
                raise SourceError(FailureKind.MALFORMED, "postgres: the values do not fit the parameters") from exc
            raise self._link.judged(self.connection, exc, ON_REQUEST) from exc


class PgControl:
    """The control connection to the server that is sampled. Methods are called from the sampler's event loop."""

    def __init__(self, dsn: str | None, mono: Callable[[], float], sampler: Postgres) -> None:
        self._sampler = sampler.link
        self._own = PgLink(dsn, mono, STATEMENT_MS)
        self.variables = variables(dsn) if dsn is not None else {}
        """PG* variables that lead a program of ours to the same server, beside those of our own environment."""

    @property
    def connections(self) -> int:
        """As the sampler's: a change means that what was learnt of the server may be wrong."""
        return self._own.connections + self._sampler.connections

    @property
    def pooled(self) -> bool:
        """It leads through a pooler."""
        return self._own.pooled

    async def ready(self) -> float:
        """Seconds that the server takes to answer nothing. The sampling connection is made first, then this one.

        Raises:
            SourceError: as `rows`, or with the reason why the second connection is refused.
        """
        if not self._sampler.connected:
            self._sampler.usable()
        link = self._own
        async with link.one_at_a_time:
            try:
                connection = link.usable()
            except SourceError as exc:
                if "connecting…" in exc.detail:
                    raise
                raise SourceError(exc.kind, f"{exc.detail}; {ONE_ONLY}") from exc
            began = asyncio.get_running_loop().time()
            await PgSession(link, connection, link.answer_s).rows("select 1")
            return asyncio.get_running_loop().time() - began

    async def rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        """The rows of one statement, in a transaction of its own that writes nothing.

        It does not wait for a plan or a playbook's query that the control connection may be busy with.

        Raises:
            SourceError: at once while there is no connection, with the reason; or what the server answered.
        """
        async with self._held(hurry=True) as session:
            return await session.alone(sql, *args)

    @asynccontextmanager
    async def transaction(self, *, read_only: bool = True, timeout_s: float = 5.0) -> AsyncIterator[PgSession]:
        """A session in a transaction that is rolled back when it only reads, otherwise committed if nothing fails.

        Raises:
            SourceError: as `rows`.
        """
        async with self._held(hurry=False, timeout_s=timeout_s) as session:
            # A standby refuses `read write`, and what acts on its sessions and its replay needs none.
            writes = not read_only and not (await session.rows("select pg_is_in_recovery()"))[0][0]
            await session.run(
                f"begin read {'write' if writes else 'only'};"
                f" set local statement_timeout = {max(1, int(timeout_s * 1000))};"
                f" set local lock_timeout = {min(LOCK_MS, max(1, int(timeout_s * 1000)))};"
                " set local standard_conforming_strings = on; set local client_encoding = 'utf8'"
            )
            try:
                yield session
                await session.run("rollback" if read_only else "commit")
            except SourceError:
                if not session.connection.is_closed():
                    await session.run("rollback")
                raise

    async def query(
        self, sql: str, args: tuple[Any, ...] = (), *, read_only: bool = True, timeout_s: float = 5.0, rows: int = ROWS
    ) -> Answer:
        """One statement of somebody else's, with bound parameters, in a transaction of its own.

        Args:
            read_only: Otherwise it may write, and call what acts on the server; the caller has asked the operator for that.
            rows: So many at the most.

        Raises:
            SourceError: UNSUPPORTED for what is no single statement that only reads; or as `rows`.
        """
        reason = refusal(sql) if read_only else None
        if reason is not None:
            raise SourceError(FailureKind.UNSUPPORTED, f"postgres: {reason}")
        async with self.transaction(read_only=read_only, timeout_s=timeout_s) as session:
            # Extensions live in public more often than not; the server's own names come first, so none can be shadowed.
            await session.run("set local search_path = pg_catalog, public")
            columns, found = await session.cursor(sql, args, rows + 1)
        return Answer(
            columns=tuple(plain(name) for name in columns),
            rows=tuple(tuple(plain(value) for value in row) for row in found[:rows]),
            cut=len(found) > rows,
        )

    async def close(self) -> None:
        """End the connection; nothing is asked afterwards."""
        await self._own.close()

    @asynccontextmanager
    async def _held(self, hurry: bool, timeout_s: float | None = None) -> AsyncIterator[PgSession]:
        link = self._link(hurry)
        async with link.one_at_a_time:
            connection = link.usable()
            try:
                yield PgSession(link, connection, link.answer_s if timeout_s is None else timeout_s + CLIENT_GRACE_S)
            except (asyncio.CancelledError, GeneratorExit):
                # Nobody knows what the server has done by now, nor whether a transaction is open.
                link.drop(connection, SourceError(FailureKind.UNREACHABLE, "postgres: the request was given up"))
                raise

    def _link(self, hurry: bool) -> PgLink:
        """The control connection, or the sampling one where that is all there is, or the only one that is free."""
        busy = hurry and self._own.one_at_a_time.locked()
        return self._sampler if self._sampler.connected and (busy or not self._own.connected) else self._own
