"""Real faults made on purpose, each with what must be found: one file and one line here for each."""

from __future__ import annotations

from perftui.drills import (
    bad_deploy,
    cpu_hog,
    cpu_throttle,
    deadlocks,
    disk_fill,
    expired_certificate,
    healthy,
    idle_in_transaction,
    io_saturation,
    lock_chain,
    long_statements,
    lost_segments,
    memory_leak,
    n_plus_one,
    needs,
    oom_kill,
    open_files,
    orphaned_transaction,
    pool_exhaustion,
    pool_leak,
    pooler_full,
    postgres_frozen,
    postgres_restart,
    replication_lag,
    slow_dependency,
    slow_query,
    slow_statements,
    swap_thrash,
    temp_spill,
    too_many_clients,
    two_at_once,
)
from perftui.drills.kind import Drill

DRILLS: tuple[Drill, ...] = (
    cpu_hog.DRILL,
    cpu_throttle.DRILL,
    io_saturation.DRILL,
    swap_thrash.DRILL,
    memory_leak.DRILL,
    oom_kill.DRILL,
    disk_fill.DRILL,
    open_files.DRILL,
    lost_segments.DRILL,
    lock_chain.DRILL,
    idle_in_transaction.DRILL,
    orphaned_transaction.DRILL,
    slow_query.DRILL,
    n_plus_one.DRILL,
    bad_deploy.DRILL,
    temp_spill.DRILL,
    slow_statements.DRILL,
    long_statements.DRILL,
    deadlocks.DRILL,
    too_many_clients.DRILL,
    pool_exhaustion.DRILL,
    pooler_full.DRILL,
    pool_leak.DRILL,
    postgres_frozen.DRILL,
    postgres_restart.DRILL,
    replication_lag.DRILL,
    slow_dependency.DRILL,
    expired_certificate.DRILL,
    two_at_once.DRILL,
    healthy.DRILL,
)


def reason(drill: Drill) -> str | None:
    """Why it can't run here; None where it can."""
    return next((found for need in (needs.postgres, *drill.needs) if (found := need()) is not None), None)
