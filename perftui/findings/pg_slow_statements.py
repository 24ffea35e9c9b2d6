"""Statements that take long eat the server's time."""

from __future__ import annotations

from perftui.findings import statements
from perftui.findings.holding import LINGER_S, RELEASE, evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.pg_statements import PgStatementsPart, StatementReading, series

NAME = "pg.slow_statements"


class PgSlowStatementsLimits(Limits, frozen=True, kw_only=True):
    mean_s: float = 0.1
    """S002 §35.3.3: mean above 100 ms, of the interval and not since the last reset."""
    time_ratio: float = 0.2
    """Ours: and a fifth of the time of all statements …"""
    load: float = 0.5
    """… and at least so many backends busy with it on average (ours): a report once a minute harms nobody."""
    critical_load: float = 10.0
    """Ours: so many backends at once."""


def pg_slow_statements(history: History, limits: PgSlowStatementsLimits) -> list[Finding]:
    """The heaviest of the slow statements that matter, and how many more there are."""
    part = history.latest(PgStatementsPart)
    slow = [each for each in (part.statements.top if part else ()) if _matters(history, each, limits)]
    if part is None or not slow:
        return []
    worst = statements.with_text(history, max(slow, key=statements.load))
    load, interval_s = statements.load(worst), part.statements.interval_s
    more = f", and {len(slow) - 1} more" if len(slow) > 1 else ""
    since_at, before = statements.since(history, worst.queryid, "mean_s", limits.mean_s)
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if load >= limits.critical_load else Severity.WARNING,
            constraint=Constraint.QUERY_BOUND,
            title=(
                f"{statements.milliseconds(worst.mean_s)} mean for {statements.text(worst)}, {worst.calls_per_s:.3g} a second, "
                f"{worst.time_ratio:.0%} of the time{more}"
            ),
            since_at=since_at,
            began_before=before,
            subject=statements.subject(worst),
            evidence=(
                evidence(
                    "postgres.statements.top[].mean_s", worst.mean_s, "s", limits.mean_s, interval_s, "S002 35.3.3"
                ),
                evidence(
                    "postgres.statements.top[].time_ratio", worst.time_ratio, "ratio", limits.time_ratio, interval_s
                ),
                evidence("postgres.statements.top[].calls_per_s", worst.calls_per_s, "1/s", window_s=interval_s),
                evidence("postgres.statements.top[].hit_ratio", worst.hit_ratio, "ratio", window_s=interval_s),
            ),
        )
    ]


def _matters(history: History, statement: StatementReading, limits: PgSlowStatementsLimits) -> bool:
    """It does in this interval; or it nearly does, and did of late."""
    if not statements.ours(statement):
        return False
    return _is_slow(statement, limits, 1.0) or (
        _is_slow(statement, limits, RELEASE) and _was_slow(history, statement.queryid, limits)
    )


def _is_slow(statement: StatementReading, limits: PgSlowStatementsLimits, share: float) -> bool:
    return (
        statement.mean_s > share * limits.mean_s
        and statement.time_ratio >= limits.time_ratio
        and statements.load(statement) >= share * limits.load
    )


def _was_slow(history: History, queryid: int, limits: PgSlowStatementsLimits) -> bool:
    means, calls = (history.points(series(queryid, each), LINGER_S)[1] for each in ("mean_s", "calls_per_s"))
    return any(
        mean_s > limits.mean_s and mean_s * per_s >= limits.load for mean_s, per_s in zip(means, calls, strict=True)
    )


RULE = Rule(
    name=NAME,
    constraint=Constraint.QUERY_BOUND,
    limits=PgSlowStatementsLimits,
    find=pg_slow_statements,
    needs=("pg_statements",),
)
