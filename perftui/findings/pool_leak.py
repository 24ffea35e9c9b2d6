"""Connections are lent and nothing is done with them."""

from __future__ import annotations

from perftui.findings import pools
from perftui.findings.holding import evidence, watched
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.pool_links import NO_CONNECTIONS, PoolLink, pool_links
from perftui.history.words import age
from perftui.history.worst_pool import pools as all_pools
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.pg_activity import HolderReading, PgActivityPart
from perftui.sources.pool import SERVER, PoolReading

NAME = "pool.leak"
_SAME_COUNT = 1.25
"""Ours: connections open and closed between two looks; another count is another pool's."""
_BUSY = ("postgres.connections.active", "postgres.connections.idle_in_transaction")


class PoolLeakLimits(Limits, frozen=True, kw_only=True):
    hold_s: float = 60.0
    """S002 35.5.2: leak-detection-threshold. Since the client's last request; a statement that still runs is no leak."""
    idle_lent: int = 3
    """Ours: so many connections that an application has lent for `hold_s` while Postgres sees nothing done with them."""


def pool_leak(history: History, limits: PoolLeakLimits) -> list[Finding]:
    """Connections of a pooler that their clients hold and don't use; then applications that lend more than is at work."""
    return [*_held(history, limits), *_lent_idle(history, limits)]


def _held(history: History, limits: PoolLeakLimits) -> list[Finding]:
    by_pool: dict[str, list[PoolLink]] = {}
    for link in pool_links(history):
        if (link.client.held_s or 0.0) > limits.hold_s and pools.held_idle(link):
            by_pool.setdefault(link.pool, []).append(link)
    known = all_pools(history)
    return [
        _finding(history, name, known[name], links, limits)
        for name, links in by_pool.items()
        if known[name].leaked  # None in session pooling, where holding is what clients do
    ]


def _finding(history: History, name: str, pool: PoolReading, links: list[PoolLink], limits: PoolLeakLimits) -> Finding:
    first = max(links, key=lambda link: link.client.held_s or 0.0)
    longest = first.client.held_s or 0.0
    held = f"{len(links)} connections are" if len(links) != 1 else "1 connection is"
    state = (first.backend.state if first.backend else None) or "idle"
    who = first.client.application or first.client.address
    backend = first.client.backend_pid
    return Finding(
        rule=NAME,
        severity=Severity.WARNING,
        constraint=Constraint.POOL_BOUND,
        title=f"pool {name}: {held} held and not used, the longest {age(longest)} by {who} · pid {backend} {state}",
        since_at=history.ago(longest),
        subject={**pools.subject(name, pool), **({"pid": backend} if backend else {}), "application": who},
        evidence=(
            evidence(pools.reading(name, "clients[].held_s"), longest, "s", limits.hold_s, seed="S002 35.5.2"),
            evidence(pools.reading(name, "leaked"), len(links), pools.CONNECTIONS, 0),
            evidence(pools.reading(name, "in_use"), pool.in_use, pools.CONNECTIONS, pool.max_size),
        ),
    )


def _lent_idle(history: History, limits: PoolLeakLimits) -> list[Finding]:
    """Only where one application of this server holds as many connections as the pool lends: then it is the pool's."""
    part = history.latest(PgActivityPart)
    if part is None or not part.sees_others or not watched(history, limits.hold_s):
        return []
    at_work = [history.window(name, limits.hold_s).highest for name in _BUSY]
    if any(most is None for most in at_work):
        return []
    found = []
    for name, pool in all_pools(history).items():
        if pool.kind in (SERVER, NO_CONNECTIONS, "pgbouncer"):
            continue
        lent = history.window(pools.reading(name, "in_use"), limits.hold_s)
        least = min(lent.values, default=0.0)
        idle = least - sum(most or 0.0 for most in at_work)
        holder = _holder(part, pool, least)
        if holder is None or idle < limits.idle_lent or len(lent.values) < 0.8 * lent.ticks:
            continue
        found.append(_application(history, name, pool, holder, (least, idle), limits))
    return found


def _holder(part: PgActivityPart, pool: PoolReading, lent: float) -> HolderReading | None:
    """Who holds as many connections here as the pool has open, each of its instances. Never perftui itself, whose connections
    are idle between two ticks."""
    for each in part.connections.by_application:
        if each.name.startswith("perftui") or not each.idle or each.count < lent:
            continue
        opened = None if pool.idle is None else lent + pool.idle
        if opened is None or opened / _SAME_COUNT <= each.count <= opened * pool.instances * _SAME_COUNT:
            return each
    return None


def _application(
    history: History,
    name: str,
    pool: PoolReading,
    holder: HolderReading,
    seen: tuple[float, float],
    limits: PoolLeakLimits,
) -> Finding:
    lent, idle = seen
    who = holder.name or "its application"
    return Finding(
        rule=NAME,
        severity=Severity.WARNING,
        constraint=Constraint.POOL_BOUND,
        title=f"pool {name} has lent {lent:.0f} connections for {age(limits.hold_s)}, with {idle:.0f} of which Postgres sees"
        f" {who} do nothing",
        since_at=history.ago(limits.hold_s),
        began_before=True,
        subject=pools.subject(name, pool) | ({"application": holder.name} if holder.name else {}),
        evidence=(
            evidence(pools.reading(name, "in_use"), lent, pools.CONNECTIONS, None, limits.hold_s, "S002 35.5.2"),
            evidence("postgres.connections.active", history.value(_BUSY[0]), "backends"),
            evidence("postgres.connections.idle", holder.idle, "backends"),
        ),
    )


RULE = Rule(name=NAME, constraint=Constraint.POOL_BOUND, limits=PoolLeakLimits, find=pool_leak)
