"""Who keeps vacuum from removing dead rows and freezing old ones, and what vacuum works on now.

Read from functions, since the views join catalogs that may be locked.
"""

from __future__ import annotations

from typing import Any

import msgspec

from perftui.model.frame import Sample
from perftui.sources.counters import share
from perftui.sources.files import Clock
from perftui.sources.kind import Part, SourceKind
from perftui.sources.pg_client import PgClient
from perftui.sources.pg_text import decoded

HOLDERS = 20
DATABASE_SQL = "select oid::int8 from pg_database where datname = current_database()"

# A session that has written holds back vacuum by its own transaction id, even while it has no snapshot. Vacuum itself is
# skipped by other vacuums. A snapshot is as old as the oldest transaction that ran when it was taken: of equals who began
# first is to blame. Slots and standbys hold back all databases, transactions only their own.
HOLDERS_SQL = f"""
select case backend_type when 'walsender' then 'standby' else 'session' end, pid::int8, textsend(application_name), state,
       datid is not distinct from {{database}} or backend_type = 'walsender',
       greatest(age(backend_xid), age(backend_xmin))::int8 as age,
       extract(epoch from clock_timestamp() - xact_start)::float8 as held_s, false
  from pg_stat_get_activity(null)
 where (backend_xid is not null or backend_xmin is not null) and pid <> pg_backend_pid()
   and pid not in (select pid from pg_stat_get_progress_info('VACUUM'))
union all
select 'prepared transaction', null, textsend(gid), null, dbid = {{database}}, age(transaction),
       extract(epoch from clock_timestamp() - prepared), false
  from pg_prepared_xact()
union all
select 'slot', active_pid, textsend(slot_name::text), case when active then 'active' else 'inactive' end, true,
       greatest(age(xmin), age(catalog_xmin)), null, xmin is null
  from pg_get_replication_slots() where xmin is not null or catalog_xmin is not null
 order by age desc, held_s desc nulls last limit {HOLDERS}
"""
VACUUMS_SQL = """
select p.pid::int8, p.relid::int8, case when p.datid = {database} then textsend(p.relid::regclass::text) end,
       p.param1, p.param2, p.param3, a.backend_type,
       case when a.backend_type = 'autovacuum worker' then a.query like '%to prevent wraparound%' else false end,
       extract(epoch from clock_timestamp() - a.xact_start)::float8
  from pg_stat_get_progress_info('VACUUM') p left join lateral pg_stat_get_activity(p.pid) a on true
"""
PHASES = (
    "initializing",
    "scanning heap",
    "vacuuming indexes",
    "vacuuming heap",
    "cleaning up indexes",
    "truncating heap",
    "performing final cleanup",
)
"""As pg_stat_progress_vacuum names what pg_stat_get_progress_info() numbers."""


class XminHolder(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may still need rows that were deleted since."""

    kind: str
    """session, prepared transaction, slot, standby (through hot_standby_feedback)."""
    pid: int | None
    """Of the backend; None for a prepared transaction or a slot that nobody uses."""
    name: str
    """application_name, the transaction's gid, or the slot's name."""
    state: str | None
    """What the session does, or whether the slot is in use."""
    here: bool
    """It holds back the tables of the connected database."""
    age: int
    """Transactions since the oldest one it may need."""
    held_s: float | None
    """How long its transaction is open; None for slots."""
    catalog_only: bool
    """A logical slot: only system catalogs are held back."""


class VacuumRow(msgspec.Struct, frozen=True, kw_only=True):
    """Source: pg_stat_get_progress_info('VACUUM'); without pg_monitor only pids are told."""

    pid: int
    oid: int | None
    relation: str | None
    phase: int | None
    blocks: int | None
    scanned: int | None
    backend_type: str | None
    wraparound: bool | None
    running_s: float | None


class PgVacuumSample(Sample, frozen=True, kw_only=True):
    holders: tuple[XminHolder, ...]
    """Oldest first, at most 20."""
    vacuums: tuple[VacuumRow, ...] = ()


class VacuumReading(msgspec.Struct, frozen=True, kw_only=True):
    """One vacuum that runs now."""

    pid: int
    """Process id of the backend or autovacuum worker."""
    relation: str | None
    """The table; its number where it is in another database; None where this role may not see it."""
    by: str
    """autovacuum, autovacuum to prevent wraparound, or a session."""
    phase: str | None
    """scanning heap, vacuuming indexes, …"""
    scanned_ratio: float | None
    """Share of the table's pages that were looked at."""
    running_s: float | None
    """How long it runs."""


class PgVacuumPart(Part, frozen=True, kw_only=True):
    xmin_holders: tuple[XminHolder, ...]
    """Who keeps vacuum from removing dead rows, oldest first: sessions, prepared transactions, slots, standbys."""
    oldest_xmin_age: int | None
    """Transactions that the oldest of them holds back; None when there is none."""
    vacuums: tuple[VacuumReading, ...]
    """What vacuum works on now, in all databases."""


class PgVacuum:
    """Reads who holds back vacuum every 5 s, and the progress of vacuums."""

    name = "pg_vacuum"
    interval_s = 5.0
    deadline_s = 2.5

    def __init__(self, postgres: PgClient, clock: Clock) -> None:
        self._postgres = postgres
        self._clock = clock
        self._known_connection = -1
        self._database = 0

    async def sample(self) -> PgVacuumSample:
        """Read once.

        Raises:
            SourceError: as the client tells it.
        """
        if self._postgres.connections != self._known_connection:
            ((self._database,),) = await self._postgres.rows(DATABASE_SQL)
            self._known_connection = self._postgres.connections
        holders = await self._postgres.rows(HOLDERS_SQL.format(database=self._database))
        vacuums = await self._postgres.rows(VACUUMS_SQL.format(database=self._database))
        return PgVacuumSample(
            mono=self._clock.mono(), holders=tuple(map(_holder, holders)), vacuums=tuple(map(_vacuum, vacuums))
        )


def _holder(row: tuple[Any, ...]) -> XminHolder:
    return XminHolder(
        kind=row[0],
        pid=row[1],
        name=decoded(row[2], 64) or "",
        state=row[3],
        here=row[4],
        age=row[5],
        held_s=row[6],
        catalog_only=row[7],
    )


def _vacuum(row: tuple[Any, ...]) -> VacuumRow:
    return VacuumRow(
        pid=row[0],
        oid=row[1],
        relation=decoded(row[2], 128),
        phase=row[3],
        blocks=row[4],
        scanned=row[5],
        backend_type=row[6],
        wraparound=row[7],
        running_s=row[8],
    )


def derive(previous: PgVacuumSample | None, current: PgVacuumSample) -> PgVacuumPart:
    """Readings of one sample."""
    return PgVacuumPart(
        xmin_holders=current.holders,
        oldest_xmin_age=max((holder.age for holder in current.holders), default=None),
        vacuums=tuple(map(_reading, current.vacuums)),
    )


def _reading(row: VacuumRow) -> VacuumReading:
    automatic = row.backend_type == "autovacuum worker"
    by = f"autovacuum{' to prevent wraparound' if row.wraparound else ''}" if automatic else "a session"
    return VacuumReading(
        pid=row.pid,
        relation=row.relation or (str(row.oid) if row.oid else None),
        by=by,
        phase=PHASES[row.phase] if row.phase is not None and row.phase < len(PHASES) else None,
        scanned_ratio=share(row.scanned, row.blocks),
        running_s=row.running_s,
    )


KIND = SourceKind(
    name="pg_vacuum", sample=PgVacuumSample, part=PgVacuumPart, derive=derive, root="postgres", stale_s=20.0
)
