"""What a source that reads Postgres is handed."""

from __future__ import annotations

from typing import Any, Protocol


class PgClient(Protocol):
    """One kept connection; answers at once with a SourceError while there is none."""

    @property
    def connections(self) -> int:
        """How often a connection was made: a change means that everything learnt of the server must be learnt again."""
        ...

    async def rows(self, sql: str) -> list[tuple[Any, ...]]: ...
