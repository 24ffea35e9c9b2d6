"""Nothing comes from a pool: it can't be read, or an administrator shut it."""

from __future__ import annotations

from math import isnan

from perftui.findings import pools, postgres
from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History, SourceState
from perftui.history.words import age
from perftui.history.worst_pool import pools as all_pools
from perftui.model.failure import FailureKind
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.pgbouncer import FOUND_HERE
from perftui.sources.pool import PoolReading

NAME = "pool.unreachable"
_SOURCES = {"pgbouncer": ("PgBouncer", 1.0), "pool_metrics": ("pools over HTTP", 5.0)}
"""In words, and how often each is read."""
_OURS = (FailureKind.DENIED, FailureKind.MISSING, FailureKind.UNSUPPORTED, FailureKind.MALFORMED, FailureKind.INTERNAL)
"""What stands between us and it; its clients may be served all the same."""


class PoolUnreachableLimits(Limits, frozen=True, kw_only=True):
    silent_s: float = 3.0
    """Ours: one that answered before and is read each second may be silent this long; a restart takes less. One that is read
    less often, for as many reads."""


def pool_unreachable(history: History, limits: PoolUnreachableLimits) -> list[Finding]:
    """Poolers that are gone, those that can't be read, and pools that are shut."""
    found = [
        finding
        for source, (words, every_s) in _SOURCES.items()
        if (finding := _silent(history, source, words, postgres.patience_s(history, limits.silent_s * every_s)))
        is not None
    ]
    for name, pool in all_pools(history).items():
        if pool.problem:
            found.append(_unread(history, name, pool))
        elif pool.shut:
            found.append(_shut(history, name, pool))
    return found


def _silent(history: History, source: str, words: str, silent_s: float) -> Finding | None:
    state = history.sources.get(source)
    if state is None or state.state != "failed":
        return None
    kind, _, detail = state.detail.partition(": ")
    detail = detail.removeprefix("pgbouncer: ")
    if "connecting…" in detail or (state.age_s is not None and state.age_s < silent_s):
        return None
    if state.age_s is None or kind in _OURS:
        return _cant_be_read(history, words, detail, state)
    return Finding(
        rule=NAME,
        severity=Severity.CRITICAL,
        constraint=Constraint.POOL_BOUND,
        title=f"{words} does not answer any more, silent for {age(state.age_s)}: {detail}",
        since_at=history.ago(state.age_s),
        subject={"source": source},
        evidence=(evidence(f"sources.{source}.age_s", state.age_s, "s", silent_s),),
    )


def _cant_be_read(history: History, words: str, detail: str, state: SourceState) -> Finding:
    # It may be down, or we may ask in the wrong way: that is not known. One that nobody told us to watch is a note.
    return Finding(
        rule=NAME,
        severity=Severity.INFO if FOUND_HERE in detail else Severity.WARNING,
        constraint=Constraint.UNKNOWN,
        title=f"{words} can't be read: {detail}",
        since_at=history.started_at if state.age_s is None else history.ago(state.age_s),
        began_before=state.age_s is None,
        evidence=(evidence("pool.in_use", None, pools.CONNECTIONS),),
    )


def _unread(history: History, name: str, pool: PoolReading) -> Finding:
    since_at, before = _last_read(history, name)
    return Finding(
        rule=NAME,
        severity=Severity.WARNING,
        constraint=Constraint.UNKNOWN,
        title=f"pool {name} can't be read: {pool.problem.partition(': ')[2].removeprefix('pgbouncer: ')}",
        since_at=since_at,
        began_before=before,
        subject=pools.subject(name, pool),
        evidence=(evidence(pools.reading(name, "in_use"), None, pools.CONNECTIONS),),
    )


def _last_read(history: History, name: str) -> tuple[float, bool]:
    """When any of its pools was read last; before our watch began where none ever was."""
    begins = (f"pools.{name}.", f"pools.{name}/")
    courses = [reading for reading in history.names() if reading.startswith(begins) and reading.endswith(".in_use")]
    points = [point for each in courses for point in zip(*history.points(each, history.span_s + 1.0), strict=True)]
    known = [at for at, value in points if not isnan(value)]
    return (max(known), False) if known else (history.started_at, True)


def _shut(history: History, name: str, pool: PoolReading) -> Finding:
    queue = pools.queue_words(pool.waiting or 0, pool.wait_s, pool)
    waiting = pools.reading(name, "waiting")
    since_at, before = postgres.since_below(history, pools.reading(name, "accepts"), 0.5)
    refuses = "its clients are refused" if pool.shut == "disabled" else "nobody waits yet"
    return Finding(
        rule=NAME,
        severity=Severity.CRITICAL if queue else Severity.WARNING,
        constraint=Constraint.POOL_BOUND,
        title=f"pool {name} is {pool.shut} by an administrator, {queue or refuses}",
        since_at=since_at,
        began_before=before,
        subject=pools.subject(name, pool),
        evidence=(
            evidence(waiting, pool.waiting, "clients"),
            evidence(pools.reading(name, "wait_s"), pool.wait_s, "s"),
            evidence(pools.reading(name, "in_use"), pool.in_use, pools.CONNECTIONS, pool.max_size),
        ),
    )


RULE = Rule(name=NAME, constraint=Constraint.POOL_BOUND, limits=PoolUnreachableLimits, find=pool_unreachable)
