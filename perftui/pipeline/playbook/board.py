"""The newest snapshot, for those who wait for the next one."""

from __future__ import annotations

import asyncio

from perftui.model.finding import Severity
from perftui.pipeline.snapshot import Snapshot

WHOLE_S = 0.9
LATE_S = 2.0
"""A feed that gives nothing must not hold up a step's own clock."""


class SnapshotBoard:
    """Written by the pipeline's loop, read by runs in the same loop."""

    def __init__(self) -> None:
        self.newest: Snapshot | None = None
        self._incidents: dict[str, tuple[float, str]] = {}
        """By rule: when its critical finding was last there, and its title."""
        self._next = asyncio.Event()

    def put(self, snapshot: Snapshot) -> None:
        self.newest = snapshot
        for finding in snapshot.findings:
            if finding.severity is Severity.CRITICAL:
                self._incidents[finding.rule] = (snapshot.at, finding.title)
        self._next.set()
        self._next = asyncio.Event()

    def incidents(self, since_at: float) -> list[str]:
        """The critical findings that there were since then, by their titles."""
        return [title for at, title in self._incidents.values() if at >= since_at]

    async def wait_first(self) -> None:
        """Until there is one of a whole interval: the very first rates stand on a fraction of a second."""
        while self.newest is None or self.newest.history.span_s < WHOLE_S:
            await self.wait()

    async def wait(self) -> None:
        """Until there is a newer one, or it is late."""
        try:
            await asyncio.wait_for(self._next.wait(), LATE_S)
        except TimeoutError:
            return
