"""Since when something holds in Postgres: the server tells ages, and we may have connected long after our first tick."""

from __future__ import annotations

from math import isnan

from perftui.findings.holding import WINDOW_S, Held
from perftui.history.history import History
from perftui.sources.filesystems import FilesystemReading, FilesystemsPart
from perftui.sources.pg_replication import PgReplicationPart


def moment(history: History, age_s: float) -> float:
    """Wall clock of what was so long ago when the sessions were read; the server's own ages reach back before our watch."""
    return history.ago((history.sources["pg_activity"].age_s or 0.0) + age_s)


def patience_s(history: History, silent_s: float) -> float:
    """So long somebody may be silent: where we ask each few seconds, one answer that did not come is no silence yet."""
    return max(silent_s, 1.5 * history.interval_s)


def since(history: History, reading: str, above: float, tolerance_s: float = WINDOW_S) -> tuple[float, bool]:
    """As `held_since`; what was so when Postgres told it first began before, though that was not our first tick."""
    since_at, before = history.held_since(reading, above, tolerance_s)
    return since_at, before or since_at <= first_told(history, reading)


def told_since(history: History, reading: str, found: Held) -> tuple[float, bool]:
    """As `since`, for a limit that is held."""
    return found.since_at, found.began_before or found.since_at <= first_told(history, reading)


def since_below(history: History, reading: str, below: float, tolerance_s: float = WINDOW_S) -> tuple[float, bool]:
    """As `since`, for a reading that is bad when it is low."""
    begin = history.at
    for at, value in reversed(list(zip(*history.points(reading, history.span_s + 1.0), strict=True))):
        if begin - at > tolerance_s:
            break
        if value < below:
            begin = at
    return begin, begin <= first_told(history, reading)


def first_told(history: History, reading: str) -> float:
    """Wall clock of the first tick at which a reading was known; now, where it never was."""
    points = zip(*history.points(reading, history.span_s + 1.0), strict=True)
    return next((at for at, value in points if not isnan(value)), history.at)


def data_filesystem(history: History, part: PgReplicationPart) -> tuple[str, FilesystemReading] | None:
    """The mount point on this host that the server's data lie on; None where that is not knowable, or the server is elsewhere."""
    known = history.latest(FilesystemsPart)
    if not part.same_host or part.data_directory is None or known is None:
        return None
    place = f"{part.data_directory}/"
    mounts = [path for path in known.filesystems if place.startswith(f"{path.rstrip('/')}/")]
    return max(((path, known.filesystems[path]) for path in mounts), key=lambda each: len(each[0]), default=None)
