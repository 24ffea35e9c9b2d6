"""What happens to a server while it is watched: told apart by when it and its processes were started, by its own clock."""

from __future__ import annotations

import msgspec

TOLD_S = 300.0
"""So long a change is told of."""


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What tells one life of a server from another."""

    started_at: float
    served_since_at: float | None
    """When its checkpointer was started; None without the right to see it."""
    seen_at: float
    """Its own time when it said so."""
    standby: bool


def change(before: Life, now: Life) -> str | None:
    """What happened in between, in words; None when nothing did."""
    if now.started_at != before.started_at:
        # Who was running already while the other one answered is not that one.
        if now.started_at < before.seen_at:
            return "failed over"
        return "restarted" if now.standby == before.standby else "restarted in another role"
    if now.standby != before.standby:
        return "demoted" if now.standby else "promoted"
    known = before.served_since_at is not None and now.served_since_at is not None
    if known and now.served_since_at != before.served_since_at:
        return "crashed and recovered"
    return None


class ServerChanges:
    """Remembers the last change for a while, so that it is not missed by who looks at another pane."""

    def __init__(self) -> None:
        self._before: Life | None = None
        self._last: tuple[str, float] | None = None

    def noticed(self, now: Life, mono: float) -> tuple[str | None, float | None]:
        """(the change, how long ago it was noticed)."""
        found = change(self._before, now) if self._before is not None else None
        self._before = now
        if found is not None:
            self._last = (found, mono)
        if self._last is None or mono - self._last[1] > TOLD_S:
            return None, None
        return self._last[0], mono - self._last[1]
