"""How much log is written, how often and how hard checkpoints work, whether the archiver keeps up.

Bytes of the log are differences of its end: the same on all versions and of this moment, where pg_stat_wal hears of what a
session wrote up to 10 s later.
"""

from __future__ import annotations

import msgspec

from perftui.model.frame import Sample
from perftui.sources.counters import per_second
from perftui.sources.files import Clock
from perftui.sources.kind import Part, SourceKind
from perftui.sources.pg_client import PgClient
from perftui.sources.pg_columns import Columns, PgColumns

POSITION = """case when pg_is_in_recovery() then coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
 else pg_current_wal_lsn() end"""
"""The end of the log as this server knows it: written here, or received and replayed here."""

WAL_SQL = f"""
select pg_wal_lsn_diff({POSITION}, '0/0')::int8, pg_size_bytes(current_setting('max_wal_size'))::int8,
       extract(epoch from current_setting('checkpoint_timeout')::interval)::float8,
       current_setting('archive_mode') <> 'off', a.archived_count, a.failed_count,
       extract(epoch from clock_timestamp() - a.last_failed_time)::float8,
       extract(epoch from clock_timestamp() - a.last_archived_time)::float8,
       {{timed}}, {{requested}}, {{done}}, {{write_ms}}::float8, {{sync_ms}}::float8, {{buffers}}, {{by_backends}}::int8,
       {{full}}::int8, {{images}}::int8, extract(epoch from pg_postmaster_start_time())::float8
  from pg_stat_archiver a, pg_stat_bgwriter b{{more}}
"""
BY_BACKENDS = "(select sum(writes) from pg_stat_io where backend_type = 'client backend' and object = 'relation')"


class PgWalSample(Sample, frozen=True, kw_only=True):
    """Counters since the last statistics reset. Source: pg_stat_bgwriter up to 16, pg_stat_checkpointer from 17 on;
    pg_stat_wal (14 and newer), pg_stat_archiver, pg_stat_io."""

    position: int | None
    """End of the log in bytes; on a standby of what was received."""
    max_wal_bytes: int
    checkpoint_timeout_s: float
    archives: bool
    archived: int
    archive_failures: int
    archive_failed_s: float | None
    """Since the last failure."""
    archive_done_s: float | None
    """Since the last success."""
    timed: int
    """Checkpoints, on a standby restartpoints, because it was time; those skipped on an idle server included (17 and newer)."""
    requested: int
    """Because max_wal_size was reached, or somebody asked."""
    done: int | None
    """Carried out (18 and newer)."""
    write_ms: float
    sync_ms: float
    buffers: int
    by_backends: int | None
    wal_buffers_full: int | None
    full_page_images: int | None
    server_started_at: float
    """Another one means a restart or another server: no differences."""


class CheckpointsReading(msgspec.Struct, frozen=True, kw_only=True):
    """Checkpoints; on a standby restartpoints."""

    timed_total: int
    """Because checkpoint_timeout had passed; 17 and newer also count those that an idle server skipped."""
    requested_total: int
    """Because max_wal_size was reached, or by command."""
    done_total: int | None
    """Carried out (18 and newer)."""
    write_s_total: float
    """Time that checkpoints spent writing; counted when one ends."""
    sync_s_total: float
    """Time that checkpoints waited for fsync: much of it is storage that can't keep up. Counted when one ends."""
    buffers_per_s: float | None
    """Pages of 8 KiB that checkpoints wrote."""
    backend_buffers_per_s: float | None
    """Pages that sessions had to write themselves, because neither checkpoints nor the background writer had; None where the
    server does not tell."""
    timeout_s: float
    """checkpoint_timeout: so far apart they should be."""
    max_wal_bytes: int
    """max_wal_size: so much log asks for one early."""


class ArchiverReading(msgspec.Struct, frozen=True, kw_only=True):
    """Where archive_mode is on."""

    archived_total: int
    """Segments archived."""
    failures_total: int
    """Attempts that failed."""
    failures_per_s: float | None
    """Failures a second; one failing segment is tried again each second, three times, then each minute."""
    failing: bool
    """The last attempt failed."""
    failed_s: float | None
    """Since the last failure; None when there was none."""
    archived_s: float | None
    """Since the last success; None when there was none."""


class PgWalPart(Part, frozen=True, kw_only=True):
    wal_bytes_per_s: float | None
    """Write-ahead log written; on a standby received."""
    wal_buffers_full_per_s: float | None
    """How often a session wrote the log because wal_buffers were full (14 and newer)."""
    full_page_images_per_s: float | None
    """Whole pages in the log: many after each checkpoint (14 and newer)."""
    checkpoints: CheckpointsReading
    archiver: ArchiverReading | None
    """None where archive_mode is off."""


class PgWal:
    """Reads the statistics of checkpointer, log and archiver every 5 s, in one statement."""

    name = "pg_wal"
    interval_s = 5.0
    deadline_s = 2.5

    def __init__(self, postgres: PgClient, clock: Clock, columns: PgColumns) -> None:
        self._postgres = postgres
        self._clock = clock
        self._columns = columns

    async def sample(self) -> PgWalSample:
        """Read once.

        Raises:
            SourceError: as the client tells it.
        """
        (row,) = await self._postgres.rows(wal_sql(await self._columns.known()))
        names = [field for field in PgWalSample.__struct_fields__ if field != "mono"]
        return PgWalSample(mono=self._clock.mono(), **dict(zip(names, row, strict=True)))


def wal_sql(columns: Columns) -> str:
    """By what this server's views have: checkpoints moved into a view of their own with 17."""
    own = columns.has("pg_stat_checkpointer")
    views = [view for view in ("pg_stat_checkpointer", "pg_stat_wal") if columns.has(view)]

    def either(restartpoints: str, checkpoints: str) -> str:
        return f"case when pg_is_in_recovery() then restartpoints_{restartpoints} else num_{checkpoints} end"

    return WAL_SQL.format(
        timed=either("timed", "timed") if own else "checkpoints_timed",
        requested=either("req", "requested") if own else "checkpoints_req",
        done=either("done", "done") if columns.has("pg_stat_checkpointer", "num_done") else "null::int8",
        write_ms="write_time" if own else "checkpoint_write_time",
        sync_ms="sync_time" if own else "checkpoint_sync_time",
        buffers="buffers_written" if own else "buffers_checkpoint",
        by_backends=BY_BACKENDS if own else "buffers_backend",
        full=columns.or_null("pg_stat_wal", "wal_buffers_full", "int8"),
        images=columns.or_null("pg_stat_wal", "wal_fpi", "int8"),
        more="".join(f", {view}" for view in views),
    )


def derive(previous: PgWalSample | None, current: PgWalSample) -> PgWalPart:
    """Rates between two samples; none across a reset or a restart."""
    if previous is not None and previous.server_started_at != current.server_started_at:
        previous = None
    elapsed = current.mono - previous.mono if previous else 0.0
    before = previous or current

    def rate(name: str) -> float | None:
        return per_second(getattr(before, name), getattr(current, name), elapsed)

    return PgWalPart(
        wal_bytes_per_s=rate("position"),
        wal_buffers_full_per_s=rate("wal_buffers_full"),
        full_page_images_per_s=rate("full_page_images"),
        checkpoints=CheckpointsReading(
            timed_total=current.timed,
            requested_total=current.requested,
            done_total=current.done,
            write_s_total=current.write_ms / 1000,
            sync_s_total=current.sync_ms / 1000,
            buffers_per_s=rate("buffers"),
            backend_buffers_per_s=rate("by_backends"),
            timeout_s=current.checkpoint_timeout_s,
            max_wal_bytes=current.max_wal_bytes,
        ),
        archiver=_archiver(current, rate("archive_failures")) if current.archives else None,
    )


def _archiver(sample: PgWalSample, failures_per_s: float | None) -> ArchiverReading:
    failed_s, done_s = sample.archive_failed_s, sample.archive_done_s
    return ArchiverReading(
        archived_total=sample.archived,
        failures_total=sample.archive_failures,
        failures_per_s=failures_per_s,
        failing=failed_s is not None and (done_s is None or failed_s < done_s),
        failed_s=failed_s,
        archived_s=done_s,
    )


KIND = SourceKind(name="pg_wal", sample=PgWalSample, part=PgWalPart, derive=derive, root="postgres", stale_s=20.0)
