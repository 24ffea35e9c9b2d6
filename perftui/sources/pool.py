"""A pool of connections, whoever keeps it: PgBouncer, an application, or Postgres itself."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from perftui.model.failure import Failed

CRITICAL_RATIO = 0.8
"""S002 35.3.3."""
WARNING_WAITING = 10
"""S002 35.3.3."""
LEAK_HOLD_S = 60.0
"""S002 35.5.2: leak-detection-threshold."""
SERVER = "server"
"""Kind of the pool that Postgres itself is."""


class PoolState(StrEnum):
    """By the seeds: over 80 % in use is critical, more than 10 waiting a warning."""

    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class PoolClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client of a pooler that waits for a connection or holds one."""

    application: str
    """application_name that it gave; empty where it gave none, or where the pooler is older than 1.18."""
    address: str
    """Where it comes from, with its port; `unix` for a local socket."""
    state: str
    """waiting, active (its connection is in use), or as the pooler calls it."""
    waited_s: float | None
    """How long it has been waiting for a connection; None when it does not wait."""
    held_s: float | None
    """Since its last request while it holds a connection, to the second; None when it holds none."""
    backend_pid: int | None
    """Process of the connection it holds, on the server: pid in pg_stat_activity."""


class PoolReading(msgspec.Struct, frozen=True, kw_only=True):
    """One pool; what it does not tell is None, never 0."""

    kind: str
    """pgbouncer, clients (the slots of PgBouncer for its clients), hikaricp, opentelemetry, …; server is Postgres itself."""
    max_size: int | None
    """Connections it may open at the most."""
    in_use: int | None
    """Connections lent to a client; of Postgres itself the slots that are taken."""
    idle: int | None
    """Connections open and free; of Postgres itself the slots that are free."""
    waiting: int | None
    """Clients, threads or requests that wait for a connection; None where the pool does not tell, as with SQLAlchemy."""
    utilization_ratio: float | None
    """in_use / max_size, at most 1."""
    wait_s: float | None
    """How long the client that waits longest has been waiting (PgBouncer); otherwise what a connection took to get on average
    in the interval."""
    leaked: int | None
    """Connections held for more than 60 s since their client's last request; None where the pool does not tell."""
    state: PoolState
    """healthy, warning (more than 10 wait), critical (over 80 % in use, or shut), unknown."""
    accepts: bool = True
    """Lends connections; no while an administrator has paused or disabled it."""
    shut: str = ""
    """paused or disabled, where an administrator closed it; otherwise empty."""
    problem: str = ""
    """Why nothing is known of it; otherwise empty."""
    reserve_in_use: int | None = None
    """Connections open beyond the pool's size, from its reserve."""
    acquire_s: float | None = None
    """What a connection took to get, on average over the clients that got one in the interval."""
    acquires_per_s: float | None = None
    """Connections lent in a second."""
    wait_s_per_s: float | None = None
    """Seconds that clients waited in a second: so many waited on average."""
    timeouts_per_s: float | None = None
    """Clients that gave up waiting in a second."""
    queries_per_s: float | None = None
    """Queries through it; PgBouncer tells them by database, all users together."""
    transactions_per_s: float | None = None
    """Transactions through it; by database as queries_per_s."""
    database: str | None = None
    """Name of the database on the server that it leads to."""
    user: str | None = None
    """Role it connects as."""
    instances: int = 1
    """Pools of this kind that share the server, as the config tells it: each may open max_size; the figures are of one."""
    clients: tuple[PoolClient, ...] = ()
    """Who waits and who holds connections, the longest first; PgBouncer only, some of each."""


def utilization(in_use: int | None, max_size: int | None) -> float | None:
    """in_use / max_size; a reserve can make more of them than there should be."""
    return None if in_use is None or not max_size else min(1.0, in_use / max_size)


def state(ratio: float | None, waiting: int | None, shut: str = "") -> PoolState:
    """What the seeds say of it; what nobody can use is critical too."""
    if shut or (ratio is not None and ratio > CRITICAL_RATIO):
        return PoolState.CRITICAL
    if waiting is not None and waiting > WARNING_WAITING:
        return PoolState.WARNING
    return PoolState.UNKNOWN if ratio is None else PoolState.HEALTHY


def unreadable(kind: str, why: Failed) -> PoolReading:
    """A pool, or whoever keeps several, that can't be read while others can."""
    return PoolReading(
        kind=kind,
        max_size=None,
        in_use=None,
        idle=None,
        waiting=None,
        utilization_ratio=None,
        wait_s=None,
        leaked=None,
        state=PoolState.UNKNOWN,
        problem=f"{why.kind.replace('_', ' ')}: {why.detail}",
    )


def name_below(prefix: str, *words: str) -> str:
    """`orders/app`, or `edge/orders/app` where several poolers are watched."""
    return "/".join(filter(None, (prefix, *words)))
