"""Sessions of programs that work with a Postgres: what the drills' own shop and its colleagues do there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol

from perftui.model.failure import FailureKind, SourceError

CONNECT_S = 10.0


def _asyncpg() -> Any:
    """It has no types of its own for what is used here, and takes its time to import."""
    import asyncpg

    return asyncpg


def _foreign() -> tuple[type[Exception], ...]:
    driver = _asyncpg()
    return driver.PostgresError, driver.InterfaceError, OSError


class Driver(Protocol):
    """What is used of asyncpg's connection."""

    async def execute(self, sql: str) -> str: ...
    async def fetch(self, sql: str, *values: Any) -> list[Any]: ...
    def terminate(self) -> None: ...


@contextlib.contextmanager
def our_errors() -> Iterator[None]:
    """What the driver raises, as a SourceError."""
    try:
        yield
    except _foreign() as exc:
        told = " ".join(str(exc).split())[:200]
        raise SourceError(FailureKind.UNREACHABLE, f"postgres: {type(exc).__name__}: {told}") from exc


class Session:
    """One session; it runs one statement at a time."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def run(self, sql: str) -> None:
        """One or several statements by the simple protocol.

        Raises:
            SourceError: what the server said, or that it is gone.
        """
        with our_errors():
            await self._driver.execute(sql)

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        """The rows of one statement.

        Raises:
            SourceError: what the server said, or that it is gone.
        """
        with our_errors():
            return await self._driver.fetch(sql, *values)

    async def over_and_over(self, sql: str, pause_s: float = 0.0) -> None:
        """The same statement until this is cancelled."""
        while True:
            await self.rows(sql)
            await asyncio.sleep(pause_s)

    def leave(self) -> None:
        """Hang up without a word, as a program that was killed."""
        self._driver.terminate()


async def session(dsn: str, application: str, cached: bool = True) -> Session:
    """A session under an application's name.

    Args:
        cached: Statements are prepared and kept; not so through a pooler.

    Raises:
        SourceError: none can be had, with the reason.
    """
    with our_errors():
        driver: Driver = await _asyncpg().connect(
            dsn,
            server_settings={"application_name": application},
            statement_cache_size=100 if cached else 0,
            timeout=CONNECT_S,
        )
    return Session(driver)


class Pool:
    """A pool of connections as an application has it, that counts who holds and who waits."""

    def __init__(self, driver: Any, size: int) -> None:
        self._driver = driver
        self.max_size = size
        self.in_use = 0
        self.waiting = 0
        self.acquires = 0
        self.acquire_s = 0.0

    @property
    def idle(self) -> int:
        """Connections that are open and lent to nobody."""
        found: int = self._driver.get_idle_size()
        return found

    @contextlib.asynccontextmanager
    async def lent(self, within_s: float) -> AsyncIterator[Session]:
        """A connection, given back at the end.

        Raises:
            SourceError: none is free in time, or the server is gone.
            TimeoutError: none is free in time.
        """
        kept = await self.kept(within_s)
        try:
            yield Session(kept)
        finally:
            self.in_use -= 1
            with contextlib.suppress(*_foreign()):
                await self._driver.release(kept, timeout=2.0)

    async def kept(self, within_s: float) -> Any:
        """A connection that nobody gives back.

        Raises:
            SourceError: the server is gone.
            TimeoutError: none is free in time.
        """
        began = asyncio.get_running_loop().time()
        self.waiting += 1
        try:
            with our_errors():
                found = await self._driver.acquire(timeout=within_s)
        finally:
            self.waiting -= 1
        self.in_use += 1
        self.acquires += 1
        self.acquire_s += asyncio.get_running_loop().time() - began
        return found


async def pool(dsn: str, application: str, size: int) -> Pool:
    """A pool that holds so many connections from its start.

    Raises:
        SourceError: the server can't be reached.
    """
    with our_errors():
        driver = await _asyncpg().create_pool(
            dsn, min_size=size, max_size=size, server_settings={"application_name": application}, timeout=CONNECT_S
        )
    return Pool(driver, size)
