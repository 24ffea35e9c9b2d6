"""What a source that reads Postgres is handed."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class PgClient(Protocol):
    """One kept connection; answers at once with a SourceError while there is none."""

    @property
    def connections(self) -> int:
        """How often a connection was made: a change means that everything learnt of the server must be learnt again."""
        ...

    @property
    def pooled(self) -> bool:
        """It leads through a pooler."""
        ...

    async def rows(self, sql: str) -> list[tuple[Any, ...]]: ...


class PgSession(Protocol):
    """A connection for the time of one request."""

    async def rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]: ...

    async def run(self, sql: str) -> None:
        """Statements that give no rows, with `;` between them."""
        ...


class PgControlClient(Protocol):
    """The connection that nobody samples through."""

    async def rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        """One statement in a transaction of its own that writes nothing."""
        ...

    def transaction(self, *, timeout_s: float = 5.0) -> AbstractAsyncContextManager[PgSession]:
        """A session in a transaction that only reads and is rolled back."""
        ...
