"""The log can't be archived: the server keeps it until it can, and a restore has a gap."""

from __future__ import annotations

from perftui.findings import postgres
from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.words import age
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.pg_wal import PgWalPart

NAME = "pg.archiver_failing"
_FAILING = "postgres.archiver.failing"


class PgArchiverFailingLimits(Limits, frozen=True, kw_only=True):
    failures: int = 3
    """Ours: the server itself tries three times before it waits a minute."""
    critical_s: float = 3600.0
    """Ours: critical when nothing was archived for so long."""


def pg_archiver_failing(history: History, limits: PgArchiverFailingLimits) -> list[Finding]:
    """The last attempts all failed."""
    part = history.latest(PgWalPart)
    archiver = part.archiver if part else None
    if archiver is None or not archiver.failing or archiver.failures_total < limits.failures:
        return []
    since_at, before = postgres.since(history, _FAILING, 0.5, 15.0)
    last = (
        "nothing was ever archived"
        if archiver.archived_s is None
        else f"the last success {age(archiver.archived_s)} ago"
    )
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if (archiver.archived_s or 0.0) >= limits.critical_s else Severity.WARNING,
            constraint=Constraint.EXTERNAL_BOUND,
            title=f"archiving fails, {archiver.failures_total} times so far, {last}: pg_wal grows until it works again",
            since_at=since_at,
            began_before=before,
            evidence=(
                evidence("postgres.archiver.failures_total", archiver.failures_total, "failures", limits.failures),
                evidence("postgres.archiver.archived_s", archiver.archived_s, "s", limits.critical_s),
            ),
        )
    ]


RULE = Rule(
    name=NAME,
    constraint=Constraint.EXTERNAL_BOUND,
    limits=PgArchiverFailingLimits,
    find=pg_archiver_failing,
    needs=("pg_wal",),
)
