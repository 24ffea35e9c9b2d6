"""What the whole server did: pg_stat_database summed over its databases, and the age of the oldest transaction id."""

from __future__ import annotations

from typing import Any

from perftui.model.failure import FailureKind, Overrun, SourceError
from perftui.model.frame import Sample
from perftui.sources.counters import delta, per_second, share
from perftui.sources.files import Clock
from perftui.sources.kind import Part, SourceKind
from perftui.sources.pg_client import PgClient

IDS_S = 60.0
LOCKED_S = 10.0
"""While pg_database is locked it is not tried more often: each try holds up the connection for the lock timeout."""

COUNTERS_SQL = """
select sum(xact_commit)::int8, sum(xact_rollback)::int8, sum(blks_hit)::int8, sum(blks_read)::int8, sum(temp_bytes)::int8,
       sum(deadlocks)::int8, (select max(age(datfrozenxid))::int8 from pg_database),
       extract(epoch from max(stats_reset))::float8, extract(epoch from pg_postmaster_start_time())::float8, {ids}
  from pg_stat_database
"""
IDS = "string_agg(datid::text, ',' order by datid)"
# What the view is made of, without pg_database, for the databases that were there before it was locked.
LOCKED_SQL = """
select sum(pg_stat_get_db_xact_commit(d))::int8, sum(pg_stat_get_db_xact_rollback(d))::int8,
       sum(pg_stat_get_db_blocks_hit(d))::int8,
       sum(pg_stat_get_db_blocks_fetched(d) - pg_stat_get_db_blocks_hit(d))::int8,
       sum(pg_stat_get_db_temp_bytes(d))::int8, sum(pg_stat_get_db_deadlocks(d))::int8, null::int8,
       extract(epoch from max(pg_stat_get_db_stat_reset_time(d)))::float8,
       extract(epoch from pg_postmaster_start_time())::float8, null::text
  from unnest(string_to_array('{ids}', ',')::oid[]) d
"""


class PgCountersSample(Sample, frozen=True, kw_only=True):
    """Counters since the last statistics reset. Source: pg_stat_database (all databases together)."""

    commits: int
    rollbacks: int
    blocks_hit: int
    blocks_read: int
    temp_bytes: int
    deadlocks: int
    oldest_xid_age: int | None
    """max(age(datfrozenxid)); None while pg_database is locked."""
    reset_at: float | None = None
    """When any database's counters were reset last; a change ends all differences."""
    server_started_at: float | None = None
    """Another one means that the server was restarted, or that another server answers now; so does that."""
    connection: int = 0
    """Another one may lead to another server, or to one that has recovered from a crash; so does that."""


class PgCountersPart(Part, frozen=True, kw_only=True):
    transactions_per_s: float | None
    """Commits and rollbacks of all databases."""
    rollbacks_per_s: float | None
    """Rolled back transactions of all databases."""
    cache_hit_ratio: float | None
    """Blocks found in shared buffers / blocks asked for in the interval; None when none were asked for."""
    temp_bytes_per_s: float | None
    """Written to temporary files. Told when a statement ends, by an idle session up to 10 s later (15 and newer)."""
    deadlocks_per_s: float | None
    """Deadlocks that the server broke."""
    deadlocks_total: int
    """Since the statistics were reset."""
    oldest_xid_age: int | None
    """Transactions since the oldest unfrozen one: autovacuum forces a freeze at autovacuum_freeze_max_age, the server stops
    before 2^31. None while pg_database is locked."""


class PgCounters:
    """Reads pg_stat_database and pg_database."""

    name = "pg_counters"
    interval_s = 1.0
    deadline_s = 2.5

    def __init__(self, postgres: PgClient, clock: Clock) -> None:
        self._postgres = postgres
        self._clock = clock
        self._known_connection = -1
        self._ids = ""
        self._ids_due = float("-inf")
        self._locked_until = float("-inf")

    async def sample(self) -> PgCountersSample:
        """Read once.

        Raises:
            SourceError: as the client tells it.
        """
        ((commits, rollbacks, hit, read, temp, deadlocks, age, reset, started, _),) = await self._rows()
        return PgCountersSample(
            mono=self._clock.mono(),
            commits=commits,
            rollbacks=rollbacks,
            blocks_hit=hit,
            blocks_read=read,
            temp_bytes=temp,
            deadlocks=deadlocks,
            oldest_xid_age=age,
            reset_at=reset,
            server_started_at=started,
            connection=self._known_connection,
        )

    async def _rows(self) -> list[tuple[Any, ...]]:
        """From the view, or while that is locked from what it is made of."""
        now = self._clock.mono()
        if self._postgres.connections != self._known_connection:
            self._ids, self._ids_due, self._locked_until = "", now, now
        if now < self._locked_until:
            return await self._postgres.rows(LOCKED_SQL.format(ids=self._ids))
        due = now >= self._ids_due
        try:
            rows = await self._postgres.rows(COUNTERS_SQL.format(ids=IDS if due else "null::text"))
        except SourceError as exc:
            if exc.kind is not FailureKind.TIMED_OUT or isinstance(exc, Overrun) or not self._ids:
                raise
            self._locked_until = now + LOCKED_S
            return await self._postgres.rows(LOCKED_SQL.format(ids=self._ids))
        self._known_connection = self._postgres.connections
        if due:
            self._ids, self._ids_due = rows[0][9], now + IDS_S
        return rows


def derive(previous: PgCountersSample | None, current: PgCountersSample) -> PgCountersPart:
    """Rates between two samples; none across a statistics reset or a restart."""
    if previous is not None and _epoch(previous) != _epoch(current):
        previous = None
    elapsed = current.mono - previous.mono if previous else 0.0
    before = previous or current

    def rate(name: str) -> float | None:
        return per_second(getattr(before, name), getattr(current, name), elapsed)

    commits, rollbacks = rate("commits"), rate("rollbacks")
    hit, read = delta(before.blocks_hit, current.blocks_hit), delta(before.blocks_read, current.blocks_read)
    asked = None if hit is None or read is None else hit + read
    return PgCountersPart(
        transactions_per_s=None if commits is None or rollbacks is None else commits + rollbacks,
        rollbacks_per_s=rollbacks,
        cache_hit_ratio=share(hit, asked),
        temp_bytes_per_s=rate("temp_bytes"),
        deadlocks_per_s=rate("deadlocks"),
        deadlocks_total=current.deadlocks,
        oldest_xid_age=current.oldest_xid_age,
    )


def _epoch(sample: PgCountersSample) -> tuple[float | None, float | None, int]:
    return sample.reset_at, sample.server_started_at, sample.connection


KIND = SourceKind(
    name="pg_counters", sample=PgCountersSample, part=PgCountersPart, derive=derive, root="postgres", stale_s=5.0
)
