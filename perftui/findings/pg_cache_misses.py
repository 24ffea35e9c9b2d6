"""Postgres reads from outside of its buffers what it should find in them."""

from __future__ import annotations

from perftui.findings import postgres, statements
from perftui.findings.holding import RELEASE, evidence, kept, mean, of_late
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.pg_statements import StatementReading

NAME = "pg.cache_misses"
_HIT, _ACTIVE = "postgres.cache_hit_ratio", "postgres.connections.active"


class PgCacheMissesLimits(Limits, frozen=True, kw_only=True):
    hit_ratio: float = 0.90
    """Ours: a note below this …"""
    warning_ratio: float = 0.70
    """… and a warning below this. Blocks that come from the kernel's file cache count as misses too."""
    active: float = 1.0
    """Ours: at least so many backends at work on average; an idle server's ratio says nothing."""
    window_s: float = 15.0


def pg_cache_misses(history: History, limits: PgCacheMissesLimits) -> list[Finding]:
    """A low hit ratio while the server works, with the statement that misses most; a note where that is a dump or the like, which
    goes through a few buffers of its own."""
    window_s = limits.window_s

    def misses(then: History, share: float) -> bool:
        """So many that they are told; or still, where a share of the limits is enough."""
        hit, active = mean(then, _HIT, window_s), mean(then, _ACTIVE, window_s)
        if hit is None or active is None:
            return False
        return 1 - hit > share * (1 - limits.hit_ratio) and active >= share * limits.active

    last = kept(history, lambda then: misses(then, 1.0), lambda then: not misses(then, RELEASE))
    hit, active = mean(history, _HIT, window_s), mean(history, _ACTIVE, window_s)
    if last is None or hit is None:
        return []
    leader = statements.leading(history, _missed_time)
    since_at, before = postgres.since_below(last, _HIT, limits.hit_ratio, window_s)
    worst = min(of_late(history, _HIT, window_s))
    by = f", led by {statements.text(leader)}" if leader else ""
    return [
        Finding(
            rule=NAME,
            severity=Severity.WARNING if worst < limits.warning_ratio and statements.ours(leader) else Severity.INFO,
            constraint=Constraint.IO_BOUND,
            title=f"{1 - hit:.0%} of the blocks asked for are not in shared buffers{by}",
            since_at=since_at,
            began_before=before,
            subject=statements.subject(leader),
            evidence=(
                evidence(_HIT, hit, "ratio", limits.hit_ratio, limits.window_s),
                evidence(_ACTIVE, active, "backends", limits.active, limits.window_s),
            ),
        )
    ]


def _missed_time(statement: StatementReading) -> float:
    """Its share of the time, as far as its blocks were not found."""
    return statement.time_ratio * (1.0 - statement.hit_ratio) if statement.hit_ratio is not None else 0.0


RULE = Rule(
    name=NAME,
    constraint=Constraint.IO_BOUND,
    limits=PgCacheMissesLimits,
    find=pg_cache_misses,
    needs=("pg_counters", "pg_activity"),
)
