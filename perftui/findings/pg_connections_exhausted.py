"""Postgres runs out of connections, or has none left."""

from __future__ import annotations

from perftui.findings import postgres
from perftui.findings.holding import WINDOW_S, evidence, held
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.failure import FailureKind
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.pg_activity import ConnectionsReading, HolderReading, PgActivityPart

NAME = "pg.connections_exhausted"
_USED = "postgres.connections.utilization_ratio"
_FULL = (f"{FailureKind.FULL}: ", "too many clients", "too many connections", "remaining connection slots")
"""How our client tells that no slot is left, and how tapes of before that do."""


class PgConnectionsExhaustedLimits(Limits, frozen=True, kw_only=True):
    utilization_ratio: float = 0.80
    """S002 §35.3.3: critical. Of the slots that ordinary users may have."""
    window_s: float = WINDOW_S


def pg_connections_exhausted(history: History, limits: PgConnectionsExhaustedLimits) -> list[Finding]:
    """Used slots above the limit; or the server turned us away since it is full."""
    part = history.latest(PgActivityPart)
    used = held(history, _USED, limits.utilization_ratio, limits.window_s, stays=1.0)
    if part is None or used is None:
        return _refused(history)
    connections = part.connections
    holder = _holder(connections)
    since_at, before = postgres.told_since(history, _USED, used)
    free = max(0, connections.max - connections.reserved - connections.used)
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL,
            constraint=Constraint.POOL_BOUND,
            title=f"{connections.used} of {connections.max} connections are used, {free} left for ordinary users{_by(holder)}",
            since_at=since_at,
            began_before=before,
            subject={"application": holder.name} if holder and holder.name else {},
            evidence=(
                evidence(_USED, used.mean, "ratio", limits.utilization_ratio, limits.window_s, "S002 35.3.3"),
                evidence("postgres.connections.used", connections.used, "connections", connections.max),
                evidence("postgres.connections.active", connections.active, "connections"),
                evidence("postgres.connections.idle", connections.idle, "connections"),
                evidence("postgres.connections.idle_in_transaction", connections.idle_in_transaction, "connections"),
            ),
        )
    ]


def refused(detail: str) -> bool:
    """Whether a failure says that the server is there and full."""
    return any(words in detail for words in _FULL)


def _refused(history: History) -> list[Finding]:
    state = history.sources.get("pg_activity")
    if state is None or state.state != "failed" or not refused(state.detail):
        return []
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL,
            constraint=Constraint.POOL_BOUND,
            title="Postgres has no connection left and turned perftui away",
            since_at=history.started_at if state.age_s is None else history.ago(state.age_s),
            began_before=state.age_s is None,
            evidence=(evidence(_USED, 1.0, "ratio", 1.0),),
        )
    ]


def _holder(connections: ConnectionsReading) -> HolderReading | None:
    """Who has the most of them, when that is a third or more."""
    first = next(iter(connections.by_application), None)
    return first if first and first.count >= connections.used / 3 else None


def _by(holder: HolderReading | None) -> str:
    if holder is None:
        return ""
    states = {
        "active": holder.active,
        "idle": holder.idle,
        "idle in transaction": holder.idle_in_transaction,
    }
    state = max(states, key=lambda name: states[name])
    mostly = f" ({states[state]} {state})" if states[state] else ""
    return f", {holder.count} of them {holder.name or 'without an application name'}{mostly}"


RULE = Rule(
    name=NAME,
    constraint=Constraint.POOL_BOUND,
    limits=PgConnectionsExhaustedLimits,
    find=pg_connections_exhausted,
    needs=("pg_activity",),
)
