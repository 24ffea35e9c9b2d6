"""Which statement leads, in words: what the rules about statements share."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from perftui.findings import postgres
from perftui.history.history import History
from perftui.model.finding import Subject
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pg_running import maintenance
from perftui.sources.pg_statements import PgStatementsPart, StatementReading, series

_LENGTH = 60
_EVERY = "postgres.statements.calls_per_s"
"""Known since the end of the first interval."""


def leading(history: History, weight: Callable[[StatementReading], float]) -> StatementReading | None:
    """The statement of the last interval with most of it; None without statements, or when none has any."""
    part = history.latest(PgStatementsPart)
    first = max(part.statements.top, key=weight, default=None) if part else None
    return with_text(history, first) if first and weight(first) > 0 else None


def load(statement: StatementReading) -> float:
    """How many backends work at it on average."""
    return statement.calls_per_s * statement.mean_s


def text(statement: StatementReading) -> str:
    """Its first words, or its number."""
    return shortened(statement.query) or f"statement {statement.queryid}"


def with_text(history: History, statement: StatementReading) -> StatementReading:
    """With the text of a backend that runs it, until its own was fetched (14 and newer tell which)."""
    if statement.query:
        return statement
    part = history.latest(PgActivityPart)
    rows = (row for row in (part.backends if part else ()) if row.query_id == statement.queryid and row.query)
    return msgspec.structs.replace(statement, query=next((row.query for row in rows), None))


def since(history: History, queryid: int, field: str, above: float) -> tuple[float, bool]:
    """(wall clock, began before) since when a statement's number has been above a limit.

    What is first seen at the end of an interval went on during it; what the very first interval showed began before.
    """
    part = history.latest(PgStatementsPart)
    interval_s = (part.statements.interval_s if part else None) or 0.0
    since_at, before = history.held_since(series(queryid, field), above, 2 * interval_s)
    before = before or since_at <= postgres.first_told(history, _EVERY)
    return max(history.started_at, since_at - interval_s), before


def shortened(query: str | None) -> str:
    """The first words of a text; empty where it is not known."""
    words = " ".join((query or "").split())
    return words if len(words) <= _LENGTH else f"{words[: _LENGTH - 1]}…"


def milliseconds(seconds: float) -> str:
    """`0.4 ms`, `118 ms`, `2.1 s`."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.2g} ms"


def ours(statement: StatementReading | None) -> bool:
    """Whether it is a program's own work, as far as is known, and not upkeep that takes long by its nature."""
    return statement is None or not maintenance(statement.query)


def subject(statement: StatementReading | None) -> Subject:
    if statement is None:
        return {}
    return {"queryid": statement.queryid, "query": text(statement)}


def names(history: History, subject: Subject) -> frozenset[str]:
    """The words of a subject's statement, the relations it names among them."""
    part = history.latest(PgStatementsPart)
    found = (each.query for each in (part.statements.top if part else ()) if each.queryid == subject.get("queryid"))
    return frozenset(re.findall(r"\w+", next(found, None) or str(subject.get("query", ""))))
