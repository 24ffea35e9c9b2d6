"""Samples of what a Postgres keeps and sends: tables, vacuum, replication, log."""

from __future__ import annotations

from typing import Any

from perftui.model.frame import Sample
from perftui.sources.filesystems import FilesystemRow, FilesystemsSample
from perftui.sources.pg_replication import PgReplicationSample, SenderRow, SlotRow, StandbyRow
from perftui.sources.pg_tables import Before, PgTablesSample, TableRow
from perftui.sources.pg_vacuum import PgVacuumSample, VacuumRow, XminHolder
from perftui.sources.pg_wal import PgWalSample

MIB = 1 << 20


def table(relation: str = "public.orders", oid: int = 1, **seen: Any) -> TableRow:
    """A table of a million rows that nobody reads whole and that is vacuumed each ten minutes."""
    given: dict[str, Any] = {
        "scans": 0,
        "rows_read": 0,
        "index_scans": 1000,
        "live": 1_000_000,
        "dead": 0,
        "pages": 10_000,
        "rows": 1e6,
        "xid_age": 1000,
        "vacuumed_at": None,
        "autovacuumed_at": 1_770_806_000.0,
        "autovacuum_enabled": None,
        "locked_by": None,
        "indexed": ("id",),
    }
    return TableRow(oid=oid, relation=relation, **{**given, **seen})


def tables(*rows: TableRow, interval_s: float | None = 15.0, autovacuum: bool = True) -> PgTablesSample:
    """What was read was read within the interval."""
    return PgTablesSample(
        mono=0.0,
        tables=rows,
        before={row.oid: Before(0, 0, 0) for row in rows},
        interval_s=interval_s,
        scanned=len(rows),
        rows_read=sum(row.rows_read for row in rows),
        autovacuum=autovacuum,
    )


def holder(age: int, kind: str = "session", **seen: Any) -> XminHolder:
    given: dict[str, Any] = {
        "pid": 77 if kind == "session" else None,
        "name": "report",
        "state": "idle in transaction" if kind == "session" else None,
        "here": True,
        "held_s": 300.0 if kind in ("session", "prepared transaction") else None,
        "catalog_only": False,
    }
    return XminHolder(kind=kind, age=age, **{**given, **seen})


def vacuum(*holders: XminHolder, vacuums: tuple[VacuumRow, ...] = ()) -> Sample:
    return PgVacuumSample(mono=0.0, holders=holders, vacuums=vacuums)


def sender(behind_bytes: int | None, application: str = "s1", **seen: Any) -> SenderRow:
    """A standby that has all of the log on its disk but has not replayed it."""
    given: dict[str, Any] = {
        "pid": 900,
        "client": "10.0.0.2",
        "state": "streaming",
        "sync_state": "async",
        "unsent_bytes": 0,
        "unflushed_bytes": 0,
        "replay_lag_s": 0.001,
    }
    return SenderRow(application=application, unreplayed_bytes=behind_bytes, **{**given, **seen})


def slot(name: str = "s1", retained_bytes: int | None = 0, **seen: Any) -> SlotRow:
    given: dict[str, Any] = {
        "kind": "physical",
        "active": False,
        "active_pid": None,
        "wal_status": "extended",
        "safe_wal_bytes": None,
        "inactive_s": 7300.0,
        "invalidation_reason": None,
    }
    return SlotRow(name=name, retained_bytes=retained_bytes, **{**given, **seen})


def standby(received: int | None, replayed: int, **seen: Any) -> StandbyRow:
    given: dict[str, Any] = {
        "receiver": "streaming",
        "sender": "10.0.0.1:5432",
        "silent_s": 0.5,
        "announced": received,
        "paused": False,
        "last_replayed_s": 1.0,
        "conflicts": 0,
    }
    return StandbyRow(received=received, replayed=replayed, **{**given, **seen})


def replication(
    *senders: SenderRow, slots: tuple[SlotRow, ...] = (), standby: StandbyRow | None = None, **seen: Any
) -> Sample:
    given = {"slot_limit_bytes": None, "data_directory": "/var/lib/postgresql/16/main", "same_host": True, **seen}
    return PgReplicationSample(mono=0.0, position=1 << 40, senders=senders, slots=slots, standby=standby, **given)


def wal(position: int = 0, **seen: Any) -> PgWalSample:
    given: dict[str, Any] = {
        "max_wal_bytes": 1024 * MIB,
        "checkpoint_timeout_s": 300.0,
        "archives": False,
        "archived": 0,
        "archive_failures": 0,
        "archive_failed_s": None,
        "archive_done_s": None,
        "timed": 5,
        "requested": 2,
        "done": None,
        "write_ms": 0.0,
        "sync_ms": 0.0,
        "buffers": 0,
        "by_backends": 0,
        "wal_buffers_full": 0,
        "full_page_images": 0,
        "server_started_at": 1.0,
    }
    return PgWalSample(mono=0.0, position=position, **{**given, **seen})


def filesystems(used_ratio: float, path: str = "/var/lib", total_bytes: int = 100 << 30) -> Sample:
    free = round(total_bytes * (1 - used_ratio))
    row = FilesystemRow(
        device="/dev/vdb",
        kind="ext4",
        total_bytes=total_bytes,
        free_bytes=free,
        available_bytes=free,
        inodes_total=0,
        inodes_free=0,
    )
    return FilesystemsSample(mono=0.0, filesystems={path: row})
