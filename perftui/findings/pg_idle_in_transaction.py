"""A transaction is open and its client does nothing with it."""

from __future__ import annotations

from perftui.findings import blockers, postgres
from perftui.findings.blockers import Blocked
from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.words import age
from perftui.model.finding import Constraint, Finding, Severity, Subject
from perftui.sources.pg_activity import IN_TRANSACTION, PgActivityPart, SessionRow

NAME = "pg.idle_in_transaction"


class PgIdleInTransactionLimits(Limits, frozen=True, kw_only=True):
    idle_s: float = 5.0
    """Ours: so long idle, while somebody …"""
    wait_s: float = 5.0
    """… has waited for its locks so long, it is to blame (ours)."""
    alone_s: float = 60.0
    """Ours: a note from this age on where it blocks nobody …"""
    alone_warning_s: float = 600.0
    """… and a warning from this one on: it keeps vacuum from removing dead rows, and its locks are a trap."""


def pg_idle_in_transaction(history: History, limits: PgIdleInTransactionLimits) -> list[Finding]:
    """Each idle transaction that others wait for; those that block nobody together, and only when they are old."""
    part = history.latest(PgActivityPart)
    if part is None:
        return []
    idle = {row.pid: row for row in part.backends if row.state in IN_TRANSACTION}
    return [*_blocking(history, part, idle, limits), *_alone(history, part, idle, limits)]


def _blocking(
    history: History, part: PgActivityPart, idle: dict[int, SessionRow], limits: PgIdleInTransactionLimits
) -> list[Finding]:
    blocked = Blocked(part.locks.tree)
    found = []
    for root in part.locks.tree:
        row = idle.get(root.pid)
        if row is None or not root.victims or (row.state_s or 0.0) < limits.idle_s:
            continue
        waiters = blocked.behind(root)
        longest = blockers.longest_wait(waiters)
        if longest < limits.wait_s:
            continue
        held_s = row.transaction_s or row.state_s or 0.0
        found.append(
            Finding(
                rule=NAME,
                severity=Severity.WARNING,
                constraint=Constraint.LOCK_BOUND,
                title=f"{blockers.backends(len(waiters))} for {blockers.words(root)}",
                since_at=postgres.moment(history, held_s),
                subject=blockers.subject(root, waiters),
                evidence=(
                    evidence("postgres.backends[].state_s", row.state_s, "s", limits.idle_s),
                    evidence("postgres.backends[].transaction_s", row.transaction_s, "s"),
                    evidence("postgres.locks.tree[].victims", len(waiters), "backends", 1),
                    evidence("postgres.locks.longest_wait_s", longest, "s", limits.wait_s),
                ),
            )
        )
    return found


def _alone(
    history: History, part: PgActivityPart, idle: dict[int, SessionRow], limits: PgIdleInTransactionLimits
) -> list[Finding]:
    blocking = {node.pid for node in part.locks.tree if node.victims}
    old = [row for row in idle.values() if row.pid not in blocking and _idle_s(row) >= limits.alone_s]
    if not old:
        return []
    oldest = max(old, key=_idle_s)
    lasts = _idle_s(oldest)
    who = oldest.application or oldest.user
    many = f"{len(old)} transactions are idle, the oldest: " if len(old) > 1 else ""
    holds = ", vacuum keeps dead rows for it" if oldest.xmin_age is not None else ""
    return [
        Finding(
            rule=NAME,
            severity=Severity.WARNING if lasts >= limits.alone_warning_s else Severity.INFO,
            constraint=Constraint.LOCK_BOUND,
            title=f"{many}pid {oldest.pid} {oldest.state} {age(lasts)}{f' · {who}' if who else ''} · blocks nobody{holds}",
            since_at=postgres.moment(history, lasts),
            subject=_subject(oldest),
            evidence=(
                evidence("postgres.backends[].state_s", lasts, "s", limits.alone_s),
                evidence("postgres.connections.idle_in_transaction", part.connections.idle_in_transaction, "backends"),
                evidence("postgres.backends[].xmin_age", oldest.xmin_age, "transactions"),
            ),
        )
    ]


def _idle_s(row: SessionRow) -> float:
    return row.state_s or 0.0


def _subject(row: SessionRow) -> Subject:
    found: Subject = {"pid": row.pid}
    return found | {kind: name for kind, name in (("application", row.application), ("user", row.user)) if name}


RULE = Rule(
    name=NAME,
    constraint=Constraint.LOCK_BOUND,
    limits=PgIdleInTransactionLimits,
    find=pg_idle_in_transaction,
    needs=("pg_activity",),
)
