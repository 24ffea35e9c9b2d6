"""Postgres does not answer."""

from __future__ import annotations

from perftui.findings import postgres
from perftui.findings.holding import evidence
from perftui.findings.pg_connections_exhausted import refused
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History, SourceState
from perftui.history.words import age
from perftui.model.failure import FailureKind
from perftui.model.finding import Constraint, Finding, Severity

NAME = "pg.unreachable"


class PgUnreachableLimits(Limits, frozen=True, kw_only=True):
    silent_s: float = 3.0
    """Ours: a server that answered before may be silent this long; a restart takes less."""


def pg_unreachable(history: History, limits: PgUnreachableLimits) -> list[Finding]:
    """A server that answered and does not any more is critical; one that never did is a warning with what it said.

    A server that is full is told by pg.connections_exhausted.
    """
    state = history.sources.get("pg_activity")
    if state is None or state.state != "failed" or refused(state.detail):
        return []
    kind, _, detail = state.detail.partition(": ")
    detail = detail.removeprefix("postgres: ")
    if state.age_s is None:
        return [] if detail.startswith("connecting") else [_never(history, detail)]
    if state.age_s < postgres.patience_s(history, limits.silent_s):
        return []
    return [_no_more(history, state, kind, detail, limits)]


def _never(history: History, detail: str) -> Finding:
    # It may be down, or we may ask in the wrong place: that is not known.
    return Finding(
        rule=NAME,
        severity=Severity.WARNING,
        constraint=Constraint.UNKNOWN,
        title=f"Postgres can't be read: {detail}",
        since_at=history.started_at,
        began_before=True,
        evidence=(evidence("postgres.uptime_s", None, "s"),),
    )


def _no_more(history: History, state: SourceState, kind: str, detail: str, limits: PgUnreachableLimits) -> Finding:
    silent_s = state.age_s or 0.0
    ours = kind in (FailureKind.DENIED, FailureKind.INTERNAL, FailureKind.UNSUPPORTED)
    what = "can't be read any more" if ours else "does not answer any more"
    return Finding(
        rule=NAME,
        severity=Severity.WARNING if ours else Severity.CRITICAL,
        constraint=Constraint.UNKNOWN if ours else Constraint.EXTERNAL_BOUND,
        title=f"Postgres {what}, silent for {age(silent_s)}: {detail}",
        since_at=history.ago(silent_s),
        evidence=(evidence("sources.pg_activity.age_s", silent_s, "s", limits.silent_s),),
    )


RULE = Rule(
    name=NAME,
    constraint=Constraint.EXTERNAL_BOUND,
    limits=PgUnreachableLimits,
    find=pg_unreachable,
    needs=("pg_activity",),
)
