"""`pool.*`: the worst of all pools, so that a condition need not name one. And Postgres itself as a pool."""

from __future__ import annotations

from collections.abc import Mapping

from perftui.history.history import History, Trend
from perftui.sources.kind import Part
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pool import SERVER, PoolReading, PoolState, state

BADNESS = (PoolState.UNKNOWN, PoolState.HEALTHY, PoolState.WARNING, PoolState.CRITICAL)
SERVER_POOL = "postgres"


class ServerPoolPart(Part, frozen=True, kw_only=True):
    """The slots of Postgres itself, as a pool beside those that draw on it."""

    pools: dict[str, PoolReading]


class WorstPoolPart(Part, frozen=True, kw_only=True):
    """The worst pool of this moment: the most severe state, then the most waiting, then the fullest."""

    name: str
    """Its name below `pools`."""
    kind: str
    """As in `pools.NAME`."""
    max_size: int | None
    """Connections it may open at the most."""
    in_use: int | None
    """Connections lent to a client."""
    idle: int | None
    """Connections open and free."""
    waiting: int | None
    """Clients that wait for a connection."""
    utilization_ratio: float | None
    """in_use / max_size."""
    wait_s: float | None
    """How long the longest wait has lasted, or what a connection takes to get."""
    leaked: int | None
    """Connections held for more than 60 s since their client's last request."""
    state: PoolState
    """healthy, warning, critical, unknown."""


def pools(history: History) -> dict[str, PoolReading]:
    """All pools that are known now, of all sources: of each part that has a field `pools`."""
    found: dict[str, PoolReading] = {}
    for _, part in history.fresh_parts():
        # Asked of each part many times a second: an isinstance of a protocol would take a hundred times as long.
        given: Mapping[str, PoolReading] = getattr(part, "pools", {})
        found.update(given)
    return found


def badness(pool: PoolReading) -> tuple[int, int, float]:
    """The higher the worse."""
    return BADNESS.index(pool.state), pool.waiting or 0, pool.utilization_ratio or 0.0


def server_pool(history: History) -> ServerPoolPart | None:
    """Postgres' own slots; what ordinary users can't have is not counted."""
    found = history.latest(PgActivityPart)
    if found is None:
        return None
    own = found.connections
    slots = own.max - own.reserved
    ratio = min(1.0, own.utilization_ratio)
    return ServerPoolPart(
        pools={
            SERVER_POOL: PoolReading(
                kind=SERVER,
                max_size=slots,
                in_use=own.used,
                idle=max(0, slots - own.used),
                waiting=None,
                utilization_ratio=ratio,
                wait_s=None,
                leaked=None,
                state=state(ratio, None),
            )
        }
    )


def worst_pool(history: History) -> WorstPoolPart | None:
    """The worst of all pools; None where there is none."""
    found = pools(history)
    if not found:
        return None
    name = max(found, key=lambda each: badness(found[each]))
    pool = found[name]
    return WorstPoolPart(
        name=name,
        kind=pool.kind,
        max_size=pool.max_size,
        in_use=pool.in_use,
        idle=pool.idle,
        waiting=pool.waiting,
        utilization_ratio=pool.utilization_ratio,
        wait_s=pool.wait_s,
        leaked=pool.leaked,
        state=pool.state,
    )


TRENDS = (
    Trend(part=ServerPoolPart, root="", read=server_pool),
    Trend(part=WorstPoolPart, root="pool", read=worst_pool),
)
