"""Clients queue for a connection though the pool is not full."""

from __future__ import annotations

from perftui.findings import pools
from perftui.findings.holding import WINDOW_S, evidence, mean
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.worst_pool import pools as all_pools
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.pool import CRITICAL_RATIO, PoolReading

NAME = "pool.waiting"


class PoolWaitingLimits(Limits, frozen=True, kw_only=True):
    waiting: float = 10.0
    """S002 35.3.3: more than 10 waiting."""
    wait_s: float = 5.0
    """Ours: or somebody who has waited this long, as for a server that does not answer the pooler."""
    window_s: float = WINDOW_S


def pool_waiting(history: History, limits: PoolWaitingLimits) -> list[Finding]:
    """Each pool with a queue. One that is full is told by pool.exhausted, one that is shut by pool.unreachable."""
    found = []
    for name, pool in all_pools(history).items():
        full = pool.utilization_ratio is not None and pool.utilization_ratio > CRITICAL_RATIO
        if full or pool.shut or not pool.waiting:
            continue
        if (finding := _judge(history, name, pool, limits)) is not None:
            found.append(finding)
    return found


def _judge(history: History, name: str, pool: PoolReading, limits: PoolWaitingLimits) -> Finding | None:
    field = pools.reading(name, "waiting")
    waiting = mean(history, field, limits.window_s)
    if waiting is None or waiting < 0.5:
        return None
    long = pool.wait_s is not None and pool.wait_s >= limits.wait_s
    if waiting <= limits.waiting and not long:
        return None
    since_at, before = pools.since(history, field, 0.0 if long else limits.waiting * 0.8, limits.window_s)
    lent = f"{pool.in_use} of {pool.max_size} connections in use"
    opened = "" if pool.in_use or pool.idle else ", none is open: does Postgres answer it?"
    return Finding(
        rule=NAME,
        severity=Severity.WARNING,
        constraint=Constraint.POOL_BOUND,
        title=f"pool {name}: {pools.queue_words(waiting, pool.wait_s, pool)}, {lent}{opened}",
        since_at=since_at,
        began_before=before,
        subject=pools.subject(name, pool),
        evidence=(
            evidence(field, waiting, "clients", limits.waiting, limits.window_s, "S002 35.3.3"),
            evidence(pools.reading(name, "wait_s"), pool.wait_s, "s", limits.wait_s),
            evidence(pools.reading(name, "in_use"), pool.in_use, pools.CONNECTIONS, pool.max_size),
        ),
    )


RULE = Rule(name=NAME, constraint=Constraint.POOL_BOUND, limits=PoolWaitingLimits, find=pool_waiting)
