"""A pool has lent nearly all its connections."""

from __future__ import annotations

from perftui.findings import pools, postgres
from perftui.findings.holding import WINDOW_S, below, evidence, held, mean, of_late
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.pool_links import NO_CONNECTIONS, sizing
from perftui.history.worst_pool import pools as all_pools
from perftui.model.finding import Constraint, Evidence, Finding, Severity
from perftui.sources.pool import SERVER, PoolReading

NAME = "pool.exhausted"


class PoolExhaustedLimits(Limits, frozen=True, kw_only=True):
    utilization_ratio: float = 0.8
    """S002 35.3.3: critical; ours: a warning while nobody waits, as a pool that is just large enough is full and well."""
    window_s: float = WINDOW_S
    calm_window_s: float = 30.0
    """Ours: so long it must hold while nobody waits."""


def pool_exhausted(history: History, limits: PoolExhaustedLimits) -> list[Finding]:
    """Each pool that is nearly all in use. Postgres' own slots are told by pg.connections_exhausted."""
    found = []
    for name, pool in all_pools(history).items():
        if pool.kind == SERVER or pool.shut:
            continue
        if (finding := _judge(history, name, pool, limits)) is not None:
            found.append(finding)
    return found


def _judge(history: History, name: str, pool: PoolReading, limits: PoolExhaustedLimits) -> Finding | None:
    ratio = pools.reading(name, "utilization_ratio")
    if all(below(history, ratio, limits.utilization_ratio, each) for each in (limits.window_s, limits.calm_window_s)):
        return None
    queue = pools.reading(name, "waiting")
    waiting = mean(history, queue, limits.window_s)
    calm = waiting is not None and max(of_late(history, queue, limits.window_s)) < 0.5
    window_s = limits.calm_window_s if calm else limits.window_s
    # Courses are kept in single precision, in which 8 of 10 is a little more than 80 %.
    full = held(history, ratio, limits.utilization_ratio + 1e-6, window_s, stays=1.0)
    if full is None:
        return None
    since_at, before = postgres.told_since(history, ratio, full)
    return Finding(
        rule=NAME,
        severity=Severity.WARNING if calm else Severity.CRITICAL,
        constraint=Constraint.POOL_BOUND,
        title=_title(name, pool, full.mean, waiting),
        since_at=since_at,
        began_before=before,
        subject=pools.subject(name, pool),
        evidence=(
            evidence(ratio, full.mean, "ratio", limits.utilization_ratio, window_s, "S002 35.3.3"),
            evidence(pools.reading(name, "in_use"), pool.in_use, pools.CONNECTIONS, pool.max_size),
            evidence(queue, waiting, "clients", None, limits.window_s),
            evidence(pools.reading(name, "wait_s"), pool.wait_s, "s"),
            *_room(history, pool),
        ),
    )


def _title(name: str, pool: PoolReading, ratio: float, waiting: float | None) -> str:
    if pool.kind == NO_CONNECTIONS:
        return f"PgBouncer has {pool.in_use} of {pool.max_size} clients, those beyond are refused"
    # Of the window like the queue: between two clients, or just after its end, none may be lent at this very moment.
    in_use = max(pool.in_use or 0, round(ratio * (pool.max_size or 0)))
    words = f"pool {name} has {in_use} of {pool.max_size} connections in use"
    queue = pools.queue_words(waiting or 0.0, pool.wait_s, pool)
    if queue:
        return f"{words}, {queue}"
    return f"{words}, nobody waits yet" if waiting is not None else f"{words}; who waits is not told"


def _room(history: History, pool: PoolReading) -> tuple[Evidence, ...]:
    """Whether a larger pool would help: what all pools may open together, and what the server takes and can feed."""
    size = sizing(history)
    if size is None or size.slots is None or pool.kind == NO_CONNECTIONS:
        return ()
    all_of = "all pools, the server's slots" + (f"; {size.shared} instances" if size.shared else "")
    found = [evidence("pools.*.max_size", size.may_open, pools.CONNECTIONS, size.slots, seed=all_of)]
    if size.advised is not None:
        words = f"S002 summary: {size.cores} cores x 2 + {size.spindles} spindles"
        found.append(evidence("pools.*.max_size", size.may_open, pools.CONNECTIONS, size.advised, seed=words))
    return tuple(found)


RULE = Rule(name=NAME, constraint=Constraint.POOL_BOUND, limits=PoolExhaustedLimits, find=pool_exhausted)
