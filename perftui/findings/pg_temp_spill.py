"""Sorts and hashes that don't fit their memory are written to disk."""

from __future__ import annotations

from perftui.findings import postgres, statements
from perftui.findings.holding import evidence, held
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.words import size
from perftui.model.finding import Constraint, Finding, Severity

NAME = "pg.temp_spill"
_WRITTEN = "postgres.temp_bytes_per_s"


class PgTempSpillLimits(Limits, frozen=True, kw_only=True):
    temp_bytes_per_s: float = 16 << 20
    """Ours: slower than this the page cache swallows it."""
    critical_bytes_per_s: float = 256 << 20
    """Ours: so much keeps a fast disk busy with nothing else."""
    window_s: float = 10.0
    """Ours: a spill is counted when its statement ends, so it comes in lumps."""


def pg_temp_spill(history: History, limits: PgTempSpillLimits) -> list[Finding]:
    """Bytes written to temporary files, with the statement that writes most; a note where that is an index build or the like."""
    spills = held(history, _WRITTEN, limits.temp_bytes_per_s, limits.window_s, share=0.0, stays=0.0)
    if spills is None:
        return []
    written = spills.mean
    leader = statements.leading(history, lambda each: each.temp_bytes_per_s)
    since_at, before = postgres.told_since(history, _WRITTEN, spills)
    memory = "work_mem" if statements.ours(leader) else "maintenance_work_mem"
    by = f": {statements.text(leader)}" if leader else ""
    return [
        Finding(
            rule=NAME,
            severity=_severity(spills.highest, statements.ours(leader), limits),
            constraint=Constraint.QUERY_BOUND,
            title=f"{size(written)}/s spill into temporary files, {memory} is too small for them{by}",
            since_at=since_at,
            began_before=before,
            subject=statements.subject(leader),
            evidence=(
                evidence(_WRITTEN, written, "bytes/s", limits.temp_bytes_per_s, limits.window_s),
                *(
                    (evidence("postgres.statements.top[].temp_bytes_per_s", leader.temp_bytes_per_s, "bytes/s"),)
                    if leader
                    else ()
                ),
            ),
        )
    ]


def _severity(written: float, ours: bool, limits: PgTempSpillLimits) -> Severity:
    if not ours:
        return Severity.INFO
    return Severity.CRITICAL if written > limits.critical_bytes_per_s else Severity.WARNING


RULE = Rule(
    name=NAME,
    constraint=Constraint.QUERY_BOUND,
    limits=PgTempSpillLimits,
    find=pg_temp_spill,
    needs=("pg_counters",),
)
