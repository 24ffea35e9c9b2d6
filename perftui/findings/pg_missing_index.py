"""A big table is read from one end to the other, again and again."""

from __future__ import annotations

import msgspec

from perftui.findings import postgres, statements
from perftui.findings.holding import evidence
from perftui.findings.predicates import predicate_columns
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.pg_statements import PgStatementsPart, StatementReading
from perftui.sources.pg_tables import PgTablesPart, TableReading, rows_series

NAME = "pg.missing_index"


class PgMissingIndexLimits(Limits, frozen=True, kw_only=True):
    rows_read_per_s: float = 100_000.0
    """S002 35.3.3 orders tables by rows read in sequential scans; ours: from so many a second on it costs a core's tenth …"""
    rows_per_scan: float = 10_000.0
    """… with so many read by one scan (ours): small tables are rightly read whole …"""
    scans_per_s: float = 0.1
    """… and so often (ours): a report or a dump that reads a table once needs no index."""


class Culprit(msgspec.Struct, frozen=True):
    """The statement that gives the condition away."""

    statement: StatementReading
    columns: tuple[str, ...]
    """That no index begins with."""


def pg_missing_index(history: History, limits: PgMissingIndexLimits) -> list[Finding]:
    """The table of which most rows are read that way, and how many more there are. The connected database only."""
    part = history.latest(PgTablesPart)
    read = [each for each in (part.tables if part else ()) if _matters(each, limits)]
    if part is None or not read:
        return []
    worst = max(read, key=lambda each: each.rows_read_per_s or 0.0)
    rows, scans = worst.rows_read_per_s or 0.0, worst.sequential_scans_per_s or 1.0
    culprit = _culprit(history, worst)
    more = f", and {len(read) - 1} more" if len(read) > 1 else ""
    interval_s = part.tables_interval_s or 0.0
    since_at, before = postgres.since(history, rows_series(worst.relation), limits.rows_read_per_s, 2 * interval_s)
    return [
        Finding(
            rule=NAME,
            severity=Severity.WARNING,
            constraint=Constraint.QUERY_BOUND,
            title=(
                f"{worst.relation} is read whole {_times(scans)} a second, {_short(rows / scans)} rows each, "
                f"{_short(rows)} rows/s{_hint(culprit)}{more}"
            ),
            # What is first seen at the end of an interval went on during it.
            since_at=max(history.started_at, since_at - interval_s),
            began_before=before,
            subject={
                "relation": worst.relation,
                **({"columns": ", ".join(culprit.columns)} if culprit else {}),
                **(statements.subject(culprit.statement) if culprit else {}),
            },
            evidence=(
                evidence(
                    "postgres.tables[].rows_read_per_s", rows, "1/s", limits.rows_read_per_s, interval_s, "S002 35.3.3"
                ),
                evidence("postgres.tables[].sequential_scans_per_s", scans, "1/s", limits.scans_per_s, interval_s),
                evidence("postgres.tables[].index_scans_per_s", worst.index_scans_per_s, "1/s", window_s=interval_s),
                evidence("postgres.tables[].live_rows", worst.live_rows, "rows", limits.rows_per_scan),
            ),
        )
    ]


def _matters(table: TableReading, limits: PgMissingIndexLimits) -> bool:
    rows, scans = table.rows_read_per_s or 0.0, table.sequential_scans_per_s or 0.0
    return rows >= limits.rows_read_per_s and scans >= limits.scans_per_s and rows >= limits.rows_per_scan * scans


def _culprit(history: History, table: TableReading) -> Culprit | None:
    """The heaviest current statement on the table whose condition no index begins with."""
    part = history.latest(PgStatementsPart)
    for statement in part.statements.top if part else ():
        columns = predicate_columns(statement.query or "", table.relation)
        bare = tuple(column for column in columns if column not in table.indexed_columns)
        if columns and len(bare) == len(columns):
            return Culprit(statement, bare)
    return None


def _hint(culprit: Culprit | None) -> str:
    return f": no index on {', '.join(culprit.columns)}" if culprit else ""


def _times(number: float) -> str:
    """`12 times`, `7.7 times`, `0.4 times`."""
    return f"{number:.0f} times" if number >= 10 else f"{number:.1f} times"


def _short(number: float) -> str:
    """`412`, `100 k`, `1.2 M`."""
    for unit in ("", " k", " M"):
        if number < 999.5:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:.3g} G"


RULE = Rule(
    name=NAME,
    constraint=Constraint.QUERY_BOUND,
    limits=PgMissingIndexLimits,
    find=pg_missing_index,
    needs=("pg_tables",),
)
