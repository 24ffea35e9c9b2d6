"""Which columns this server's statistics views have: one place for all that differs between major versions.

What exists is asked and not derived from the version's number, so that forks are right too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from perftui.sources.pg_client import PgClient

VIEWS = ("pg_replication_slots", "pg_stat_bgwriter", "pg_stat_checkpointer", "pg_stat_io", "pg_stat_wal")
COLUMNS_SQL = f"""
select c.relname::text, a.attname::text
  from pg_class c join pg_attribute a on a.attrelid = c.oid
 where c.relnamespace = 'pg_catalog'::regnamespace and a.attnum > 0 and c.relname in ({", ".join(f"'{v}'" for v in VIEWS)})
"""


class Columns(msgspec.Struct, frozen=True):
    """Column names by view; a view that this version does not have has none."""

    by_view: Mapping[str, frozenset[str]]

    def has(self, view: str, column: str = "") -> bool:
        """Whether there is such a view, or such a column in it."""
        return view in self.by_view and (not column or column in self.by_view[view])

    def or_null(self, view: str, column: str, kind: str) -> str:
        """The column, or a null of its type where this version does not have it."""
        return column if column in self.by_view.get(view, ()) else f"null::{kind}"


class PgColumns:
    """Asks once for each connection: the server behind it may be another one."""

    def __init__(self, postgres: PgClient) -> None:
        self._postgres = postgres
        self._known_connection = -1
        self._columns = Columns({})

    async def known(self) -> Columns:
        """The columns of the server that is connected.

        Raises:
            SourceError: as the client tells it.
        """
        connection = self._postgres.connections
        if connection != self._known_connection:
            rows = await self._postgres.rows(COLUMNS_SQL)
            found: dict[str, set[str]] = defaultdict(set)
            for view, column in rows:
                found[view].add(column)
            self._columns = Columns({view: frozenset(columns) for view, columns in found.items()})
            self._known_connection = connection
        return self._columns
