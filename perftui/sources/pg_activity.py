"""Who is connected to Postgres, what each session does and whom it waits for: pg_stat_get_activity(), pg_blocking_pids()."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

import msgspec

from perftui.model.frame import Sample
from perftui.sources.kind import Part, SourceKind
from perftui.sources.pg_lock_tree import LockNode, lock_tree


class ServerRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says of itself. Source: settings, pg_postmaster_start_time(), pg_is_in_recovery()."""

    version_num: int
    """160004 is 16.4."""
    uptime_s: float
    """By the server's own clock."""
    in_recovery: bool
    max_connections: int
    reserved_connections: int
    """Slots ordinary users can't have (superuser_reserved_connections and, from 16 on, reserved_connections)."""
    sees_others: bool
    """This role may read what other roles do (superuser, or a member of pg_read_all_stats through pg_monitor)."""
    role: str
    database: str
    pooled: bool = False
    """Read through a pooler."""
    started_at: float | None = None
    """pg_postmaster_start_time(), by the server's own clock."""
    served_since_at: float | None = None
    """When the checkpointer was started: later than the server after a crash of one of its processes. None without the right
    to see it."""
    change: str | None = None
    """What happened to the server while it was watched, in the last minutes: restarted, crashed and recovered, promoted, …"""
    change_s: float | None = None
    """How long ago that was noticed."""


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One backend that is not simply idle, as of one moment. Ages are the server's own, in seconds.

    Text is None where this role may not see it; it is stripped of control characters and cut at 300 characters.
    """

    pid: int
    """Process id of the backend on the server."""
    backend_start_at: float
    """With the pid, the session's identity."""
    backend_type: str
    """client backend, parallel worker, autovacuum worker, walsender, …"""
    database: str | None
    """Name of the database it is connected to."""
    user: str | None
    """Role it logged in as."""
    application: str | None
    """application_name that the client gave."""
    client: str | None
    """Address; None for local sockets and for the server's own processes."""
    state: str | None
    """active, idle in transaction, idle in transaction (aborted), fastpath function call, disabled."""
    wait_type: str | None
    """Kind of event it waits for: Lock, LWLock, IO, Client, …"""
    wait_event: str | None
    """The event it waits for, as in pg_stat_activity."""
    transaction_s: float | None
    """How long its transaction is open."""
    query_s: float | None
    """Since its statement began: the running one, or the last one when idle in transaction."""
    state_s: float | None
    """How long it has been in its state."""
    query: str | None
    """Its statement with literals replaced by ?."""
    query_id: int | None = None
    """Identifier of the statement, as in pg_stat_statements (14 and newer)."""
    xmin_age: int | None = None
    """Transactions since the oldest snapshot it holds back."""
    leader_pid: int | None = None
    """Of a parallel worker: the backend it works for."""
    blocked_by: tuple[int, ...] = ()
    """pg_blocking_pids: holders of conflicting locks and those ahead in the queue; 0 stands for a prepared transaction.
    At most 20, those who wait for nobody first."""
    lock_mode: str | None = None
    """What it waits for, as ps would say: `RowExclusiveLock`."""
    lock_target: str | None = None
    """Relation by name, otherwise the kind of lock: `orders`, `orders (row)`, `transactionid`, `advisory`."""
    waited_s: float | None = None
    """In the lock's queue (pg_locks.waitstart, 14 and newer), before that since the query began."""


class IdleRow(msgspec.Struct, frozen=True, kw_only=True):
    """Idle sessions of one database, user and application together."""

    database: str | None
    """Database they are connected to."""
    user: str | None
    """Role they are logged in as."""
    application: str | None
    """application_name of theirs."""
    count: int
    """How many there are."""
    longest_idle_s: float | None
    """How long the one of them that rests longest has done nothing; None where this role may not see it."""


class PreparedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A prepared transaction that nobody committed. Source: pg_prepared_xacts."""

    gid: str
    prepared_s: float
    owner: str | None
    database: str | None


class PgActivitySample(Sample, frozen=True, kw_only=True):
    server: ServerRow
    sessions: tuple[SessionRow, ...]
    """All but this program's own and those idle client backends that block nobody."""
    idle: tuple[IdleRow, ...]
    prepared: tuple[PreparedRow, ...] = ()
    own: int = 0
    """This program's own connections; they count as used."""


class HolderReading(msgspec.Struct, frozen=True, kw_only=True):
    """Connections of one application or user."""

    name: str
    """The application or user; empty where none was given."""
    count: int
    """Its connections."""
    active: int
    """Of them, running a statement."""
    idle: int
    """Of them, idle outside of a transaction."""
    idle_in_transaction: int
    """Of them, idle inside of a transaction, aborted ones included."""


class ConnectionsReading(msgspec.Struct, frozen=True, kw_only=True):
    """Client backends; the server's own processes are not counted."""

    used: int
    """Client connections in use, this program's own included."""
    max: int
    """max_connections."""
    reserved: int
    """Slots ordinary users can't have."""
    utilization_ratio: float
    """used / (max - reserved)."""
    active: int
    """Running a statement."""
    idle: int
    """Idle outside of a transaction."""
    idle_in_transaction: int
    """Aborted ones included."""
    waiting: int
    """Backends that wait for a heavyweight lock."""
    oldest_transaction_s: float | None
    """Age of the oldest open transaction of a client; None when none is open or none may be seen."""
    by_application: tuple[HolderReading, ...]
    """Connections by application, most first."""
    by_user: tuple[HolderReading, ...]
    """Connections by user, most first."""


class LocksReading(msgspec.Struct, frozen=True, kw_only=True):
    waiting: int
    """Backends that wait for a heavyweight lock."""
    longest_wait_s: float | None
    """The longest of those waits."""
    unplaced: int
    """Of them, not in the tree: more wait than the server was asked about."""
    root_blockers: int
    """Backends that hold up others and wait for nobody; a cycle counts as one."""
    tree: tuple[LockNode, ...]
    """Depth first, the root with most victims first."""


class PgActivityPart(Part, frozen=True, kw_only=True):
    version: str
    """As people say it: 16.4."""
    role: str
    """primary or standby."""
    database: str
    """The one that is connected: tables and statements' texts are those of it."""
    uptime_s: float
    """Since the server was started."""
    sees_others: bool
    """This role may read what other roles do; otherwise states, waits and texts of theirs are not known."""
    login: str = ""
    """The role that perftui is logged in as."""
    pooled: bool = False
    """It reads through a pooler, and waits for its slots: name the server itself to be sure of an answer."""
    change: str | None = None
    """What happened to the server lately: restarted, crashed and recovered, failed over, promoted, demoted;
    None when nothing did in the last five minutes of this watch."""
    change_s: float | None = None
    """Since that was noticed."""
    connections: ConnectionsReading
    locks: LocksReading
    backends: tuple[SessionRow, ...]
    """Client backends that are not idle, and idle ones that hold what others wait for; longest transaction first."""
    idle: tuple[IdleRow, ...] = ()
    """The other idle sessions, by database, user and application, most first; at most 50 groups."""
    workers: tuple[SessionRow, ...] = ()
    """The server's own processes that have something to do: parallel workers, autovacuum, WAL senders, logical replication."""


IDLE_GROUPS = 50
IN_TRANSACTION = ("idle in transaction", "idle in transaction (aborted)")


def derive(previous: PgActivitySample | None, current: PgActivitySample) -> PgActivityPart:
    """Readings of one sample; nothing here needs two."""
    clients = [row for row in current.sessions if row.backend_type == "client backend"]
    tree = lock_tree(current.sessions, current.prepared)
    waited = [row.waited_s for row in current.sessions if row.blocked_by and row.waited_s is not None]
    return PgActivityPart(
        version=version_words(current.server.version_num),
        role="standby" if current.server.in_recovery else "primary",
        database=current.server.database,
        uptime_s=current.server.uptime_s,
        sees_others=current.server.sees_others,
        login=current.server.role,
        pooled=current.server.pooled,
        change=current.server.change,
        change_s=current.server.change_s,
        connections=_connections(current, clients),
        locks=LocksReading(
            waiting=sum(map(waits, current.sessions)),
            unplaced=sum(waits(row) and not row.blocked_by for row in current.sessions),
            longest_wait_s=max(waited, default=None),
            root_blockers=sum(node.depth == 0 for node in tree),
            tree=tree,
        ),
        backends=tuple(sorted(clients, key=lambda row: -(row.transaction_s or 0.0))),
        idle=tuple(sorted(current.idle, key=lambda group: -group.count)[:IDLE_GROUPS]),
        workers=tuple(row for row in current.sessions if row.backend_type != "client backend"),
    )


def waits(row: SessionRow) -> bool:
    """Whether it waits for a heavyweight lock; of very many that do, not of all is known for whom."""
    return bool(row.blocked_by) or row.lock_mode is not None


def version_words(number: int) -> str:
    """160004 → 16.4."""
    return f"{number // 10000}.{number % 10000}"


def _connections(sample: PgActivitySample, clients: list[SessionRow]) -> ConnectionsReading:
    grouped = sum(group.count for group in sample.idle)
    used = len(clients) + grouped + sample.own
    server = sample.server
    ages = [row.transaction_s for row in clients if row.transaction_s is not None]
    return ConnectionsReading(
        used=used,
        max=server.max_connections,
        reserved=server.reserved_connections,
        utilization_ratio=used / max(1, server.max_connections - server.reserved_connections),
        active=sum(row.state == "active" for row in clients),
        idle=grouped + sum(row.state == "idle" for row in clients),
        idle_in_transaction=sum(row.state in IN_TRANSACTION for row in clients),
        waiting=sum(map(waits, clients)),
        oldest_transaction_s=max(ages, default=None),
        by_application=_holders(sample, clients, lambda row: row.application),
        by_user=_holders(sample, clients, lambda row: row.user),
    )


def _holders(
    sample: PgActivitySample, clients: list[SessionRow], name: Callable[[SessionRow | IdleRow], str | None]
) -> tuple[HolderReading, ...]:
    """Most connections first, at most 20."""
    states: dict[str, Counter[str]] = defaultdict(Counter)
    for row in clients:
        states[name(row) or ""]["in transaction" if row.state in IN_TRANSACTION else row.state or "unknown"] += 1
    for group in sample.idle:
        states[name(group) or ""]["idle"] += group.count
    holders = [
        HolderReading(
            name=who,
            count=count.total(),
            active=count["active"],
            idle=count["idle"],
            idle_in_transaction=count["in transaction"],
        )
        for who, count in states.items()
    ]
    return tuple(sorted(holders, key=lambda holder: (-holder.count, holder.name))[:20])


KIND = SourceKind(
    name="pg_activity", sample=PgActivitySample, part=PgActivityPart, derive=derive, root="postgres", stale_s=5.0
)
