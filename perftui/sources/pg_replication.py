"""Who follows this server and how far behind, what slots keep, and on a standby how it follows: by bytes of the log.

The times that the server tells of lags stay as they are when a standby stops answering; bytes don't.
What is read stands here; `pg_followers` asks the server for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from perftui.model.frame import Sample
from perftui.sources.counters import per_second
from perftui.sources.kind import Part, SourceKind

SILENT_S = 60.0
"""Even an idle primary is heard of twice in this time: wal_receiver_timeout by default."""


class SenderRow(msgspec.Struct, frozen=True, kw_only=True):
    """One connection that streams the log. Source: pg_stat_get_wal_senders(); all but the name need pg_monitor."""

    pid: int
    application: str
    client: str | None
    state: str | None
    sync_state: str | None
    unsent_bytes: int | None
    unflushed_bytes: int | None
    unreplayed_bytes: int | None
    replay_lag_s: float | None


class SlotRow(msgspec.Struct, frozen=True, kw_only=True):
    """Source: pg_get_replication_slots(); 17 and newer tell since when one is inactive and why it was invalidated."""

    name: str
    kind: str
    active: bool
    active_pid: int | None
    wal_status: str | None
    safe_wal_bytes: int | None
    retained_bytes: int | None
    inactive_s: float | None
    invalidation_reason: str | None


class StandbyRow(msgspec.Struct, frozen=True, kw_only=True):
    """How this server follows another. Source: pg_stat_get_wal_receiver(), pg_last_wal_…(); positions in bytes of the log."""

    receiver: str | None
    sender: str | None
    silent_s: float | None
    received: int | None
    announced: int | None
    replayed: int | None
    paused: bool
    last_replayed_s: float | None
    conflicts: int | None


class PgReplicationSample(Sample, frozen=True, kw_only=True):
    position: int | None
    """End of the log in bytes."""
    slot_limit_bytes: int | None
    """max_slot_wal_keep_size; None where there is no limit."""
    data_directory: str | None
    """None where this role may not know it."""
    same_host: bool
    """We reach the server through a socket, or from the address it has itself."""
    senders: tuple[SenderRow, ...] = ()
    slots: tuple[SlotRow, ...] = ()
    standby: StandbyRow | None = None
    """None on a primary."""


class ReplicaReading(msgspec.Struct, frozen=True, kw_only=True):
    """One server or program that streams this server's log."""

    name: str
    """Its application_name, with its address or pid where several have the same."""
    client: str | None
    """Address; None for local sockets."""
    state: str | None
    """startup, catchup, streaming, backup, stopping; None where this role may not see it (grant pg_monitor)."""
    sync_state: str | None
    """async, potential, sync, quorum."""
    lag_bytes: int | None
    """Log that it has not replayed yet; None where it does not tell or this role may not see it."""
    unsent_bytes: int | None
    """Of that, not even sent: it does not take the log as fast as it is written."""
    unflushed_bytes: int | None
    """Of that, not yet safe on its disk."""
    lag_s: float | None
    """Time to replay the last commit it confirmed. It stays as it is when the standby stops answering: judge by bytes."""
    slot: str | None
    """The replication slot it uses."""


class SlotReading(msgspec.Struct, frozen=True, kw_only=True):
    """One replication slot: log that the server keeps for somebody, whether that one comes back or not."""

    name: str
    """Name of the slot."""
    kind: str
    """physical or logical."""
    active: bool
    """Somebody is connected and uses it."""
    retained_bytes: int | None
    """Log kept for it; None where it never kept any or is lost."""
    wal_status: str | None
    """reserved, extended (beyond max_wal_size), unreserved (about to be lost), lost."""
    safe_wal_bytes: int | None
    """Log that may still be written before it is in danger; None without max_slot_wal_keep_size."""
    inactive_s: float | None
    """How long nobody has used it (17 and newer)."""
    invalidation_reason: str | None
    """Why it was given up (17 and newer)."""


class StandbyReading(msgspec.Struct, frozen=True, kw_only=True):
    """How this server follows its primary."""

    receiver: str | None
    """State of the WAL receiver: streaming, waiting, …; None where none runs: nothing arrives, or it comes from an archive."""
    sender: str | None
    """Whom it receives from."""
    silent_s: float | None
    """Since the last message from there."""
    received: bool
    """Something was streamed since this server started."""
    receiving: bool
    """A WAL receiver runs and has heard of its sender within the last minute."""
    lag_bytes: int | None
    """Log that is known here and not replayed yet; None where nothing was received."""
    lag_s: float | None
    """0 when all that came is replayed and more can come; otherwise the age of the last replayed commit, which also grows
    while the primary commits nothing."""
    paused: bool
    """Replay was paused by somebody: pg_wal_replay_resume() goes on."""
    conflicts_total: int | None
    """Statements cancelled because replay could not wait for them, in all databases."""
    conflicts_per_s: float | None
    """The same a second."""


class PgReplicationPart(Part, frozen=True, kw_only=True):
    replication: tuple[ReplicaReading, ...]
    """Who streams from this server, the furthest behind first."""
    slots: tuple[SlotReading, ...]
    """Replication slots, the one that keeps most first."""
    standby: StandbyReading | None
    """None on a primary."""
    replication_lag_bytes: int | None
    """The furthest behind of all standbys; on a standby what it has not replayed. None without any."""
    slot_retained_bytes: int | None
    """The most that a slot keeps."""
    slots_lost: int
    """Slots whose log is gone."""
    slot_limit_bytes: int | None
    """max_slot_wal_keep_size; None where slots may fill the disk."""
    data_directory: str | None
    """Where the server's data lie on its host; None where this role may not know it (grant pg_monitor)."""
    same_host: bool
    """The server runs where we do, as far as its addresses tell."""

    def extra_series(self) -> Iterable[tuple[str, float]]:
        """Of the twenty that are furthest behind and the twenty slots that keep most."""
        return [
            *((lag_series(each.name), each.lag_bytes) for each in self.replication[:20] if each.lag_bytes is not None),
            *((kept_series(each.name), each.retained_bytes) for each in self.slots[:20] if each.retained_bytes),
        ]


def lag_series(name: str) -> str:
    """The series of one standby's lag."""
    return f"postgres.replication.{name}.lag_bytes"


def kept_series(name: str) -> str:
    """The series of what one slot keeps."""
    return f"postgres.slots.{name}.retained_bytes"


def derive(previous: PgReplicationSample | None, current: PgReplicationSample) -> PgReplicationPart:
    """Readings of one sample; only the rate of conflicts needs two."""
    slot_of = {slot.active_pid: slot.name for slot in current.slots if slot.active_pid is not None}
    replicas = sorted(_replicas(current.senders, slot_of), key=lambda each: -(each.lag_bytes or 0))
    slots = sorted(map(_slot_reading, current.slots), key=lambda each: -(each.retained_bytes or 0))
    standby = _standby_reading(previous, current)
    lags = [each.lag_bytes for each in replicas] + ([standby.lag_bytes] if standby else [])
    return PgReplicationPart(
        replication=tuple(replicas),
        slots=tuple(slots),
        standby=standby,
        replication_lag_bytes=max((lag for lag in lags if lag is not None), default=None),
        slot_retained_bytes=max(
            (each.retained_bytes for each in slots if each.retained_bytes is not None), default=None
        ),
        slots_lost=sum(each.wal_status == "lost" for each in slots),
        slot_limit_bytes=current.slot_limit_bytes,
        data_directory=current.data_directory,
        same_host=current.same_host,
    )


def _replicas(senders: tuple[SenderRow, ...], slot_of: dict[int, str]) -> list[ReplicaReading]:
    applications = Counter(row.application for row in senders)
    places = Counter((row.application, row.client) for row in senders)

    def name(row: SenderRow) -> str:
        if applications[row.application] == 1 and row.application:
            return row.application
        unique = places[row.application, row.client] == 1 and row.client
        return f"{row.application} {row.client if unique else f'pid {row.pid}'}".strip()

    return [
        ReplicaReading(
            name=name(row),
            client=row.client,
            state=row.state,
            sync_state=row.sync_state,
            lag_bytes=_positive(row.unreplayed_bytes),
            unsent_bytes=_positive(row.unsent_bytes),
            unflushed_bytes=_positive(row.unflushed_bytes),
            lag_s=row.replay_lag_s,
            slot=slot_of.get(row.pid),
        )
        for row in senders
    ]


def _positive(behind: int | None) -> int | None:
    """A standby may have told of more than was written at the moment the end of the log was read."""
    return None if behind is None else max(0, behind)


def _slot_reading(row: SlotRow) -> SlotReading:
    lost = row.wal_status == "lost"
    return SlotReading(
        name=row.name,
        kind=row.kind,
        active=row.active,
        retained_bytes=None if lost else _positive(row.retained_bytes),
        wal_status=row.wal_status,
        safe_wal_bytes=row.safe_wal_bytes,
        inactive_s=None if row.active else row.inactive_s,
        invalidation_reason=row.invalidation_reason,
    )


def _standby_reading(previous: PgReplicationSample | None, current: PgReplicationSample) -> StandbyReading | None:
    row = current.standby
    if row is None:
        return None
    before = previous.standby if previous else None
    known = [end for end in (row.received, row.announced) if end is not None]
    lag = None if row.replayed is None or not known else max(0, max(known) - row.replayed)
    elapsed = current.mono - previous.mono if previous else 0.0
    follows = lag == 0 and row.receiver == "streaming"
    return StandbyReading(
        receiver=row.receiver,
        sender=row.sender,
        silent_s=row.silent_s,
        received=row.received is not None,
        receiving=row.receiver is not None and (row.silent_s or 0.0) < SILENT_S,
        lag_bytes=lag,
        lag_s=0.0 if follows else row.last_replayed_s,
        paused=row.paused,
        conflicts_total=row.conflicts,
        conflicts_per_s=per_second(before.conflicts if before else None, row.conflicts, elapsed),
    )


KIND = SourceKind(
    name="pg_replication",
    sample=PgReplicationSample,
    part=PgReplicationPart,
    derive=derive,
    root="postgres",
    stale_s=20.0,
)
