"""Tables of the connected database that are read whole, keep dead rows or age: as differences between two readings.

Statistics of tables can be read only where one is connected. The functions below pg_stat_all_tables are called on pg_class
itself: a third of the view's cost, and no lock on any table, so that one under ACCESS EXCLUSIVE holds up nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest
from operator import itemgetter
from typing import Any

import msgspec

from perftui.model.frame import Sample
from perftui.sources.counters import per_second, share
from perftui.sources.files import Clock
from perftui.sources.kind import Part, SourceKind
from perftui.sources.pg_client import PgClient
from perftui.sources.pg_text import decoded
from perftui.sources.text import printable

FIRST_S = 5.0
LEAST_S = 15.0
MOST_S = 120.0
DUTY = 2000
"""A reading that takes 30 ms, as with 20,000 tables, is made each minute: a two-thousandth of the server's time."""
BY_READS = 40
BY_DEAD = 40
BY_AGE = 5
DEAD_ROWS = 1000
"""Tables with fewer dead rows are of interest to nobody."""
PAGE_BYTES = 8192
FIRST_OF_USERS = 16384
"""Relations below are the system's catalogs. Those are read whole by every look at them, ours included, and are small."""

DATABASE_SQL = "select oid::int8 from pg_database where datname = current_database()"
# The last row is the time that the server took, without the way to it.
COUNTS_SQL = f"""
select * from (
  select oid::int8, pg_stat_get_numscans(oid) as scans, pg_stat_get_tuples_returned(oid), pg_stat_get_dead_tuples(oid) as dead
    from pg_class where relkind in ('r', 'm') offset 0) t
 where scans > 0 or dead >= {DEAD_ROWS}
union all
select null, (extract(epoch from clock_timestamp() - statement_timestamp()) * 1000000)::int8, null, null
"""
# relpages and not pg_relation_size(), which waits for the table's lock. Who holds a lock that vacuum does not get past is
# asked for these tables alone.
TABLES_SQL = f"""
with chosen as materialized (
  select oid from pg_class where oid = any (string_to_array('{{ids}}', ',')::oid[])
  union select relid from pg_stat_get_progress_info('VACUUM')
  union (select oid from pg_class where relkind in ('r', 'm') order by age(relfrozenxid) desc limit {BY_AGE})
), locks as materialized (
  select relation, min(pid) as pid from pg_locks
   where locktype = 'relation' and granted and database = {{database}}
     and mode in ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
     and pid <> all (select pid from pg_stat_get_progress_info('VACUUM'))
   group by relation
)
select c.oid::int8, textsend(c.oid::regclass::text), pg_stat_get_numscans(c.oid), pg_stat_get_tuples_returned(c.oid),
       (select sum(pg_stat_get_numscans(indexrelid))::int8 from pg_index where indrelid = c.oid),
       pg_stat_get_live_tuples(c.oid), pg_stat_get_dead_tuples(c.oid), c.relpages::int8, c.reltuples::float8,
       age(c.relfrozenxid)::int8,
       extract(epoch from pg_stat_get_last_vacuum_time(c.oid))::float8,
       extract(epoch from pg_stat_get_last_autovacuum_time(c.oid))::float8,
       (select bool_or(option_value::bool) from pg_options_to_table(c.reloptions) where option_name = 'autovacuum_enabled'),
       l.pid::int8,
       (select string_agg(distinct a.attname::text, ',') from pg_index i
          join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] where i.indrelid = c.oid),
       current_setting('autovacuum') = 'on' and current_setting('track_counts') = 'on'
  from chosen join pg_class c using (oid) left join locks l on l.relation = c.oid
"""


class TableRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One table's counters since the last statistics reset; on a standby only what was read there."""

    oid: int
    relation: str
    """With its schema unless that is pg_catalog, quoted where it must be."""
    scans: int
    rows_read: int
    """By sequential scans."""
    index_scans: int | None
    """None where it has no index."""
    live: int
    dead: int
    pages: int
    """As of the last vacuum or analyze; 0 when there was none."""
    rows: float
    """As the planner believes; -1 (0 up to 13) when nobody ever counted."""
    xid_age: int
    vacuumed_at: float | None
    autovacuumed_at: float | None
    autovacuum_enabled: bool | None
    """None where the table has no setting of its own."""
    locked_by: int | None
    """Holder of a lock that vacuum skips the table for."""
    indexed: tuple[str, ...]
    """First columns of its indexes."""


class Before(msgspec.Struct, frozen=True, array_like=True):
    """Counters at the reading before."""

    scans: int
    rows_read: int
    index_scans: int | None


class PgTablesSample(Sample, frozen=True, kw_only=True):
    """The tables with most rows read by sequential scans since the reading before, most dead rows, or the greatest age.

    Both readings are kept in one sample since the next one may be about other tables.
    """

    tables: tuple[TableRow, ...]
    before: Mapping[int, Before]
    """By oid; a table that is not here was not read at all until then."""
    interval_s: float | None
    """Since the reading before; None for the first one."""
    scanned: int
    """Tables that were ever scanned or keep dead rows."""
    rows_read: int | None
    """By sequential scans of all tables in the interval, the system's catalogs aside."""
    autovacuum: bool
    """autovacuum and track_counts are on."""


class TableReading(msgspec.Struct, frozen=True, kw_only=True):
    """One table of the connected database."""

    relation: str
    """Name with its schema."""
    sequential_scans_per_s: float | None
    """How often it was read from one end to the other (or until enough was found)."""
    rows_read_per_s: float | None
    """Rows that those scans read."""
    index_scans_per_s: float | None
    """How often one of its indexes was used; None without indexes."""
    live_rows: int | None
    """As the statistics know; None where they know nothing, as on a standby or after a crash."""
    dead_rows: int | None
    """Deleted or replaced rows that are not removed yet."""
    dead_ratio: float | None
    """Dead rows / all rows."""
    size_bytes: int | None
    """Without indexes and TOAST, as of the last vacuum or analyze; None when there was none."""
    xid_age: int
    """Transactions since its oldest unfrozen row."""
    last_vacuum_at: float | None
    """When a session vacuumed it last."""
    last_autovacuum_at: float | None
    """When autovacuum did."""
    autovacuum: bool
    """Whether autovacuum may work on it, by its own and the server's setting."""
    locked_by: int | None
    """Backend whose lock makes vacuum skip it."""
    indexed_columns: tuple[str, ...]
    """First column of each of its indexes."""


class PgTablesPart(Part, frozen=True, kw_only=True):
    tables: tuple[TableReading, ...]
    """Of the connected database only: most rows read by sequential scans first, then those with dead rows."""
    sequential_rows_per_s: float | None
    """Rows read by sequential scans of all tables of the connected database, the system's catalogs aside."""
    tables_interval_s: float | None
    """The interval that the rates of tables cover: 15 s, more where reading the statistics takes long."""
    tables_scanned: int
    """Tables of the connected database that were ever read whole or keep dead rows."""

    def extra_series(self) -> Iterable[tuple[str, float]]:
        """Rows read of the ten that are read most, and the dead share of the ten with most dead rows."""
        dead = nlargest(10, self.tables, key=lambda each: each.dead_rows or 0)
        return [
            *((rows_series(each.relation), each.rows_read_per_s) for each in self.tables[:10] if each.rows_read_per_s),
            *((dead_series(each.relation), each.dead_ratio) for each in dead if each.dead_ratio),
        ]


def rows_series(relation: str) -> str:
    """The series of one table's rows read."""
    return f"postgres.tables.{relation}.rows_read_per_s"


def dead_series(relation: str) -> str:
    """The series of one table's dead share."""
    return f"postgres.tables.{relation}.dead_ratio"


class PgTables:
    """Reads the counters of all tables, and all else of the few that matter."""

    name = "pg_tables"
    deadline_s = 2.5

    def __init__(self, postgres: PgClient, clock: Clock) -> None:
        self.interval_s = FIRST_S
        self._postgres = postgres
        self._clock = clock
        self._known_connection = -1
        self._database = 0
        self._before: dict[int, Before] | None = None
        self._before_mono = 0.0

    async def sample(self) -> PgTablesSample:
        """Read once.

        Raises:
            SourceError: as the client tells it; TIMED_OUT while pg_class is locked.
        """
        if self._postgres.connections != self._known_connection:
            ((self._database,),) = await self._postgres.rows(DATABASE_SQL)
            self._before, self._known_connection = None, self._postgres.connections
        *counts, (_, spent_us, _, _) = await self._postgres.rows(COUNTS_SQL)
        mono = self._clock.mono()
        interval_s = mono - self._before_mono
        # The feed's second tick follows the first one at once: too soon for a rate.
        before = self._before if interval_s >= FIRST_S / 2 else None
        ids = ",".join(map(str, chosen(counts, before or {})))
        rows = await self._postgres.rows(TABLES_SQL.format(ids=ids, database=self._database))
        tables = tuple(map(_table, rows))
        sample = PgTablesSample(
            mono=mono,
            tables=tables,
            before={table.oid: before[table.oid] for table in tables if before and table.oid in before},
            interval_s=interval_s if before is not None else None,
            scanned=len(counts),
            rows_read=_read(counts, before) if before is not None else None,
            autovacuum=any(row[_AUTOVACUUM] for row in rows),
        )
        if before is not None:
            self.interval_s = min(MOST_S, max(LEAST_S, DUTY * spent_us / 1e6))
        if before is not None or self._before is None:
            known = {table.oid: table.index_scans for table in tables}
            self._before = {oid: Before(scans, read, known.get(oid)) for oid, scans, read, _ in counts}
            self._before_mono = mono
        return sample


Counts = tuple[int, int, int, int]
"""oid, scans, rows read, dead rows."""


def chosen(counts: Sequence[Counts], before: Mapping[int, Before]) -> set[int]:
    """The tables that were read most since, of equals those that were read most ever; and those with most dead rows."""
    users = (row for row in counts if row[0] >= FIRST_OF_USERS)
    read = nlargest(BY_READS, users, key=lambda row: (_grown(row, before), row[2]))
    dead = nlargest(BY_DEAD, (row for row in counts if row[3] >= DEAD_ROWS), key=itemgetter(3))
    return {row[0] for row in (*read, *dead)}


def _read(counts: Sequence[Counts], before: Mapping[int, Before]) -> int:
    return sum(_grown(row, before) for row in counts if row[0] >= FIRST_OF_USERS)


def _grown(row: Counts, before: Mapping[int, Before]) -> int:
    """Rows read since; one that was not counted then was not read until then."""
    known = before.get(row[0])
    return row[2] if known is None else max(0, row[2] - known.rows_read)


_AUTOVACUUM = 15


def _table(row: tuple[Any, ...]) -> TableRow:
    return TableRow(
        oid=row[0],
        relation=decoded(row[1], 128) or str(row[0]),
        scans=row[2],
        rows_read=row[3],
        index_scans=row[4],
        live=row[5],
        dead=row[6],
        pages=row[7],
        rows=row[8],
        xid_age=row[9],
        vacuumed_at=row[10],
        autovacuumed_at=row[11],
        autovacuum_enabled=row[12],
        locked_by=row[13],
        indexed=tuple(printable(name, 64) for name in (row[14] or "").split(",") if name),
    )


def derive(previous: PgTablesSample | None, current: PgTablesSample) -> PgTablesPart:
    """Readings of the interval that the sample itself spans."""
    tables = [_reading(row, current) for row in current.tables]
    tables.sort(key=lambda table: (-(table.rows_read_per_s or 0.0), -(table.dead_rows or 0), -table.xid_age))
    return PgTablesPart(
        tables=tuple(tables),
        sequential_rows_per_s=share(current.rows_read, current.interval_s),
        tables_interval_s=current.interval_s,
        tables_scanned=current.scanned,
    )


def _reading(row: TableRow, sample: PgTablesSample) -> TableReading:
    before = sample.before.get(row.oid, Before(0, 0, None))
    seconds = sample.interval_s or 0.0
    known = row.live + row.dead > 0
    return TableReading(
        relation=row.relation,
        sequential_scans_per_s=per_second(before.scans, row.scans, seconds),
        rows_read_per_s=per_second(before.rows_read, row.rows_read, seconds),
        index_scans_per_s=per_second(before.index_scans, row.index_scans, seconds),
        live_rows=row.live if known else None,
        dead_rows=row.dead if known else None,
        dead_ratio=share(row.dead, row.live + row.dead),
        size_bytes=row.pages * PAGE_BYTES or None,
        xid_age=row.xid_age,
        last_vacuum_at=row.vacuumed_at,
        last_autovacuum_at=row.autovacuumed_at,
        autovacuum=sample.autovacuum and row.autovacuum_enabled is not False,
        locked_by=row.locked_by,
        indexed_columns=row.indexed,
    )


KIND = SourceKind(
    name="pg_tables", sample=PgTablesSample, part=PgTablesPart, derive=derive, root="postgres", stale_s=300.0
)
