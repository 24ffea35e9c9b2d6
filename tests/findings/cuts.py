"""Cuts by hand: what could not be had for real, made of a real tape by changing what one rule reads of it.

Each is one side of a rule's pair in `test_rule_tapes.py`, or one of the particular variants in `test_tape_variants.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from perftui.model.failure import Failed, FailureKind
from perftui.model.frame import Frame
from perftui.sources.cgroups import CgroupsSample
from perftui.sources.cpu import CpuSample
from perftui.sources.filesystems import FilesystemsSample
from perftui.sources.load import LoadSample
from perftui.sources.memory import MemorySample
from perftui.sources.network import NetworkSample
from perftui.sources.pg_activity import PgActivitySample
from perftui.sources.pg_counters import PgCountersSample
from perftui.sources.pg_replication import PgReplicationSample, SlotRow
from perftui.sources.pg_tables import PgTablesSample
from perftui.sources.pg_wal import PgWalSample
from perftui.sources.pgbouncer import PgBouncerSample, PoolRow
from perftui.sources.processes import ProcessesSample, ProcessRow
from tests.findings.tapes import Course, Variant, each, sample_changed


def changed(source: str, change: Callable[[Any], Any]) -> Variant:
    return each(sample_changed(source, change))


def since_first(source: str, change: Callable[[Any, Any], Any]) -> Variant:
    """A change of a source's samples that knows the first of them: for counters."""

    def cut(course: Course) -> Course:
        first = next(frame.samples[source] for frame in course if source in frame.samples)
        return changed(source, lambda sample: change(first, sample))(course)

    return cut


def until(seconds: float) -> Variant:
    """The tape's beginning."""
    return lambda course: tuple(frame for frame in course if frame.mono - course[0].mono <= seconds)


# The host


def stolen(share: float) -> Variant:
    """No hypervisor here steals: so much of what the programs used is what others took."""

    def change(first: CpuSample, sample: CpuSample) -> CpuSample:
        taken = round((sample.all.user - first.all.user) * share)
        times = msgspec.structs.replace(sample.all, user=sample.all.user - taken, steal=sample.all.steal + taken)
        return msgspec.structs.replace(sample, all=times)

    return since_first("cpu", change)


def niced(sample: CpuSample) -> CpuSample:
    times = sample.all
    return msgspec.structs.replace(sample, all=msgspec.structs.replace(times, user=0, nice=times.user))


def throttled(share: float) -> Variant:
    """The quota's periods in which a group was stopped, fewer of them."""

    def change(first: CgroupsSample, sample: CgroupsSample) -> CgroupsSample:
        groups = {
            name: row
            if row.throttled_periods is None
            else msgspec.structs.replace(row, throttled_periods=round(row.throttled_periods * share))
            for name, row in sample.groups.items()
        }
        return msgspec.structs.replace(sample, groups=groups)

    return since_first("cgroups", change)


def memory(**parts: float) -> Variant:
    """The memory's classes, as shares of all of it."""

    def change(sample: MemorySample) -> MemorySample:
        total = sample.meminfo["MemTotal"]
        sizes = {name: round(share * total) for name, share in parts.items()}
        return msgspec.structs.replace(sample, meminfo={**sample.meminfo, **sizes})

    return changed("memory", change)


full_of_cache = memory(MemFree=0.01, Cached=0.9, MemAvailable=0.9, Dirty=0.0, Writeback=0.0)
nearly_full = memory(MemAvailable=0.02)
parked_in_swap = memory(SwapTotal=0.5, SwapFree=0.1)


def grows_until(second: float) -> Variant:
    """No process grows any more after that second: a cache that has filled, a program that has warmed up."""

    def cut(course: Course) -> Course:
        held: dict[tuple[int, int], int] = {}

        def row(each: ProcessRow, at: float) -> ProcessRow:
            known = (each.pid, each.started_ticks)
            if at <= second or known not in held:
                held[known] = each.resident_bytes
            return msgspec.structs.replace(each, resident_bytes=held[known])

        def frame(each: Frame) -> Frame:
            sample = each.samples.get("processes")
            if not isinstance(sample, ProcessesSample):
                return each
            at = each.mono - course[0].mono
            rows = tuple(row(process, at) for process in sample.rows)
            return msgspec.structs.replace(
                each, samples={**each.samples, "processes": msgspec.structs.replace(sample, rows=rows)}
            )

        return tuple(map(frame, course))

    return cut


def in_a_filesystem(times: int) -> Variant:
    """The same is written into filesystems so many times as large."""

    def change(first: FilesystemsSample, sample: FilesystemsSample) -> FilesystemsSample:
        rows = {
            path: msgspec.structs.replace(
                row,
                total_bytes=row.total_bytes * times,
                free_bytes=row.free_bytes + row.total_bytes * (times - 1),
                available_bytes=row.available_bytes + row.total_bytes * (times - 1),
            )
            for path, row in sample.filesystems.items()
        }
        return msgspec.structs.replace(sample, filesystems=rows)

    return since_first("filesystems", change)


def sent_again(share: float) -> Variant:
    """Fewer segments are lost on the way."""

    def change(first: NetworkSample, sample: NetworkSample) -> NetworkSample:
        before, now = first.segments_retransmitted or 0, sample.segments_retransmitted or 0
        return msgspec.structs.replace(sample, segments_retransmitted=before + round((now - before) * share))

    return since_first("network", change)


def may_open(times: float) -> Variant:
    """Every process may have so many times as many files open."""

    def change(sample: ProcessesSample) -> ProcessesSample:
        rows = (
            row
            if row.open_files_limit is None
            else msgspec.structs.replace(row, open_files_limit=round(row.open_files_limit * times))
            for row in sample.rows
        )
        return msgspec.structs.replace(sample, rows=tuple(rows))

    return changed("processes", change)


# Postgres


def silent(*sources: str, ticks: int, after: int = 6) -> Variant:
    """They don't answer for some ticks, and then do again."""
    failure = Failed(kind=FailureKind.TIMED_OUT, detail="no answer in time")

    def cut(course: Course) -> Course:
        def frame(place: int, known: Frame) -> Frame:
            if not after <= place < after + ticks:
                return known
            samples = {name: sample for name, sample in known.samples.items() if name not in sources}
            return msgspec.structs.replace(known, samples=samples, failed=dict.fromkeys(sources, failure))

        return tuple(frame(place, known) for place, known in enumerate(course))

    return cut


def room_for(connections: int) -> Variant:
    """The same sessions on a server that takes so many."""

    def change(sample: PgActivitySample) -> PgActivitySample:
        server = msgspec.structs.replace(sample.server, max_connections=connections)
        return msgspec.structs.replace(sample, server=server)

    return changed("pg_activity", change)


def sessions(**seen: Any) -> Variant:
    """Of each session something else, or nothing."""

    def change(sample: PgActivitySample) -> PgActivitySample:
        rows = tuple(msgspec.structs.replace(row, **seen) for row in sample.sessions)
        return msgspec.structs.replace(sample, sessions=rows)

    return changed("pg_activity", change)


def as_an_ordinary_role(sample: PgActivitySample) -> PgActivitySample:
    """What a role without pg_monitor is told of others."""
    waits = ("wait_type", "wait_event", "transaction_s", "query_s", "state_s")
    hidden: dict[str, Any] = dict.fromkeys((*waits, "state", "query", "query_id", "xmin_age"))
    rows = tuple(msgspec.structs.replace(row, **hidden) for row in sample.sessions)
    server = msgspec.structs.replace(sample.server, sees_others=False)
    return msgspec.structs.replace(sample, sessions=rows, server=server)


def old_ids(age: int) -> Variant:
    """Two thousand million transactions take days."""
    return changed("pg_counters", lambda sample: msgspec.structs.replace(sample, oldest_xid_age=age))


def blocks_missed(share: float) -> Variant:
    """So many of the blocks asked for are not in shared buffers."""

    def change(sample: PgCountersSample) -> PgCountersSample:
        asked = sample.blocks_hit + sample.blocks_read
        missed = round(asked * share)
        return msgspec.structs.replace(sample, blocks_hit=asked - missed, blocks_read=missed)

    return changed("pg_counters", change)


def spilled(share: float) -> Variant:
    """Less is written to temporary files."""

    def change(first: PgCountersSample, sample: PgCountersSample) -> PgCountersSample:
        spilled = first.temp_bytes + round((sample.temp_bytes - first.temp_bytes) * share)
        return msgspec.structs.replace(sample, temp_bytes=spilled)

    return since_first("pg_counters", change)


def tables(**seen: Any) -> Variant:
    """Of each table something else."""

    def change(sample: PgTablesSample) -> PgTablesSample:
        rows = tuple(msgspec.structs.replace(row, **seen) for row in sample.tables)
        return msgspec.structs.replace(sample, tables=rows)

    return changed("pg_tables", change)


def standby_behind(share: float) -> Variant:
    """Every standby is less far behind."""

    def less(bytes_behind: int | None) -> int | None:
        return None if bytes_behind is None else round(bytes_behind * share)

    def change(sample: PgReplicationSample) -> PgReplicationSample:
        senders = tuple(
            msgspec.structs.replace(
                row,
                unsent_bytes=less(row.unsent_bytes),
                unflushed_bytes=less(row.unflushed_bytes),
                unreplayed_bytes=less(row.unreplayed_bytes),
            )
            for row in sample.senders
        )
        return msgspec.structs.replace(sample, senders=senders)

    return changed("pg_replication", change)


def slots(limit_bytes: int | None, **seen: Any) -> Variant:
    """Each slot as it stands under another max_slot_wal_keep_size."""

    def change(sample: PgReplicationSample) -> PgReplicationSample:
        rows: tuple[SlotRow, ...] = tuple(msgspec.structs.replace(row, **seen) for row in sample.slots)
        return msgspec.structs.replace(sample, slots=rows, slot_limit_bytes=limit_bytes)

    return changed("pg_replication", change)


def wal(change: Callable[[PgWalSample], dict[str, Any]]) -> Variant:
    """What the server tells of checkpoints and archiver, in part."""
    return changed("pg_wal", lambda sample: msgspec.structs.replace(sample, **change(sample)))


# Pools


def pool_of(size: int, **seen: Any) -> Variant:
    """The same clients with so many connections to share."""

    def change(sample: PgBouncerSample) -> PgBouncerSample:
        poolers = {
            name: msgspec.structs.replace(
                pooler,
                databases=tuple(msgspec.structs.replace(row, pool_size=size) for row in pooler.databases),
                pools=tuple(_pool(row, seen) for row in pooler.pools),
            )
            for name, pooler in sample.poolers.items()
        }
        return msgspec.structs.replace(sample, poolers=poolers)

    return changed("pgbouncer", change)


def _pool(row: PoolRow, seen: dict[str, Any]) -> PoolRow:
    return msgspec.structs.replace(row, **seen)


# Load


def failing(share: float) -> Variant:
    """So many of the load's requests fail."""

    def change(sample: LoadSample) -> LoadSample:
        return msgspec.structs.replace(sample, window_failures=round(sum(sample.window.values()) * share))

    return changed("load", change)
