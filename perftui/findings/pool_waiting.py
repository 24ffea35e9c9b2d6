"""Clients queue for a connection though the pool is not full."""

from __future__ import annotations

from perftui.findings import pools, postgres
from perftui.findings.holding import WINDOW_S, evidence, held, mean, of_late
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
        if pool.shut or pool.waiting is None:
            continue
        finding = _judge(history, name, pool, limits)
        if finding is not None and not _full(history, name, pool, limits):
            found.append(finding)
    return found


def _full(history: History, name: str, pool: PoolReading, limits: PoolWaitingLimits) -> bool:
    """Full now, or of late: its use may swing around the limit."""
    use = pools.reading(name, "utilization_ratio")
    now = pool.utilization_ratio or 0.0
    return max((now, *of_late(history, use, limits.window_s))) > CRITICAL_RATIO + 1e-6


def _judge(history: History, name: str, pool: PoolReading, limits: PoolWaitingLimits) -> Finding | None:
    field = pools.reading(name, "waiting")
    waiting = mean(history, field, limits.window_s)
    crowd = held(history, field, limits.waiting, limits.window_s, share=0.0)
    long = pool.wait_s is not None and pool.wait_s >= limits.wait_s
    if waiting is None or waiting < 0.5 or not (crowd or long):
        return None
    since_at, before = pools.since(history, field, 0.0, limits.window_s)
    if crowd and not long:
        since_at, before = postgres.told_since(history, field, crowd)
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
