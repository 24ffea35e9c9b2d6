"""What the server of `pg_scenes` keeps and sends: a table without an index, one full of dead rows, a standby that is behind."""

from __future__ import annotations

from typing import Any

import msgspec

from perftui.sources.pg_replication import PgReplicationPart, ReplicaReading, SlotReading, StandbyReading
from perftui.sources.pg_tables import PgTablesPart, TableReading
from perftui.sources.pg_vacuum import PgVacuumPart, VacuumReading, XminHolder
from perftui.sources.pg_wal import ArchiverReading, CheckpointsReading, PgWalPart

MIB = 1 << 20


def table(relation: str, **changes: Any) -> TableReading:
    """Used through its index and vacuumed a while before the scene's ten seconds."""
    reading = TableReading(
        relation=relation,
        sequential_scans_per_s=0.0,
        rows_read_per_s=0.0,
        index_scans_per_s=120.0,
        live_rows=1_000_000,
        dead_rows=1000,
        dead_ratio=0.001,
        size_bytes=80 * MIB,
        xid_age=150_000,
        last_vacuum_at=None,
        last_autovacuum_at=None,
        autovacuum=True,
        locked_by=None,
        indexed_columns=("id",),
    )
    return msgspec.structs.replace(reading, **changes)


TABLES = PgTablesPart(
    tables=(
        table("public.orders", sequential_scans_per_s=12.0, rows_read_per_s=12e6),
        table("public.events", dead_rows=500_000, live_rows=500_000, dead_ratio=0.5),
        table("public.jobs", autovacuum=False),
        table("public.carts", dead_rows=0, dead_ratio=None, live_rows=None, size_bytes=None, index_scans_per_s=None),
    ),
    sequential_rows_per_s=12e6,
    tables_interval_s=15.0,
    tables_scanned=1234,
)
QUIET_TABLES = msgspec.structs.replace(TABLES, tables=TABLES.tables[2:], sequential_rows_per_s=0.0)
VACUUM = PgVacuumPart(
    xmin_holders=(
        XminHolder(
            kind="session", pid=4242, name="orders-api", state="idle in transaction", here=True, age=1_200_000,
            held_s=192.0, catalog_only=False,
        ),
        XminHolder(
            kind="slot", pid=None, name="analytics", state="inactive", here=True, age=9000, held_s=None,
            catalog_only=True,
        ),
        XminHolder(
            kind="prepared transaction", pid=None, name="tx-17", state=None, here=False, age=1, held_s=12.0,
            catalog_only=False,
        ),
    ),
    oldest_xmin_age=1_200_000,
    vacuums=(
        VacuumReading(
            pid=5012, relation="public.events", by="autovacuum", phase="scanning heap", scanned_ratio=0.41,
            running_s=12.0,
        ),
    ),
)  # fmt: skip


def replica(name: str = "s1", **changes: Any) -> ReplicaReading:
    reading = ReplicaReading(
        name=name,
        client="10.0.0.2",
        state="streaming",
        sync_state="async",
        lag_bytes=12 * MIB,
        unsent_bytes=0,
        unflushed_bytes=4096,
        lag_s=1.5,
        slot="s1",
    )
    return msgspec.structs.replace(reading, **changes)


def slot(name: str = "analytics", **changes: Any) -> SlotReading:
    reading = SlotReading(
        name=name,
        kind="logical",
        active=False,
        retained_bytes=2048 * MIB,
        wal_status="extended",
        safe_wal_bytes=8192 * MIB,
        inactive_s=7300.0,
        invalidation_reason=None,
    )
    return msgspec.structs.replace(reading, **changes)


REPLICATION = PgReplicationPart(
    replication=(replica(),),
    slots=(
        slot(),
        slot("s1", kind="physical", active=True, retained_bytes=12 * MIB, wal_status="reserved", inactive_s=None),
    ),
    standby=None,
    replication_lag_bytes=12 * MIB,
    slot_retained_bytes=2048 * MIB,
    slots_lost=0,
    slot_limit_bytes=10240 * MIB,
    data_directory="/var/lib/postgresql/16/main",
    same_host=True,
)
NO_REPLICATION = msgspec.structs.replace(
    REPLICATION, replication=(), slots=(), replication_lag_bytes=None, slot_retained_bytes=None
)
STANDBY = msgspec.structs.replace(
    NO_REPLICATION,
    standby=StandbyReading(
        receiver="streaming",
        sender="10.0.0.1:5432",
        silent_s=0.4,
        received=True,
        receiving=True,
        lag_bytes=200 * MIB,
        lag_s=75.0,
        paused=True,
        conflicts_total=3,
        conflicts_per_s=0.0,
    ),
    replication_lag_bytes=200 * MIB,
)
WAL = PgWalPart(
    wal_bytes_per_s=6.0 * MIB,
    wal_buffers_full_per_s=0.0,
    full_page_images_per_s=300.0,
    checkpoints=CheckpointsReading(
        timed_total=212,
        requested_total=3,
        done_total=None,
        write_s_total=900.0,
        sync_s_total=100.0,
        buffers_per_s=140.0,
        backend_buffers_per_s=0.0,
        timeout_s=300.0,
        max_wal_bytes=1024 * MIB,
    ),
    archiver=ArchiverReading(
        archived_total=900, failures_total=0, failures_per_s=0.0, failing=False, failed_s=None, archived_s=20.0
    ),
)
