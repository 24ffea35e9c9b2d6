"""Tables full of dead rows, and why vacuum does not remove them."""

from __future__ import annotations

from perftui.findings import postgres, vacuum
from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.words import age
from perftui.model.finding import Constraint, Finding, Severity, Subject
from perftui.sources.pg_tables import PgTablesPart, TableReading, dead_series
from perftui.sources.pg_vacuum import PgVacuumPart, VacuumReading, XminHolder

NAME = "pg.dead_tuples"


class PgDeadTuplesLimits(Limits, frozen=True, kw_only=True):
    dead_ratio: float = 0.2
    """Ours, and autovacuum_vacuum_scale_factor's default: from here on autovacuum should come."""
    warning_ratio: float = 0.5
    """Ours: a warning from here on whatever the reason; below only when something keeps vacuum from its work."""
    dead_rows: int = 50_000
    """Ours: fewer harm nobody."""
    holder_s: float = 60.0
    """Ours: a transaction that is open so long keeps vacuum from its work …"""
    holder_age: int = 100_000
    """… and so does anything that so many transactions wait for (ours)."""


def pg_dead_tuples(history: History, limits: PgDeadTuplesLimits) -> list[Finding]:
    """The worst table with the reason, and how many more there are. Tables of the connected database only."""
    part = history.latest(PgTablesPart)
    full = [each for each in (part.tables if part else ()) if _matters(each, limits)]
    if not full:
        return []
    worst = max(full, key=lambda each: each.dead_rows or 0)
    holder, running = _holder(history, limits), _running(history, worst)
    hindered, why = _reason(history, worst, holder, running)
    dead, ratio = worst.dead_rows or 0, worst.dead_ratio or 0.0
    more = f", and {len(full) - 1} more" if len(full) > 1 else ""
    subject: Subject = {"relation": worst.relation}
    if worst.autovacuum and holder:
        subject |= vacuum.subject(holder)
    since_at, before = postgres.since(history, dead_series(worst.relation), limits.dead_ratio, 300.0)
    return [
        Finding(
            rule=NAME,
            severity=Severity.WARNING if hindered or ratio >= limits.warning_ratio else Severity.INFO,
            constraint=Constraint.QUERY_BOUND,
            title=f"{ratio:.0%} of {worst.relation} is dead rows ({dead:,}): {why}{more}",
            since_at=since_at,
            began_before=before,
            subject=subject,
            evidence=(
                evidence("postgres.tables[].dead_ratio", ratio, "ratio", limits.dead_ratio),
                evidence("postgres.tables[].dead_rows", dead, "rows", limits.dead_rows),
                *((evidence("postgres.xmin_holders[].age", holder.age, "transactions"),) if holder else ()),
            ),
        )
    ]


def _matters(table: TableReading, limits: PgDeadTuplesLimits) -> bool:
    return (table.dead_ratio or 0.0) > limits.dead_ratio and (table.dead_rows or 0) >= limits.dead_rows


def _holder(history: History, limits: PgDeadTuplesLimits) -> XminHolder | None:
    """The oldest that holds back the tables of this database, and has for a while."""
    found = (each for each in vacuum.holders(history) if each.here and not each.catalog_only)
    old = (each for each in found if (each.held_s or 0.0) >= limits.holder_s or each.age >= limits.holder_age)
    return max(old, key=lambda each: each.age, default=None)


def _running(history: History, table: TableReading) -> VacuumReading | None:
    part = history.latest(PgVacuumPart)
    return next((each for each in (part.vacuums if part else ()) if each.relation == table.relation), None)


def _reason(
    history: History, table: TableReading, holder: XminHolder | None, running: VacuumReading | None
) -> tuple[bool, str]:
    """(vacuum is kept from its work, in words)."""
    done = [at for at in (table.last_vacuum_at, table.last_autovacuum_at) if at is not None]
    last = f"vacuumed {age(history.at - max(done))} ago" if done else "never vacuumed"
    if not table.autovacuum:
        return True, f"autovacuum is off for it, {last}"
    if holder:
        return True, f"vacuum can't remove what {vacuum.words(holder)} may still see"
    if table.locked_by is not None:
        return True, f"vacuum skips it, pid {table.locked_by} has it locked"
    if running:
        share = f" {running.scanned_ratio:.0%}" if running.scanned_ratio is not None else ""
        return False, f"{running.by} is at it{f', {running.phase}{share}' if running.phase else ''}"
    return not done, f"{last}, autovacuum does not keep up" if done else f"{last}, autovacuum has not come yet"


RULE = Rule(
    name=NAME,
    constraint=Constraint.QUERY_BOUND,
    limits=PgDeadTuplesLimits,
    find=pg_dead_tuples,
    needs=("pg_tables",),
)
