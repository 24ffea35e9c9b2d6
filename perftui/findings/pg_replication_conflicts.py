"""A standby cancels queries because replay can't wait for them."""

from __future__ import annotations

from perftui.findings import postgres
from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.pg_replication import PgReplicationPart

NAME = "pg.replication_conflicts"
_TOTAL = "postgres.standby.conflicts_total"
_RATE = "postgres.standby.conflicts_per_s"


class PgReplicationConflictsLimits(Limits, frozen=True, kw_only=True):
    remembered_s: float = 60.0
    """Ours: so long a cancelled query is told."""
    warning: int = 1
    """Ours: so many within that time."""


def pg_replication_conflicts(history: History, limits: PgReplicationConflictsLimits) -> list[Finding]:
    """Queries that this standby cancelled lately."""
    part = history.latest(PgReplicationPart)
    totals = history.window(_TOTAL, limits.remembered_s).values
    if part is None or part.standby is None or len(totals) < 2:
        return []
    cancelled = int(totals[-1] - totals[0])
    if cancelled < limits.warning:
        return []
    since_at, before = postgres.since(history, _RATE, 0.0, limits.remembered_s)
    queries = "query was" if cancelled == 1 else "queries were"
    return [
        Finding(
            rule=NAME,
            severity=Severity.WARNING,
            constraint=Constraint.LOCK_BOUND,
            title=(
                f"{cancelled} {queries} cancelled here within {limits.remembered_s:.0f} s: replay could not wait for them "
                "(max_standby_streaming_delay, hot_standby_feedback)"
            ),
            since_at=since_at,
            began_before=before,
            subject={"standby": "this server"},
            evidence=(evidence(_TOTAL, cancelled, "queries", limits.warning, limits.remembered_s),),
        )
    ]


RULE = Rule(
    name=NAME,
    constraint=Constraint.LOCK_BOUND,
    limits=PgReplicationConflictsLimits,
    find=pg_replication_conflicts,
    needs=("pg_replication",),
)
