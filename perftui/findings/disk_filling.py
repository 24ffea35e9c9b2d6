"""A filesystem is full, or will be soon."""

from __future__ import annotations

from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.words import duration, size
from perftui.model.finding import Constraint, Evidence, Finding, Severity
from perftui.sources.filesystems import FilesystemReading, FilesystemsPart

NAME = "host.disk_filling"


class DiskFillingLimits(Limits, frozen=True, kw_only=True):
    alert_ratio: float = 0.80
    """S003 scaling triggers: alert."""
    expand_ratio: float = 0.85
    """S003: expand."""
    emergency_ratio: float = 0.90
    """S003: emergency. A level is one step lower while the filesystem does not grow (ours)."""
    full_ratio: float = 0.98
    """Ours: critical whether it grows or not."""
    full_in_s: float = 900.0
    """Ours: full within a quarter of an hour at the pace of the last minute is critical, above the alert level."""
    pace_window_s: float = 60.0


def disk_filling(history: History, limits: DiskFillingLimits) -> list[Finding]:
    """Each writable filesystem above a level, bytes and inodes alike."""
    part = history.latest(FilesystemsPart)
    return [
        finding
        for path, filesystem in (part.filesystems if part else {}).items()
        if not filesystem.read_only and (finding := _judge(history, path, filesystem, limits))
    ]


def _judge(history: History, path: str, filesystem: FilesystemReading, limits: DiskFillingLimits) -> Finding | None:
    inodes = filesystem.inodes_used_ratio or 0.0
    used = max(filesystem.used_ratio, inodes)
    if used < limits.alert_ratio:
        return None
    what = "inodes" if inodes > filesystem.used_ratio else "space"
    reading = f"host.filesystems.{path}.{'inodes_used_ratio' if what == 'inodes' else 'used_ratio'}"
    pace = _pace(history, path, limits.pace_window_s)
    left_s = filesystem.free_bytes / pace if pace else None
    severity = _severity(used, left_s, limits)
    since_at, before = history.held_since(reading, limits.alert_ratio, limits.pace_window_s)
    words = f", full in {duration(left_s)}" if left_s is not None and left_s < 86400 and used < 0.995 else ""
    left = f"{size(filesystem.free_bytes)} left" if what == "space" else "no new files soon"
    return Finding(
        rule=NAME,
        severity=severity,
        constraint=Constraint.IO_BOUND,
        title=f"{path} is {used:.0%} full ({what}), {left}{words}",
        since_at=since_at,
        began_before=before,
        subject={"filesystem": path, "device": filesystem.device},
        evidence=_evidence(reading, used, filesystem, path, pace, limits),
    )


def _evidence(
    reading: str, used: float, filesystem: FilesystemReading, path: str, pace: float | None, limits: DiskFillingLimits
) -> tuple[Evidence, ...]:
    level = max(level for level in (limits.alert_ratio, limits.expand_ratio, limits.emergency_ratio) if used >= level)
    free = f"host.filesystems.{path}.free_bytes"
    return (
        evidence(reading, used, "ratio", level, seed="S003 scaling triggers"),
        evidence(free, filesystem.free_bytes, "bytes"),
        evidence(f"host.filesystems.{path}.fill_bytes_per_s", pace, "bytes/s", window_s=limits.pace_window_s),
    )


def _pace(history: History, path: str, window_s: float) -> float | None:
    """Bytes a second by which free space fell over the window; None when it did not."""
    slope = history.slope(f"host.filesystems.{path}.free_bytes", window_s)
    return -slope if slope is not None and slope < 0 else None


def _severity(used: float, left_s: float | None, limits: DiskFillingLimits) -> Severity:
    if used >= limits.full_ratio or (left_s is not None and left_s < limits.full_in_s):
        return Severity.CRITICAL
    level = sum(used >= each for each in (limits.expand_ratio, limits.emergency_ratio))
    grows = left_s is not None and left_s < 86400
    return Severity(max(0, level if grows else level - 1))


RULE = Rule(
    name=NAME,
    constraint=Constraint.IO_BOUND,
    limits=DiskFillingLimits,
    find=disk_filling,
    needs=("filesystems",),
)
