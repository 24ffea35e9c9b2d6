"""Transaction ids run out: the server stops all writes before they wrap around."""

from __future__ import annotations

from perftui.findings import postgres, vacuum
from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.pg_counters import PgCountersPart
from perftui.sources.pg_vacuum import XminHolder

NAME = "pg.wraparound"
_AGE = "postgres.oldest_xid_age"
STOP = 2**31 - 3_000_000
"""Where the server takes no more writes (14 and newer)."""


class PgWraparoundLimits(Limits, frozen=True, kw_only=True):
    warning_age: int = 1_000_000_000
    """Ours: half of what there is; autovacuum should have frozen at a fifth of this."""
    critical_age: int = 1_600_000_000
    """The default of vacuum_failsafe_age: the server drops all care to freeze in time."""


def pg_wraparound(history: History, limits: PgWraparoundLimits) -> list[Finding]:
    """The age of the oldest transaction id that is not frozen, with who keeps it from being frozen."""
    part = history.latest(PgCountersPart)
    if part is None or part.oldest_xid_age is None or part.oldest_xid_age < limits.warning_age:
        return []
    oldest = part.oldest_xid_age
    holder = _holder(history, oldest)
    since_at, before = postgres.since(history, _AGE, limits.warning_age * 0.999, 60.0)
    by = f", held back by {vacuum.words(holder)}" if holder else ""
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if oldest >= limits.critical_age else Severity.WARNING,
            constraint=Constraint.POOL_BOUND,
            title=f"{oldest / STOP:.0%} of the transaction ids are used up, at 100% Postgres stops all writes{by}",
            since_at=since_at,
            began_before=before,
            subject=vacuum.subject(holder) if holder else {},
            evidence=(
                evidence(_AGE, oldest, "transactions", limits.warning_age),
                *((evidence("postgres.xmin_holders[].age", holder.age, "transactions"),) if holder else ()),
            ),
        )
    ]


def _holder(history: History, oldest: int) -> XminHolder | None:
    """The oldest, when freezing past it would not help much; a logical slot holds back catalogs, and they age too."""
    holder = max(vacuum.holders(history), key=lambda each: each.age, default=None)
    return holder if holder and holder.age >= oldest / 2 else None


RULE = Rule(
    name=NAME,
    constraint=Constraint.POOL_BOUND,
    limits=PgWraparoundLimits,
    find=pg_wraparound,
    needs=("pg_counters",),
)
