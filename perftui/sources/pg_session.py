"""Reads who is connected and who waits for whom, in one round trip while nobody waits and two while somebody does.

pg_stat_get_activity(null) on an open connection keeps working while a catalog is locked; the view does not. So names of
databases and roles come from maps that are renewed each minute, and kept when that fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from perftui.model.failure import FailureKind, SourceError
from perftui.sources.files import Clock
from perftui.sources.pg_activity import IdleRow, PgActivitySample, PreparedRow, ServerRow, SessionRow
from perftui.sources.pg_client import PgClient
from perftui.sources.pg_life import Life, ServerChanges
from perftui.sources.pg_text import QUERY_BYTES, decoded, statement

NAMES_S = 60.0
ASKED_ALL, ASKED_OLDEST = 200, 50
"""pg_blocking_pids looks at the whole queue for each of its members and stops the lock manager meanwhile. Where more than 200
wait, the 50 oldest are asked about, and one more for each lock that none of them waits for."""
EDGES = 20
"""Blockers kept for one waiter: in a queue of 300 each waits for all ahead of it, 45,000 numbers every second."""

# Up to 14 a role sees others' sessions through any membership, from 15 on only through one whose rights it inherits.
SERVER_SQL = """
select current_setting('server_version_num')::int8,
       current_setting('max_connections')::int8,
       current_setting('superuser_reserved_connections')::int8
         + coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::int8,
       current_setting('is_superuser') = 'on' or pg_has_role(current_user, 'pg_read_all_stats',
         case when current_setting('server_version_num')::int8 < 150000 then 'member' else 'usage' end),
       textsend(current_user::text), textsend(current_database()::text),
       (select oid::int8 from pg_database where datname = current_database())
"""

NAMES_SQL = """
select 'd', oid::int8, textsend(datname::text) from pg_database
union all select 'r', oid::int8, textsend(rolname::text) from pg_roles
"""

SESSION_COLUMNS = """
select a.pid::int8, extract(epoch from backend_start)::float8, backend_type, datid::int8, usesysid::int8,
       textsend(application_name), host(client_addr), state, wait_event_type, wait_event,
       extract(epoch from clock_timestamp() - xact_start)::float8,
       extract(epoch from clock_timestamp() - query_start)::float8,
       extract(epoch from clock_timestamp() - state_change)::float8,
       substring(textsend(query) from 1 for {bytes}), {query_id}, age(backend_xmin)::int8, leader_pid::int8
"""
# 13 has no query_id. A role without pg_read_all_stats sees neither waits nor states, but pg_locks tells who waits.
# Processes that every server has all the time are left out; the startup process is not, since replay on a standby takes locks.
ACTIVITY_SQL = """
with a as materialized (select *, ({waits}) is true as waits from pg_stat_get_activity(null) where pid <> pg_backend_pid()),
     w as (select pid, row_number() over (order by query_start, pid) as place, count(*) over () as many from a where waits)
{session},
       case when waits then
         case when many <= {all} or place <= {oldest} then array_to_string(pg_blocking_pids(a.pid), ',') else '' end
       end, null::int8
  from a left join w using (pid)
 where (state = 'idle' and backend_type = 'client backend') is not true
   and (backend_type in ('checkpointer', 'background writer', 'walwriter', 'walreceiver', 'walsummarizer', 'archiver', 'logger',
        'io worker', 'autovacuum launcher', 'logical replication launcher', 'slotsync worker')) is not true
union all
select null, null, 'client backend', datid::int8, usesysid::int8, textsend(application_name), null, 'idle', null, null,
       null, null, extract(epoch from clock_timestamp() - min(state_change))::float8, null, null, null, null, null, count(*)
  from a where state = 'idle' and backend_type = 'client backend' group by datid, usesysid, application_name
union all
select null, extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8, 'server', null, null, null, null,
       case when pg_is_in_recovery() then 'standby' else 'primary' end,
       null, null, extract(epoch from pg_postmaster_start_time())::float8,
       (select extract(epoch from min(backend_start))::float8 from a where backend_type = 'checkpointer'),
       null, null, null, null, null, null, null
"""
SEES_WAITS = "wait_event_type = 'Lock'"
MUST_ASK_LOCKS = "wait_event_type = 'Lock' or pid in (select pid from pg_locks where not granted)"

# An idle session may hold an advisory lock, and a group of idle ones tells no single one.
IDLE_SQL = (
    "{session}, null::text, null::int8 from pg_stat_get_activity(null) a where state = 'idle' and pid in ({pids})"
)

# The last column is all that tells one lock from another, and the mode. Who waits for the transaction that changed a row holds
# the lock of that row meanwhile, which is all that names the table.
LOCKS_SQL = """
select pid::int8, mode, locktype, {name}, relation::int8, database::int8, {waited},
       concat_ws(':', locktype, database, relation, page, tuple, virtualxid, transactionid, classid, objid, objsubid, mode),
       granted
  from pg_locks where not granted or locktype = 'tuple'
"""
EDGES_SQL = """
select pid::int8, array_to_string(pg_blocking_pids(pid), ',') from unnest(string_to_array('{pids}', ',')::int4[]) pid
"""
NAMED = "case when database in (0, {database}) then textsend(relation::regclass::text) end"

# The view joins catalogs, which may be locked.
PREPARED_SQL = """
select textsend(gid), extract(epoch from clock_timestamp() - prepared)::float8, ownerid::int8, dbid::int8
  from pg_prepared_xact()
"""


class PgActivity:
    """Reads pg_stat_get_activity(), and pg_locks and pg_prepared_xacts when somebody waits."""

    name = "pg_activity"
    interval_s = 1.0
    deadline_s = 2.5

    def __init__(self, postgres: PgClient, clock: Clock) -> None:
        self._postgres = postgres
        self._clock = clock
        self._known_connection = -1
        self._server: tuple[Any, ...] = ()
        self._names: dict[tuple[str, int], str] = {}
        self._learnt_at = float("-inf")
        self._changes = ServerChanges()

    async def sample(self) -> PgActivitySample:
        """Read once.

        Raises:
            SourceError: UNREACHABLE, DENIED, MISSING or TIMED_OUT as the client tells it.
        """
        await self._learn_if_due()
        version, max_connections, reserved, sees_others, role, database, _ = self._server
        session = SESSION_COLUMNS.format(bytes=QUERY_BYTES, query_id="query_id" if version >= 140000 else "null::int8")
        rows = await self._postgres.rows(
            ACTIVITY_SQL.format(
                session=session,
                waits=SEES_WAITS if sees_others else MUST_ASK_LOCKS,
                all=ASKED_ALL,
                oldest=ASKED_OLDEST,
            )
        )
        mono = self._clock.mono()
        edges = {row[0]: _pids(row[17]) for row in rows if row[17]}
        asleep = [row[0] for row in rows if row[17] is not None]
        locks = await self._locks() if asleep else {}
        if len(asleep) > ASKED_ALL:
            edges |= await self._edges_of_others([pid for pid in asleep if pid not in edges], edges, locks)
        waiters = _kept(edges)
        holders = await self._idle_blockers(session, waiters, rows)
        prepared = await self._prepared() if any(0 in behind for behind in waiters.values()) else ()
        (server,) = [row for row in rows if row[2] == "server"]
        life = Life(
            started_at=server[10],
            served_since_at=server[11],
            seen_at=server[10] + server[1],
            standby=server[7] == "standby",
        )
        change = self._changes.noticed(life, mono)
        return PgActivitySample(
            mono=mono,
            server=ServerRow(
                version_num=version,
                uptime_s=server[1],
                in_recovery=server[7] == "standby",
                max_connections=max_connections,
                reserved_connections=reserved,
                sees_others=sees_others,
                role=decoded(role) or "",
                database=decoded(database) or "",
                pooled=self._postgres.pooled,
                started_at=life.started_at,
                served_since_at=life.served_since_at,
                change=change[0],
                change_s=change[1],
            ),
            sessions=tuple(
                self._session(row, waiters.get(row[0], ()), locks.get(row[0]) if row[17] is not None else None)
                for row in [*rows, *holders]
                if row[0] is not None
            ),
            idle=_without(holders, [row for row in rows if row[18] is not None], self._idle),
            prepared=prepared,
            own=1,
        )

    async def _learn_if_due(self) -> None:
        """Rights and names may change while we look; both need catalogs, and what is known does when those are locked."""
        new = self._postgres.connections != self._known_connection
        if not new and self._clock.mono() - self._learnt_at < NAMES_S:
            return
        self._learnt_at = self._clock.mono()
        try:
            (self._server,) = await self._postgres.rows(SERVER_SQL)
            names = await self._postgres.rows(NAMES_SQL)
        except SourceError as exc:
            if new or exc.kind is not FailureKind.TIMED_OUT:
                raise
            return
        self._names = {(kind, oid): decoded(name, 64) or "" for kind, oid, name in names}
        if new:
            await self._prepare()
        self._known_connection = self._postgres.connections

    async def _prepare(self) -> None:
        """Have the server plan what is asked only when somebody waits: then a catalog that this needs may be locked."""
        for sql in (*self._locks_sql(), PREPARED_SQL):
            await self._rows_or_none(sql)

    def _locks_sql(self) -> tuple[str, str]:
        """With names of relations, which need pg_class, and without."""
        version, database = self._server[0], self._server[6]
        waited = "extract(epoch from clock_timestamp() - waitstart)::float8" if version >= 140000 else "null::float8"
        return (
            LOCKS_SQL.format(name=NAMED.format(database=database), waited=waited),
            LOCKS_SQL.format(name="null::bytea", waited=waited),
        )

    async def _locks(self) -> dict[int, tuple[Any, ...]]:
        """By waiting pid; with numbers where names can't be had, and empty where nothing can: the edges are known anyway."""
        for sql in self._locks_sql():
            rows = await self._rows_or_none(sql)
            if rows is not None:
                return _waited_for(rows)
        return {}

    async def _idle_blockers(
        self, session: str, waiters: dict[int, tuple[int, ...]], rows: list[tuple[Any, ...]]
    ) -> list[tuple[Any, ...]]:
        """Those who block and are among the idle ones."""
        unseen = {pid for behind in waiters.values() for pid in behind} - {row[0] for row in rows} - {0}
        if not unseen:
            return []
        pids = ",".join(map(str, sorted(unseen)))
        return await self._rows_or_none(IDLE_SQL.format(session=session, pids=pids)) or []

    async def _edges_of_others(
        self, pids: list[int], edges: dict[int, set[int]], locks: dict[int, tuple[Any, ...]]
    ) -> dict[int, set[int]]:
        """Who wants a lock in the mode in which another one that was asked about wants it is behind the same backends."""
        behind = {lock[7]: edges[pid] for pid, lock in locks.items() if pid in edges}
        first = {lock[7]: pid for pid in reversed(pids) if (lock := locks.get(pid)) and lock[7] not in behind}
        asked = ",".join(str(pid) for pid in sorted(first.values())[:ASKED_OLDEST])
        if asked:
            rows = await self._rows_or_none(EDGES_SQL.format(pids=asked)) or []
            behind |= {locks[pid][7]: _pids(found) for pid, found in rows if found}
        return {pid: behind[lock[7]] - {pid} for pid in pids if (lock := locks.get(pid)) and lock[7] in behind}

    async def _prepared(self) -> tuple[PreparedRow, ...]:
        return tuple(
            PreparedRow(
                gid=decoded(gid) or "",
                prepared_s=age,
                owner=self._named("r", owner),
                database=self._named("d", database),
            )
            for gid, age, owner, database in await self._rows_or_none(PREPARED_SQL) or ()
        )

    async def _rows_or_none(self, sql: str) -> list[tuple[Any, ...]] | None:
        """None where a catalog is locked."""
        try:
            return await self._postgres.rows(sql)
        except SourceError as exc:
            if exc.kind is not FailureKind.TIMED_OUT:
                raise
            return None

    def _named(self, kind: str, oid: int | None) -> str | None:
        return None if not oid else self._names.get((kind, oid), str(oid))

    def _session(self, row: tuple[Any, ...], blocked_by: tuple[int, ...], lock: tuple[Any, ...] | None) -> SessionRow:
        return SessionRow(
            pid=row[0],
            backend_start_at=row[1] or 0.0,
            # Without the right to know, its kind is hidden too; only clients have a user and a database.
            backend_type=row[2] or ("client backend" if row[3] and row[4] else "server process"),
            database=self._named("d", row[3]),
            user=self._named("r", row[4]),
            application=decoded(row[5], 64),
            client=row[6],
            state=row[7],
            wait_type=row[8],
            wait_event=row[9],
            transaction_s=row[10],
            query_s=row[11],
            state_s=row[12],
            query=statement(row[13]),
            query_id=row[14],
            xmin_age=row[15],
            leader_pid=row[16],
            blocked_by=blocked_by,
            lock_mode=lock[1] if lock else None,
            lock_target=_target(lock) if lock else None,
            waited_s=(lock[6] if lock and lock[6] is not None else row[11]) if blocked_by else None,
        )

    def _idle(self, row: tuple[Any, ...], count: int) -> IdleRow:
        return IdleRow(
            database=self._named("d", row[3]),
            user=self._named("r", row[4]),
            application=decoded(row[5], 64),
            count=count,
            longest_idle_s=row[12],
        )


def _without(
    holders: list[tuple[Any, ...]], groups: list[tuple[Any, ...]], told: Callable[[tuple[Any, ...], int], IdleRow]
) -> tuple[IdleRow, ...]:
    """The groups of idle sessions, less those of them that are told one by one."""
    single = Counter(row[3:6] for row in holders)
    return tuple(told(row, left) for row in groups if (left := row[18] - single[row[3:6]]) > 0)


def _pids(words: str) -> set[int]:
    return {int(pid) for pid in words.split(",")}


def _kept(waiters: dict[int, set[int]]) -> dict[int, tuple[int, ...]]:
    """At most EDGES blockers of each: first those who wait for nobody, then those with the shortest way to such."""

    def way(pid: int) -> tuple[int, int]:
        return len(waiters.get(pid, ())), pid

    return {
        pid: tuple(sorted(behind if len(behind) <= EDGES else sorted(behind, key=way)[:EDGES]))
        for pid, behind in waiters.items()
    }


def _waited_for(rows: list[tuple[Any, ...]]) -> dict[int, tuple[Any, ...]]:
    """The lock that each pid waits for; one for the transaction that changed a row with the row's relation."""
    held = {row[0]: row for row in rows if row[8]}
    return {
        row[0]: (*row[:2], *held[row[0]][2:6], *row[6:]) if row[2] == "transactionid" and row[0] in held else row
        for row in rows
        if not row[8]
    }


def _target(lock: tuple[Any, ...]) -> str:
    """The relation by name, else by number, else the kind of lock."""
    kind, name, relation, database = lock[2], decoded(lock[3], 128), lock[4], lock[5]
    kind = "row" if kind == "tuple" else kind
    if name:
        return name if kind == "relation" else f"{name} ({kind})"
    return f"{database}:{relation} ({kind})" if relation else str(kind)
