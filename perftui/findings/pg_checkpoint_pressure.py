"""Checkpoints come because the log is full and not because it is time: pages are written again and again."""

from __future__ import annotations

from math import isnan

from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.words import size
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.pg_wal import PgWalPart

NAME = "pg.checkpoint_pressure"
_REQUESTED = "postgres.checkpoints.requested_total"
_TIMED = "postgres.checkpoints.timed_total"
_WRITTEN = "postgres.wal_bytes_per_s"


class PgCheckpointPressureLimits(Limits, frozen=True, kw_only=True):
    apart_s: float = 30.0
    """The default of checkpoint_warning: the server itself complains of checkpoints that are less far apart."""
    requested: int = 3
    """Ours: so many within the window that were asked for, and more than those that came by time."""
    window_s: float = 120.0
    """Ours: seconds over which they are counted; a burst of less is a bulk load."""
    filled_ratio: float = 0.2
    """Ours: with less log than this share of max_wal_size between two of them, somebody asks for them by command."""


def pg_checkpoint_pressure(history: History, limits: PgCheckpointPressureLimits) -> list[Finding]:
    """Requested checkpoints that dominate and follow one another too fast."""
    part = history.latest(PgWalPart)
    at, requested = _grown(history, _REQUESTED, limits.window_s)
    if part is None or requested < limits.requested:
        return []
    timed = _grown(history, _TIMED, limits.window_s)[1]
    covered_s = history.window(_REQUESTED, limits.window_s).covered_s
    apart_s = covered_s / requested
    if timed > requested or apart_s > limits.apart_s:
        return []
    written = history.window(_WRITTEN, limits.window_s).mean or 0.0
    most = part.checkpoints.max_wal_bytes
    commanded = written * apart_s < limits.filled_ratio * most
    why = (
        "somebody asks for them by command"
        if commanded
        else f"max_wal_size {size(most)} is small for {size(written)}/s of log"
    )
    return [
        Finding(
            rule=NAME,
            severity=Severity.WARNING,
            constraint=Constraint.IO_BOUND,
            title=f"a checkpoint every {apart_s:.0f} s instead of every {part.checkpoints.timeout_s:.0f} s: {why}",
            since_at=at,
            began_before=False,
            evidence=(
                evidence(_REQUESTED, requested, "checkpoints", limits.requested, limits.window_s),
                evidence(_TIMED, timed, "checkpoints", window_s=limits.window_s),
                evidence(_WRITTEN, written, "bytes/s", window_s=limits.window_s),
                evidence("postgres.checkpoints.max_wal_bytes", most, "bytes"),
            ),
        )
    ]


def _grown(history: History, counter: str, seconds: float) -> tuple[float, float]:
    """(wall clock of the first step, growth) of a counter in the window; after a reset, since then."""
    begun, grown, before = history.at, 0.0, float("nan")
    for at, value in zip(*history.points(counter, seconds), strict=True):
        if value < before:
            begun, grown = history.at, 0.0
        elif value > before:
            begun, grown = (at if grown == 0.0 else begun), grown + value - before
        before = before if isnan(value) else value
    return begun, grown


RULE = Rule(
    name=NAME,
    constraint=Constraint.IO_BOUND,
    limits=PgCheckpointPressureLimits,
    find=pg_checkpoint_pressure,
    needs=("pg_wal",),
)
