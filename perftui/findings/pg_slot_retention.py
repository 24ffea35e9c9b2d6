"""A replication slot keeps log for somebody who does not fetch it: it fills the disk, or is given up."""

from __future__ import annotations

from perftui.findings import postgres
from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.words import age, size
from perftui.model.finding import Constraint, Evidence, Finding, Severity
from perftui.sources.pg_replication import PgReplicationPart, SlotReading, kept_series

NAME = "pg.slot_retention"
_KEPT = "postgres.slots[].retained_bytes"


class PgSlotRetentionLimits(Limits, frozen=True, kw_only=True):
    inactive_bytes: float = 1 << 30
    """Ours: an unused slot that keeps so much was forgotten, or its standby is down."""
    limit_ratio: float = 0.5
    """Ours: a warning at this share of max_slot_wal_keep_size …"""
    critical_ratio: float = 0.8
    """… and critical at this one: at 1 the slot is lost and its standby must be built anew. S003 storage alert, 80 %."""
    free_ratio: float = 0.5
    """Ours: without that setting, critical when a slot keeps so much compared with what the disk has left."""


def pg_slot_retention(history: History, limits: PgSlotRetentionLimits) -> list[Finding]:
    """Each slot that is in danger, is a danger, or is lost."""
    part = history.latest(PgReplicationPart)
    found = (_judge(history, part, slot, limits) for slot in (part.slots if part else ()) if part)
    return [finding for finding in found if finding is not None]


def _judge(
    history: History, part: PgReplicationPart, slot: SlotReading, limits: PgSlotRetentionLimits
) -> Finding | None:
    use = "in use" if slot.active else f"unused{f' for {age(slot.inactive_s)}' if slot.inactive_s is not None else ''}"
    if slot.wal_status == "lost":
        why = f" ({slot.invalidation_reason.replace('_', ' ')})" if slot.invalidation_reason else ""
        title = f"slot {slot.name} is lost{why}: whoever used it must be built anew; drop it"
        return _finding(history, slot, Severity.WARNING, title, "postgres.slots_lost", 0.0)
    kept = slot.retained_bytes or 0
    keeps = f"slot {slot.name}, {use}, keeps {size(kept)} of the log"
    series = kept_series(slot.name)
    limit = part.slot_limit_bytes
    if limit:
        if slot.wal_status == "unreserved" or kept >= limits.critical_ratio * limit:
            title = f"{keeps}, at {size(limit)} (max_slot_wal_keep_size) it is lost"
            return _finding(history, slot, Severity.CRITICAL, title, series, limits.critical_ratio * limit, kept)
        if kept >= limits.limit_ratio * limit:
            title = f"{keeps} of the {size(limit)} that it may"
            return _finding(history, slot, Severity.WARNING, title, series, limits.limit_ratio * limit, kept)
        return None
    disk = postgres.data_filesystem(history, part)
    if disk and kept >= max(limits.inactive_bytes, limits.free_ratio * disk[1].free_bytes):
        title = f"{keeps} and {disk[0]} has {size(disk[1].free_bytes)} left; no max_slot_wal_keep_size stops it"
        return _finding(history, slot, Severity.CRITICAL, title, series, limits.inactive_bytes, kept)
    if not slot.active and kept >= limits.inactive_bytes:
        title = f"{keeps}; no max_slot_wal_keep_size stops it"
        return _finding(history, slot, Severity.WARNING, title, series, limits.inactive_bytes, kept)
    return None


def _finding(
    history: History,
    slot: SlotReading,
    severity: Severity,
    title: str,
    series: str,
    above: float,
    kept: int | None = None,
) -> Finding:
    since_at, before = postgres.since(history, series, above * 0.999, 15.0)
    shown: tuple[Evidence, ...] = (evidence(_KEPT, kept, "bytes", above),) if kept is not None else ()
    return Finding(
        rule=NAME,
        severity=severity,
        constraint=Constraint.IO_BOUND,
        title=title,
        since_at=since_at,
        began_before=before,
        subject={"slot": slot.name},
        evidence=(
            *shown,
            evidence("postgres.slots[].safe_wal_bytes", slot.safe_wal_bytes, "bytes"),
            evidence("postgres.slots_lost", history.value("postgres.slots_lost"), "slots"),
        ),
    )


RULE = Rule(
    name=NAME,
    constraint=Constraint.IO_BOUND,
    limits=PgSlotRetentionLimits,
    find=pg_slot_retention,
    needs=("pg_replication",),
)
