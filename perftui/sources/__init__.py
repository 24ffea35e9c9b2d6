"""One file per thing observed: what is read (sample) and what follows from two of them (readings).

A new source is its file and its line here; which clients it is handed stands in `commands/sources.py`.
"""

from __future__ import annotations

from perftui.sources import (
    cgroups,
    cpu,
    disks,
    file_handles,
    filesystems,
    kernel_log,
    load,
    memory,
    network,
    pg_activity,
    pg_control,
    pg_counters,
    pg_replication,
    pg_statements,
    pg_tables,
    pg_vacuum,
    pg_wal,
    pgbouncer,
    pool_metrics,
    pressure,
    probes,
    processes,
)
from perftui.sources.deploy_kinds import DEPLOY_KINDS
from perftui.sources.kind import SourceKind

KINDS: tuple[SourceKind, ...] = (
    cpu.KIND,
    pressure.KIND,
    memory.KIND,
    disks.KIND,
    filesystems.KIND,
    network.KIND,
    processes.KIND,
    cgroups.KIND,
    kernel_log.KIND,
    file_handles.KIND,
    *DEPLOY_KINDS,
    pg_activity.KIND,
    pg_counters.KIND,
    pg_statements.KIND,
    pg_control.KIND,
    pgbouncer.KIND,
    pool_metrics.KIND,
    pg_tables.KIND,
    pg_vacuum.KIND,
    pg_replication.KIND,
    pg_wal.KIND,
    probes.KIND,
    load.KIND,
)

BY_NAME = {kind.name: kind for kind in KINDS}
