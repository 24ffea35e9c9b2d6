"""What PgBouncer's console tells of its pools: SHOW POOLS, DATABASES, STATS, LISTS, CONFIG, STATE, CLIENTS and SERVERS.

Columns are read by their names; those that a version lacks are None. Known from 1.12 to 1.25.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from perftui.model.failure import Failed
from perftui.model.frame import Sample
from perftui.sources.counters import delta, per_second, share
from perftui.sources.kind import Part, SourceKind
from perftui.sources.pool import LEAK_HOLD_S, PoolClient, PoolReading, name_below, state, unreadable, utilization

KIND_NAME = "pgbouncer"
CLIENT_SLOTS = "clients"
"""Kind, and the last word of the name, of the pool of slots for clients."""
FOUND_HERE = "found on this host, no config names it"
"""Stands in the failure of a pooler that nobody asked to watch."""
MICROSECONDS = 1e-6


class PoolRow(msgspec.Struct, frozen=True, array_like=True):
    """SHOW POOLS: clients and server connections of one database and user."""

    database: str
    user: str
    active_clients: int
    waiting_clients: int
    active_servers: int
    """Lent to a client, those on which a query is being cancelled included."""
    idle_servers: int
    """sv_idle, sv_used and sv_tested: open and not lent."""
    login_servers: int
    """Being opened."""
    wait_s: float
    """maxwait and maxwait_us: of the client that waits longest; 0 when none does."""
    mode: str


class DatabaseRow(msgspec.Struct, frozen=True, array_like=True):
    """SHOW DATABASES: where a pool leads to and how large it may be."""

    name: str
    server_database: str
    force_user: str
    """Role that all its clients get; empty where each has its own."""
    pool_size: int
    reserve_size: int
    max_connections: int
    """Of all users of this database together; 0 is no limit."""
    connections: int
    paused: bool
    disabled: bool


class StatsRow(msgspec.Struct, frozen=True, array_like=True):
    """SHOW STATS: counters of one database since PgBouncer was started."""

    database: str
    transactions: int | None
    queries: int | None
    wait_us: int | None
    """Time that clients waited for a connection, all together."""
    assignments: int | None
    """Connections lent; 1.23 and newer."""


class LinkRow(msgspec.Struct, frozen=True, array_like=True):
    """SHOW CLIENTS joined with SHOW SERVERS: a client that waits, or one with the connection it holds."""

    database: str
    user: str
    application: str
    address: str
    state: str
    waited_s: float | None
    held_s: float | None
    backend_pid: int | None


class Pooler(msgspec.Struct, frozen=True, kw_only=True):
    """One PgBouncer at one moment."""

    mono: float
    """When the counters were read."""
    pools: tuple[PoolRow, ...]
    databases: tuple[DatabaseRow, ...]
    stats: tuple[StatsRow, ...]
    used_clients: int | None
    max_clients: int | None
    """max_client_conn."""
    default_pool_size: int | None
    user_pool_sizes: dict[str, int] = {}
    """pool_size of users that have one of their own; 1.23 and newer."""
    paused: bool | None = None
    """All of it by PAUSE without a database; None before 1.19, which does not tell."""
    links: tuple[LinkRow, ...] = ()
    """Of each pool the longest waits and holds."""
    long_holds: dict[str, int] | None = None
    """By database and user: connections held for more than 60 s since their client's last request."""
    more_pools: int = 0
    """Pools left out because there are too many."""


class PgBouncerSample(Sample, frozen=True, kw_only=True):
    poolers: dict[str, Pooler]
    """By the name in the config; the one that was found by itself has none."""
    failed: dict[str, Failed] = {}
    """Those that gave nothing, while others did."""
    instances: dict[str, int] = {}
    """How many like it there are, by the name in the config; those that are not there are alone."""


class PgBouncerPart(Part, frozen=True, kw_only=True):
    pools: dict[str, PoolReading]


def derive(previous: PgBouncerSample | None, current: PgBouncerSample) -> PgBouncerPart:
    """Readings of each pool; rates need the same pooler in both samples. A pooler that can't be read is there with the reason."""
    pools = {name or KIND_NAME: unreadable(KIND_NAME, why) for name, why in current.failed.items()}
    for name, pooler in current.poolers.items():
        before = previous.poolers.get(name) if previous else None
        pools |= _pools(name, before, pooler, current.instances.get(name, 1))
    return PgBouncerPart(pools=pools)


def _pools(prefix: str, before: Pooler | None, now: Pooler, instances: int) -> dict[str, PoolReading]:
    databases = {row.name: row for row in now.databases}
    rates = _rates(before, now)
    links: dict[tuple[str, str], list[LinkRow]] = defaultdict(list)
    for link in now.links:
        links[link.database, link.user].append(link)
    found = {
        name_below(prefix, row.database, row.user): _pool(
            row, databases.get(row.database), now, rates, links, instances
        )
        for row in now.pools
    }
    if now.used_clients is not None and now.max_clients:
        found[name_below(prefix or KIND_NAME, CLIENT_SLOTS)] = _client_slots(now.used_clients, now.max_clients)
    return found


class _Rates(msgspec.Struct, frozen=True, kw_only=True):
    transactions_per_s: float | None
    queries_per_s: float | None
    wait_s_per_s: float | None
    acquires_per_s: float | None
    acquire_s: float | None


_NO_RATES = _Rates(transactions_per_s=None, queries_per_s=None, wait_s_per_s=None, acquires_per_s=None, acquire_s=None)


def _rates(before: Pooler | None, now: Pooler) -> Mapping[str, _Rates]:
    """By database, all its users together."""
    if before is None or now.mono <= before.mono:
        return {}
    old, elapsed = {row.database: row for row in before.stats}, now.mono - before.mono
    found = {}
    for row in now.stats:
        was = old.get(row.database)
        if was is None:
            continue
        waited = delta(was.wait_us, row.wait_us)
        # Before 1.23 connections lent are not counted; in transaction pooling each transaction takes one.
        lent = delta(was.assignments, row.assignments)
        if row.assignments is None:
            lent = delta(was.transactions, row.transactions)
        found[row.database] = _Rates(
            transactions_per_s=per_second(was.transactions, row.transactions, elapsed),
            queries_per_s=per_second(was.queries, row.queries, elapsed),
            wait_s_per_s=None if waited is None else waited * MICROSECONDS / elapsed,
            acquires_per_s=None if lent is None else lent / elapsed,
            acquire_s=None if waited is None else share(waited * MICROSECONDS, lent),
        )
    return found


def _pool(
    row: PoolRow,
    database: DatabaseRow | None,
    pooler: Pooler,
    rates: Mapping[str, _Rates],
    links: Mapping[tuple[str, str], list[LinkRow]],
    instances: int,
) -> PoolReading:
    opened = row.active_servers + row.idle_servers + row.login_servers
    size, limit = _size(row, database, pooler), _limit(row, database, pooler, opened)
    in_use = row.active_servers
    shut = _shut(database, pooler)
    ratio = utilization(in_use, limit)
    rate = rates.get(row.database, _NO_RATES)
    session = row.mode == "session"
    holds = pooler.long_holds
    return PoolReading(
        kind=KIND_NAME,
        max_size=limit,
        in_use=in_use,
        idle=row.idle_servers,
        waiting=row.waiting_clients,
        utilization_ratio=ratio,
        wait_s=row.wait_s,
        # In session pooling a client holds its connection for as long as it likes, which is no leak.
        leaked=None if holds is None or session else holds.get(f"{row.database}/{row.user}", 0),
        state=state(ratio, row.waiting_clients, shut),
        accepts=not shut,
        shut=shut,
        reserve_in_use=None if size is None else max(0, opened - size),
        acquire_s=rate.acquire_s,
        acquires_per_s=None if session else rate.acquires_per_s,
        wait_s_per_s=rate.wait_s_per_s,
        queries_per_s=rate.queries_per_s,
        transactions_per_s=rate.transactions_per_s,
        database=database.server_database if database else None,
        user=row.user,
        instances=instances,
        clients=tuple(_client(link) for link in links.get((row.database, row.user), ())),
    )


def _size(row: PoolRow, database: DatabaseRow | None, pooler: Pooler) -> int | None:
    own = pooler.user_pool_sizes.get(row.user)
    return own or (database.pool_size if database else pooler.default_pool_size)


def _limit(row: PoolRow, database: DatabaseRow | None, pooler: Pooler, opened: int) -> int | None:
    """The pool's size, or what the database's own limit leaves for it beside the pools of other users."""
    size = _size(row, database, pooler)
    if size is None or database is None or not database.max_connections:
        return size
    others = max(0, database.connections - opened)
    return min(size, max(opened, database.max_connections - others))


def _shut(database: DatabaseRow | None, pooler: Pooler) -> str:
    if database is not None and database.disabled:
        return "disabled"
    return "paused" if pooler.paused or (database is not None and database.paused) else ""


def _client_slots(used: int, most: int) -> PoolReading:
    """Clients beyond max_client_conn are refused, whatever the pools have left."""
    ratio = utilization(used, most)
    return PoolReading(
        kind=CLIENT_SLOTS,
        max_size=most,
        in_use=used,
        idle=max(0, most - used),
        waiting=None,
        utilization_ratio=ratio,
        wait_s=None,
        leaked=None,
        state=state(ratio, None),
    )


def _client(link: LinkRow) -> PoolClient:
    return PoolClient(
        application=link.application,
        address=link.address,
        state=link.state,
        waited_s=link.waited_s,
        held_s=link.held_s,
        backend_pid=link.backend_pid,
    )


def long_holds(links: list[LinkRow]) -> dict[str, int]:
    """By database and user."""
    found: dict[str, int] = defaultdict(int)
    for link in links:
        if link.held_s is not None and link.held_s > LEAK_HOLD_S:
            found[f"{link.database}/{link.user}"] += 1
    return dict(found)


KIND = SourceKind(name="pgbouncer", sample=PgBouncerSample, part=PgBouncerPart, derive=derive, root="", stale_s=5.0)
