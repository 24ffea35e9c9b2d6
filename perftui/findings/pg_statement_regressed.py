"""A statement takes longer than it did before, in the hour that we watched it."""

from __future__ import annotations

from math import isnan

import msgspec

from perftui.findings import statements
from perftui.findings.holding import MIN_KNOWN, evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.middle import median
from perftui.model.finding import Constraint, Evidence, Finding, Severity
from perftui.sources.pg_statements import PgStatementsPart, StatementReading, series

NAME = "pg.statement_regressed"
BLOCKS = "postgres.statements.top[].blocks_per_call"
_HISTORY_S = 3600.0
_POINTS = 120
"""So many of an hour's ticks are looked at."""
MORE_WORK = 1.5
"""So many times the blocks, or the rows, are other work (ours); less is the same work that takes longer."""
_LEAST_BLOCKS = 8.0
_HIT_FELL = 0.05


class PgStatementRegressedLimits(Limits, frozen=True, kw_only=True):
    regression_ratio: float = 0.2
    """S002 §35.3.3: a fifth slower than before is a regression. So must each interval of the window be …"""
    quantile: float = 0.95
    """… than the median before, and slower than this share of the intervals before (ours): who always varies did not change."""
    time_ratio: float = 0.1
    """Ours: only statements with a tenth of the time of all …"""
    extra_load: float = 0.1
    """… and whose additional time keeps a tenth of a backend busy (ours)."""
    critical_load: float = 4.0
    """Ours: so many backends kept busy by the additional time alone."""
    window_s: float = 15.0
    """Ours: so long it must have been slower: three intervals."""
    baseline_s: float = 60.0
    """Ours: of so long before at least its time must be known."""
    baseline_calls: float = 50.0
    """Ours: with so many calls."""
    window_calls: float = 10.0
    """Ours: so many calls within the window."""


class _Change(msgspec.Struct, frozen=True):
    """One statement, before and now."""

    statement: StatementReading
    before_s: float
    now_s: float

    @property
    def extra_load(self) -> float:
        """Backends that the additional time keeps busy."""
        return (self.now_s - self.before_s) * self.statement.calls_per_s


def pg_statement_regressed(history: History, limits: PgStatementRegressedLimits) -> list[Finding]:
    """The statement whose regression costs most, with what changed about it, and how many more there are."""
    part = history.latest(PgStatementsPart)
    candidates = part.statements.top if part else ()
    changes = [change for each in candidates if (change := _changed(history, each, limits)) is not None]
    if part is None or not changes:
        return []
    worst = max(changes, key=lambda change: change.extra_load)
    more = f", and {len(changes) - 1} more" if len(changes) > 1 else ""
    why, told = _why(history, worst, limits)
    slower_s = worst.before_s * (1 + limits.regression_ratio)
    since_at, before = statements.since(history, worst.statement.queryid, "mean_s", slower_s)
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL if worst.extra_load >= limits.critical_load else Severity.WARNING,
            constraint=Constraint.QUERY_BOUND,
            title=(
                f"{worst.now_s / worst.before_s:.2g} x as slow as before, {statements.milliseconds(worst.before_s)} → "
                f"{statements.milliseconds(worst.now_s)}, {why}: {statements.text(worst.statement)}{more}"
            ),
            since_at=since_at,
            began_before=before,
            subject=statements.subject(worst.statement),
            evidence=(
                evidence(
                    "postgres.statements.top[].mean_s",
                    worst.now_s,
                    "s",
                    slower_s,
                    limits.window_s,
                    "S002 35.3.3",
                ),
                evidence("postgres.statements.time_per_s", worst.extra_load, "backends more", limits.extra_load),
                evidence(
                    "postgres.statements.top[].time_ratio", worst.statement.time_ratio, "ratio", limits.time_ratio
                ),
                *told,
            ),
        )
    ]


def _changed(history: History, statement: StatementReading, limits: PgStatementRegressedLimits) -> _Change | None:
    """None where it did not get slower, or where not enough is known to say so."""
    if statement.time_ratio < limits.time_ratio or statements.load(statement) < limits.extra_load:
        return None
    if not statements.ours(statement):
        return None
    name = series(statement.queryid, "mean_s")
    window = history.window(name, limits.window_s)
    calls = history.window(series(statement.queryid, "calls_per_s"), limits.window_s).mean
    if calls is None or calls * limits.window_s < limits.window_calls:
        return None
    if window.covered_s < limits.window_s - 1.0 or len(window.values) < MIN_KNOWN * window.ticks:
        return None
    before = _before(history, name, limits)
    if not before:
        return None
    usual = median(before)
    highest = sorted(before)[min(len(before) - 1, int(limits.quantile * len(before)))]
    if min(window.values) <= max(usual * (1 + limits.regression_ratio), highest):
        return None
    called = _before(history, series(statement.queryid, "calls_per_s"), limits)
    if not called or median(called) * limits.baseline_s < limits.baseline_calls:
        return None
    change = _Change(statement, usual, median(window.values))
    return change if change.extra_load >= limits.extra_load else None


def _before(history: History, name: str, limits: PgStatementRegressedLimits) -> list[float]:
    """The older half of what is known, so that a regression stays one for a while.

    Empty where too little is known. The window and the interval before it are left out: the change lies in it.
    """
    _, monos, values = history.spread(name, _HISTORY_S, _POINTS)
    ended = history.mono - 1.5 * limits.window_s
    known = [(mono, value) for mono, value in zip(monos, values, strict=True) if not isnan(value) and mono < ended]
    if len(known) < 2:
        return []
    until = max(known[0][0] + limits.baseline_s, (known[0][0] + history.mono) / 2)
    kept = [value for mono, value in known if mono <= until]
    step_s = (monos[-1] - monos[0]) / (len(monos) - 1)
    return kept if len(kept) * step_s >= MIN_KNOWN * limits.baseline_s else []


def _why(history: History, change: _Change, limits: PgStatementRegressedLimits) -> tuple[str, tuple[Evidence, ...]]:
    """(what changed beside the time, the numbers that tell it)."""

    def pair(field: str) -> tuple[float | None, float | None]:
        name = series(change.statement.queryid, field)
        values = _before(history, name, limits)
        return (median(values) if values else None), history.window(name, limits.window_s).mean

    (rows_before, rows), (blocks_before, blocks) = pair("rows_per_call"), pair("blocks_per_call")
    (hit_before, hit), (calls_before, calls) = pair("hit_ratio"), pair("calls_per_s")
    told = (
        evidence(
            BLOCKS, blocks, "blocks", None if blocks_before is None else MORE_WORK * max(blocks_before, _LEAST_BLOCKS)
        ),
        evidence("postgres.statements.top[].rows_per_call", rows, "rows"),
        evidence("postgres.statements.top[].hit_ratio", hit, "ratio"),
        evidence("postgres.statements.top[].calls_per_s", calls, "1/s"),
    )
    if _grew(rows_before, rows, 1.0):
        return f"{_count(rows_before)} → {_count(rows)} rows a call", told
    if _grew(blocks_before, blocks, _LEAST_BLOCKS):
        return f"{_count(blocks_before)} → {_count(blocks)} blocks for the same rows (plan, index, bloat?)", told
    if hit_before is not None and hit is not None and hit < hit_before - _HIT_FELL:
        return f"{hit_before:.0%} → {hit:.0%} of its blocks found in shared buffers", told
    if _grew(calls_before, calls, 1.0):
        return f"at {_count(calls_before)} → {_count(calls)} calls a second", told
    return "for the same work", told


def _grew(before: float | None, now: float | None, least: float) -> bool:
    return before is not None and now is not None and now > MORE_WORK * max(before, least)


def _count(number: float | None) -> str:
    return "?" if number is None else f"{number:.0f}" if number >= 10 else f"{number:.2g}"


RULE = Rule(
    name=NAME,
    constraint=Constraint.QUERY_BOUND,
    limits=PgStatementRegressedLimits,
    find=pg_statement_regressed,
    needs=("pg_statements",),
)
