"""Statements that run long and have not ended, which no ranking of ended statements tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import isnan

import msgspec

from perftui.findings import postgres, statements
from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.words import age
from perftui.model.finding import Constraint, Finding, Severity, Subject
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pg_running import Running, maintenance, running
from perftui.sources.pg_statements import series

NAME = "pg.long_statement"
_AGE = "postgres.backends[].query_s"
_HISTORY_S = 3600.0


class PgLongStatementLimits(Limits, frozen=True, kw_only=True):
    note_s: float = 60.0
    """Ours: a note from this age on; maintenance is never more than a note."""
    warning_s: float = 300.0
    """Ours: a warning from this age on, as long as PLAYBOOKS' limit of a transaction under db-lock-contention."""
    crowd: int = 4
    """Ours: so many backends in one statement, each …"""
    crowd_s: float = 5.0
    """… for so long, are a warning before any of them ends (ours)."""
    critical_crowd: int = 10
    """Ours: so many are critical, as in pg.slow_statements."""
    unusual_s: float = 10.0
    """Ours: a statement of this age is a warning …"""
    unusual_times: float = 10.0
    """… where it has run so many times as long as its slowest interval of the last hour (ours)."""


class _Case(msgspec.Struct, frozen=True):
    """Backends that run the same statement."""

    rows: Sequence[Running]
    severity: Severity
    usual_s: float | None

    @property
    def oldest(self) -> Running:
        return self.rows[0]


def pg_long_statement(history: History, limits: PgLongStatementLimits) -> list[Finding]:
    """The worst of the statements that have not ended, and all long maintenance as one note.

    Who waits for a lock is told by pg.lock_pileup; who idles in a transaction by pg.idle_in_transaction.
    """
    part = history.latest(PgActivityPart)
    rows = [each for each in (running(part) if part else ()) if not each.session.blocked_by]
    keeping = [each for each in rows if _kind(each)]
    own = [each for each in rows if not _kind(each) and each.session.backend_type == "client backend"]
    cases = [case for group in _alike(own) if (case := _judged(history, group, limits)) is not None]
    found = []
    if cases:
        worst = max(cases, key=lambda case: (case.severity, len(case.rows), _age(case.oldest)))
        found.append(_finding(history, worst, len(cases) - 1, limits))
    if keeping and _age(keeping[0]) >= limits.note_s:
        found.append(_maintained(history, keeping, limits))
    return found


def _age(each: Running) -> float:
    return each.session.query_s or 0.0


def _kind(each: Running) -> str:
    """Not empty for what takes long by its nature: maintenance, backups, and a sleep on purpose."""
    row = each.session
    if row.wait_event == "PgSleep":
        return "sleep"
    return maintenance(row.query, row.application)


def _alike(rows: Sequence[Running]) -> list[list[Running]]:
    """By statement, the oldest of each first. Who is hidden from this role runs nothing in common with others."""
    found: dict[object, list[Running]] = defaultdict(list)
    for each in rows:
        row = each.session
        found[row.query_id or row.query or row.pid].append(each)
    return list(found.values())


def _judged(history: History, rows: Sequence[Running], limits: PgLongStatementLimits) -> _Case | None:
    crowd = [each for each in rows if _age(each) >= limits.crowd_s]
    oldest_s = _age(rows[0])
    if len(crowd) >= limits.crowd:
        severity = Severity.CRITICAL if len(crowd) >= limits.critical_crowd else Severity.WARNING
        return _Case(crowd, severity, None)
    usual_s = _slowest_before(history, rows[0].session.query_id) if oldest_s >= limits.unusual_s else None
    unusual = usual_s is not None and oldest_s >= limits.unusual_times * usual_s
    if oldest_s >= limits.warning_s or unusual:
        return _Case(rows[:1], Severity.WARNING, usual_s)
    return _Case(rows[:1], Severity.INFO, usual_s) if oldest_s >= limits.note_s else None


def _slowest_before(history: History, queryid: int | None) -> float | None:
    """The highest mean of an interval that was seen of a statement; None where none was."""
    if queryid is None:
        return None
    _, values = history.points(series(queryid, "mean_s"), _HISTORY_S)
    return max((value for value in values if not isnan(value)), default=None)


def _finding(history: History, case: _Case, more: int, limits: PgLongStatementLimits) -> Finding:
    row = case.oldest.session
    oldest_s = _age(case.oldest)
    part = history.latest(PgActivityPart)
    blocks = next((node.victims for node in (part.locks.tree if part else ()) if node.pid == row.pid), 0)
    return Finding(
        rule=NAME,
        severity=case.severity,
        constraint=Constraint.QUERY_BOUND,
        title=" · ".join(filter(None, (_head(case, blocks), statements.shortened(row.query), _more(more)))),
        since_at=postgres.moment(history, oldest_s),
        subject=_subject(row.pid, row.query_id, row.application, row.user, row.query),
        evidence=(
            evidence(_AGE, oldest_s, "s", _limit_s(case, limits)),
            evidence("postgres.connections.active", len(case.rows), "backends", limits.crowd),
            *(
                (evidence("postgres.statements.top[].mean_s", case.usual_s, "s", window_s=_HISTORY_S),)
                if case.usual_s is not None
                else ()
            ),
            evidence("postgres.backends[].transaction_s", row.transaction_s, "s"),
            evidence("postgres.backends[].xmin_age", row.xmin_age, "transactions"),
        ),
    )


def _limit_s(case: _Case, limits: PgLongStatementLimits) -> float:
    """The age that made it a finding."""
    if len(case.rows) > 1:
        return limits.crowd_s
    oldest_s = _age(case.oldest)
    if oldest_s >= limits.warning_s:
        return limits.warning_s
    return limits.note_s if case.severity is Severity.INFO else limits.unusual_s


def _head(case: _Case, blocks: int) -> str:
    """`pid 4242 runs for 3m12s, before 0.2 s at most · blocks 3 · report`, `37 backends run one statement, the longest 12 s`."""
    row = case.oldest.session
    lasts = age(_age(case.oldest))
    who = row.application or row.user
    if len(case.rows) > 1:
        return " · ".join(filter(None, (f"{len(case.rows)} backends run one statement, the longest {lasts}", who)))
    usual = f", {statements.milliseconds(case.usual_s)} at most before" if case.usual_s is not None else ""
    wait = f", waits for {row.wait_type} {row.wait_event}" if row.wait_type else ""
    return " · ".join(
        filter(None, (f"pid {row.pid} runs for {lasts}{usual}{wait}", f"blocks {blocks}" if blocks else "", who))
    )


def _more(count: int) -> str:
    return f"and {count} more" if count else ""


def _subject(pid: int, queryid: int | None, application: str | None, user: str | None, query: str | None) -> Subject:
    found: Subject = {"pid": pid}
    words = {"application": application, "user": user, "query": statements.shortened(query)}
    found |= {kind: name for kind, name in words.items() if name}
    return found if queryid is None else {**found, "queryid": queryid}


def _maintained(history: History, rows: Sequence[Running], limits: PgLongStatementLimits) -> Finding:
    oldest = rows[0]
    row = oldest.session
    long = [each for each in rows if _age(each) >= limits.note_s]
    who = row.application or row.backend_type
    more = f", and {len(long) - 1} more" if len(long) > 1 else ""
    return Finding(
        rule=NAME,
        severity=Severity.INFO,
        constraint=Constraint.QUERY_BOUND,
        title=f"{_kind(oldest)} by pid {row.pid} runs for {age(_age(oldest))} · {who}{more}",
        since_at=postgres.moment(history, _age(oldest)),
        subject=_subject(row.pid, row.query_id, row.application, row.user, row.query),
        evidence=(
            evidence(_AGE, _age(oldest), "s", limits.note_s),
            evidence("postgres.backends[].xmin_age", row.xmin_age, "transactions"),
        ),
    )


RULE = Rule(
    name=NAME,
    constraint=Constraint.QUERY_BOUND,
    limits=PgLongStatementLimits,
    find=pg_long_statement,
    needs=("pg_activity",),
)
