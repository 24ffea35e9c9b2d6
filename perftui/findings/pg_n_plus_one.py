"""An application asks for one row at a time what it could ask for at once."""

from __future__ import annotations

import re
from collections import Counter

import msgspec

from perftui.findings import statements
from perftui.findings.holding import RELEASE, evidence, kept, mean
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pg_running import maintenance
from perftui.sources.pg_statements import PgStatementsPart, StatementReading, series

NAME = "pg.n_plus_one"
_TRANSACTIONS = "postgres.transactions_per_s"
_REQUESTS = "load.requests_per_s"
_READS = re.compile(r"(?:\s|/\*.*?\*/)*(?:select|with)\b", re.IGNORECASE)
_CATALOG = re.compile(r"\bpg_catalog\b|\bpg_class\b|\binformation_schema\b", re.IGNORECASE)


class PgNPlusOneLimits(Limits, frozen=True, kw_only=True):
    calls_per_transaction: float = 10.0
    """Ours (PLAYBOOKS n-plus-one): more calls of one statement than this for each transaction, or for each request of the load
    where that is known …"""
    calls_per_s: float = 100.0
    """… at so many calls a second (ours): a slow trickle harms nobody …"""
    rows_per_call: float = 1.5
    """… of a single row, or none, each (ours) …"""
    mean_s: float = 0.01
    """… each of them cheap (ours); otherwise it is a slow statement …"""
    calls_ratio: float = 0.5
    """… and half of all round trips (ours), …"""
    time_ratio: float = 0.3
    """… or this share of the time of all statements (ours)."""
    window_s: float = 8.0
    """Ours: a partial interval and a whole one."""


class _Chatter(msgspec.Struct, frozen=True):
    statement: StatementReading
    calls_per_s: float
    per: float
    """Calls for each transaction, or request."""


def pg_n_plus_one(history: History, limits: PgNPlusOneLimits) -> list[Finding]:
    """The chattiest statement, with the application that was seen with it."""
    part = history.latest(PgStatementsPart)
    reading, per_s = _per_s(history, limits)
    if part is None or not per_s:
        return []
    all_per_s = part.statements.calls_per_s or 0.0
    found = [
        chatter
        for each in (statements.with_text(history, top) for top in _frequent(part, limits))
        if _could_be(each, all_per_s, limits) and (chatter := _measured(history, each, per_s, limits)) is not None
    ]
    if not found:
        return []
    worst = max(found, key=lambda chatter: chatter.calls_per_s)
    who, whose = _asked_by(history, worst.statement.queryid)
    if maintenance(worst.statement.query, who):
        return []
    what = "request" if reading == _REQUESTS else "transaction"
    calls_ratio = worst.statement.calls_per_s / all_per_s if all_per_s else None
    since_at, before = statements.since(history, worst.statement.queryid, "calls_per_s", 0.5 * worst.calls_per_s)
    return [
        Finding(
            rule=NAME,
            severity=Severity.WARNING,
            constraint=Constraint.QUERY_BOUND,
            title=(
                f"{worst.per:.0f} calls per {what} for one row each, {worst.calls_per_s:.3g} a second"
                f"{f' · {who}' if who else ''}: {statements.text(worst.statement)}"
            ),
            since_at=since_at,
            began_before=before,
            subject=statements.subject(worst.statement) | whose,
            evidence=(
                evidence(
                    "postgres.statements.top[].calls_per_s",
                    worst.calls_per_s,
                    "1/s",
                    limits.calls_per_s,
                    limits.window_s,
                ),
                evidence(reading, per_s, "1/s", worst.calls_per_s / limits.calls_per_transaction, limits.window_s),
                evidence("postgres.statements.top[].rows_per_call", worst.statement.rows_per_call, "rows"),
                evidence("postgres.statements.calls_per_s", calls_ratio, "ratio", limits.calls_ratio),
                evidence(
                    "postgres.statements.top[].time_ratio", worst.statement.time_ratio, "ratio", limits.time_ratio
                ),
            ),
        )
    ]


def _frequent(part: PgStatementsPart, limits: PgNPlusOneLimits) -> list[StatementReading]:
    return [each for each in part.statements.top if each.calls_per_s >= limits.calls_per_s]


def _could_be(statement: StatementReading, all_per_s: float, limits: PgNPlusOneLimits) -> bool:
    """A cheap look-up of one row that takes a good part of the round trips, or of the time, and is no tool's look at the
    catalogs."""
    query = statement.query or ""
    return (
        statement.rows_per_call <= limits.rows_per_call
        and statement.mean_s <= limits.mean_s
        and (statement.calls_per_s >= limits.calls_ratio * all_per_s or statement.time_ratio >= limits.time_ratio)
        and _READS.match(query) is not None
        and _CATALOG.search(query) is None
    )


def _measured(history: History, statement: StatementReading, per_s: float, limits: PgNPlusOneLimits) -> _Chatter | None:
    """As it is now, while its calls are over both limits or were of late."""

    def reaches(then: History, share: float) -> bool:
        calls, each_s = _calls(then, statement, limits), _per_s(then, limits)[1]
        least = limits.calls_per_transaction * (each_s or 0.0)
        return calls is not None and calls >= share * limits.calls_per_s and calls > share * least

    if kept(history, lambda then: reaches(then, 1.0), lambda then: not reaches(then, RELEASE)) is None:
        return None
    calls = _calls(history, statement, limits) or 0.0
    return _Chatter(statement, calls, calls / per_s)


def _calls(history: History, statement: StatementReading, limits: PgNPlusOneLimits) -> float | None:
    return mean(history, series(statement.queryid, "calls_per_s"), limits.window_s)


def _per_s(history: History, limits: PgNPlusOneLimits) -> tuple[str, float | None]:
    """(reading, its mean) of what calls are counted for: requests of the load where they are known, else transactions."""
    requests = mean(history, _REQUESTS, limits.window_s)
    return (_REQUESTS, requests) if requests else (_TRANSACTIONS, mean(history, _TRANSACTIONS, limits.window_s))


def _asked_by(history: History, queryid: int) -> tuple[str, dict[str, str | int | float]]:
    """The application most of whose sessions have it as their last statement; (14 and newer tell)."""
    part = history.latest(PgActivityPart)
    names = Counter(
        row.application for row in (part.backends if part else ()) if row.query_id == queryid and row.application
    )
    if not names:
        return "", {}
    ((who, _),) = names.most_common(1)
    return str(who), {"application": str(who)}


RULE = Rule(
    name=NAME,
    constraint=Constraint.QUERY_BOUND,
    limits=PgNPlusOneLimits,
    find=pg_n_plus_one,
    needs=("pg_statements", "pg_counters"),
)
