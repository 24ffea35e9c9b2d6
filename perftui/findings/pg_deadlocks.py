"""Transactions locked each other out, and the server rolled one back."""

from __future__ import annotations

from math import isnan

from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Finding, Severity

NAME = "pg.deadlocks"
_TOTAL = "postgres.deadlocks_total"


class PgDeadlocksLimits(Limits, frozen=True, kw_only=True):
    remembered_s: float = 60.0
    """Ours: so long a deadlock is told."""
    critical: int = 10
    """Ours: so many within that time are no accident."""


def pg_deadlocks(history: History, limits: PgDeadlocksLimits) -> list[Finding]:
    """Deadlocks that the server counted while we watched."""
    count, since_at = _counted(history, limits.remembered_s)
    if count == 0:
        return []
    what = "1 deadlock" if count == 1 else f"{count} deadlocks"
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if count >= limits.critical else Severity.WARNING,
            constraint=Constraint.LOCK_BOUND,
            title=f"{what} within {limits.remembered_s:.0f} s, each ended with a transaction rolled back",
            since_at=since_at,
            evidence=(evidence(_TOTAL, count, "deadlocks", 0, limits.remembered_s),),
        )
    ]


def _counted(history: History, seconds: float) -> tuple[int, float]:
    """How many there were, and when the first was seen; steps down are a statistics reset."""
    count, first_at = 0, history.at
    before: float | None = None
    for at, total in zip(*history.points(_TOTAL, seconds), strict=True):
        if isnan(total):
            continue
        if before is not None and total > before:
            first_at = at if count == 0 else first_at
            count += round(total - before)
        before = total
    return count, first_at


RULE = Rule(
    name=NAME,
    constraint=Constraint.LOCK_BOUND,
    limits=PgDeadlocksLimits,
    find=pg_deadlocks,
    needs=("pg_counters",),
)
