"""Asks a server who follows it, what slots keep, and how it follows itself.

Read from functions, since the views join catalogs that may be locked.
"""

from __future__ import annotations

from typing import Any

from perftui.sources.files import Clock
from perftui.sources.pg_client import PgClient
from perftui.sources.pg_columns import Columns, PgColumns
from perftui.sources.pg_replication import PgReplicationSample, SenderRow, SlotRow, StandbyRow
from perftui.sources.pg_text import decoded
from perftui.sources.pg_wal import POSITION
from perftui.sources.text import printable

# Settings that this role may not read have no row in pg_settings; 360 of them are read for that, so once a connection.
PLACE_SQL = """
select (select textsend(setting) from pg_settings where name = 'data_directory'),
       inet_client_addr() is null or inet_client_addr() = inet_server_addr()
"""
SERVER_SQL = f"""
select pg_is_in_recovery(), pg_wal_lsn_diff({POSITION}, '0/0')::int8,
       pg_size_bytes(current_setting('max_slot_wal_keep_size'))::int8,
       (select count(*) from pg_stat_get_wal_senders()), (select count(*) from pg_get_replication_slots())
"""
SENDERS_SQL = f"""
select w.pid::int8, textsend(a.application_name), host(a.client_addr), w.state, w.sync_state,
       pg_wal_lsn_diff(position, w.sent_lsn)::int8, pg_wal_lsn_diff(position, w.flush_lsn)::int8,
       pg_wal_lsn_diff(position, w.replay_lsn)::int8, extract(epoch from w.replay_lag)::float8
  from pg_stat_get_wal_senders() w join pg_stat_get_activity(null) a on a.pid = w.pid, (select {POSITION} as position) p
"""
SLOTS_SQL = """
select textsend(slot_name::text), slot_type, active, active_pid::int8, wal_status, safe_wal_size::int8,
       pg_wal_lsn_diff({position}, restart_lsn)::int8, {inactive}, {reason}
  from pg_get_replication_slots()
"""
STANDBY_SQL = """
select r.status, r.sender_host, r.sender_port::int8, extract(epoch from clock_timestamp() - r.last_msg_receipt_time)::float8,
       pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::int8, pg_wal_lsn_diff(r.latest_end_lsn, '0/0')::int8,
       pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::int8, pg_is_wal_replay_paused(),
       extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8,
       (select sum(pg_stat_get_db_conflict_all(oid))::int8 from pg_database)
  from (select 1) one left join pg_stat_get_wal_receiver() r on true
"""


class PgReplication:
    """Reads every 5 s; senders, slots and the receiver only where there are any."""

    name = "pg_replication"
    interval_s = 5.0
    deadline_s = 2.5

    def __init__(self, postgres: PgClient, clock: Clock, columns: PgColumns) -> None:
        self._postgres = postgres
        self._clock = clock
        self._columns = columns
        self._known_connection = -1
        self._place: tuple[Any, ...] = (None, False)

    async def sample(self) -> PgReplicationSample:
        """Read once.

        Raises:
            SourceError: as the client tells it.
        """
        columns = await self._columns.known()
        if self._postgres.connections != self._known_connection:
            (self._place,) = await self._postgres.rows(PLACE_SQL)
            self._known_connection = self._postgres.connections
        ((in_recovery, position, limit, senders, slots),) = await self._postgres.rows(SERVER_SQL)
        directory, same_host = self._place
        return PgReplicationSample(
            mono=self._clock.mono(),
            position=position,
            slot_limit_bytes=limit if limit >= 0 else None,
            data_directory=decoded(directory),
            same_host=same_host,
            senders=tuple(map(_sender, await self._postgres.rows(SENDERS_SQL))) if senders else (),
            slots=tuple(map(_slot, await self._postgres.rows(slots_sql(columns)))) if slots else (),
            standby=_standby(await self._postgres.rows(STANDBY_SQL)) if in_recovery else None,
        )


def slots_sql(columns: Columns) -> str:
    view = "pg_replication_slots"
    since = columns.or_null(view, "inactive_since", "timestamptz")
    return SLOTS_SQL.format(
        position=POSITION,
        inactive=f"extract(epoch from clock_timestamp() - {since})::float8",
        reason=columns.or_null(view, "invalidation_reason", "text"),
    )


def _sender(row: tuple[Any, ...]) -> SenderRow:
    return SenderRow(
        pid=row[0],
        application=decoded(row[1], 64) or "",
        client=row[2],
        state=row[3],
        sync_state=row[4],
        unsent_bytes=row[5],
        unflushed_bytes=row[6],
        unreplayed_bytes=row[7],
        replay_lag_s=row[8],
    )


def _slot(row: tuple[Any, ...]) -> SlotRow:
    return SlotRow(
        name=decoded(row[0], 64) or "",
        kind=row[1],
        active=row[2],
        active_pid=row[3],
        wal_status=row[4],
        safe_wal_bytes=row[5],
        retained_bytes=row[6],
        inactive_s=row[7],
        invalidation_reason=row[8],
    )


def _standby(rows: list[tuple[Any, ...]]) -> StandbyRow:
    ((status, host, port, silent_s, received, announced, replayed, paused, last_replayed_s, conflicts),) = rows
    return StandbyRow(
        receiver=status,
        sender=f"{printable(host, 64)}:{port}" if host else None,
        silent_s=silent_s,
        received=received,
        announced=announced,
        replayed=replayed,
        paused=paused,
        last_replayed_s=last_replayed_s,
        conflicts=conflicts,
    )
