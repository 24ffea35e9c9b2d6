"""A standby falls behind. Judged by bytes: the lag times stay as they are when a standby stops answering."""

from __future__ import annotations

from perftui.findings import postgres
from perftui.findings.holding import evidence, held, mean
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.words import size
from perftui.model.finding import Constraint, Finding, Severity, Subject
from perftui.sources.pg_replication import PgReplicationPart, ReplicaReading, StandbyReading, lag_series

NAME = "pg.replication_lag"
_OWN = "postgres.standby.lag_bytes"


class PgReplicationLagLimits(Limits, frozen=True, kw_only=True):
    lag_bytes: float = 64 << 20
    """Ours: four segments of the log not replayed, and not getting fewer …"""
    critical_bytes: float = 1 << 30
    """… and so much is critical (ours): a failover would lose it, or wait for it."""
    window_s: float = 15.0
    """Ours: seconds over which it must hold; a burst is caught up in less."""
    slack_ratio: float = 0.02
    """Ours: what catches up by more than this share of its lag within the window is no finding but a note."""


def pg_replication_lag(history: History, limits: PgReplicationLagLimits) -> list[Finding]:
    """Each standby that is far behind and does not catch up; on a standby itself, and one that nothing arrives at."""
    part = history.latest(PgReplicationPart)
    if part is None:
        return []
    found = [_behind(history, each, limits) for each in part.replication]
    if part.standby is not None:
        found += [_own(history, part.standby, limits), _cut_off(history, part.standby, limits)]
    return [finding for finding in found if finding is not None]


def _behind(history: History, replica: ReplicaReading, limits: PgReplicationLagLimits) -> Finding | None:
    subject: Subject = {"standby": replica.name}
    if replica.slot:
        subject["slot"] = replica.slot
    name = f"standby {replica.name}"
    return _judged(
        history, lag_series(replica.name), "postgres.replication[].lag_bytes", name, _where(replica), subject, limits
    )


def _own(history: History, standby: StandbyReading, limits: PgReplicationLagLimits) -> Finding | None:
    why = "replay is paused" if standby.paused else "received, not replayed"
    return _judged(history, _OWN, _OWN, "this standby", why, {"standby": "this server"}, limits)


def _judged(
    history: History, series: str, reading: str, name: str, why: str, subject: Subject, limits: PgReplicationLagLimits
) -> Finding | None:
    lag = history.value(series)
    if lag is None or lag < limits.lag_bytes or held(history, series, limits.lag_bytes, limits.window_s) is None:
        return None
    pace = history.slope(series, limits.window_s) or 0.0
    catches_up = pace * limits.window_s < -limits.slack_ratio * lag
    critical = Severity.CRITICAL if lag >= limits.critical_bytes else Severity.WARNING
    since_at, before = postgres.since(history, series, limits.lag_bytes * 0.8, limits.window_s)
    course = f", catches up by {size(-pace)}/s" if catches_up else f", {size(pace)}/s more" if pace >= 1024 else ""
    return Finding(
        rule=NAME,
        severity=Severity.INFO if catches_up else critical,
        constraint=Constraint.EXTERNAL_BOUND,
        title=f"{name} is {size(lag)} behind{course}: {why}",
        since_at=since_at,
        began_before=before,
        subject=subject,
        evidence=(
            evidence(reading, lag, "bytes", limits.lag_bytes),
            evidence(reading, pace, "bytes/s", window_s=limits.window_s),
            evidence("postgres.wal_bytes_per_s", history.value("postgres.wal_bytes_per_s"), "bytes/s"),
        ),
    )


def _where(replica: ReplicaReading) -> str:
    """Which of the ways holds most of it."""
    if replica.state != "streaming":
        return f"{replica.state or 'its state is not visible to this role'}"
    unsent, unflushed = replica.unsent_bytes or 0, replica.unflushed_bytes or 0
    parts = {
        "not sent, it takes no more: the network, or a receiver that stands still": unsent,
        "sent and not on its disk: the network, its receiver or its storage": unflushed - unsent,
        "on its disk and not replayed: replay is paused, slow, or waits for queries there": (replica.lag_bytes or 0)
        - unflushed,
    }
    return max(parts, key=lambda words: parts[words])


def _cut_off(history: History, standby: StandbyReading, limits: PgReplicationLagLimits) -> Finding | None:
    """Streaming has worked since this server started, and now nobody sends."""
    reading = "postgres.standby.receiving"
    if standby.receiving or not standby.received or mean(history, reading, limits.window_s) != 0.0:
        return None
    since_at, before = postgres.since_below(history, reading, 0.5, limits.window_s)
    why = "its WAL receiver hears nothing" if standby.receiver else "no WAL receiver runs"
    return Finding(
        rule=NAME,
        severity=Severity.CRITICAL,
        constraint=Constraint.EXTERNAL_BOUND,
        title=f"nothing arrives at this standby: {why}; what it answers gets older",
        since_at=since_at,
        began_before=before,
        subject={"standby": "this server"},
        evidence=(
            evidence(reading, 0.0, "yes/no", 1.0, limits.window_s),
            evidence("postgres.standby.lag_s", standby.lag_s, "s"),
        ),
    )


RULE = Rule(
    name=NAME,
    constraint=Constraint.EXTERNAL_BOUND,
    limits=PgReplicationLagLimits,
    find=pg_replication_lag,
    needs=("pg_replication",),
)
