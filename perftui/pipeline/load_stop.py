"""Ends the load test for the operator, and looks whether its results end with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from perftui.pipeline.actions import Reply, StopLoad, Stopped
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.load import SILENT_S, LoadPart

MARK = "load test stopped"
ENDS_S = 30.0
"""Ours: generators let requests under way end; k6 gives them 30 s."""
_LOOK_S = 0.5


class LoadStop:
    """One command, run as often as the operator confirms it."""

    def __init__(
        self,
        command: str,
        run: Callable[[], Awaitable[Stopped]],
        *,
        newest: Callable[[], Snapshot | None],
        call: Callable[[Callable[[], None]], None],
        mark: Callable[[str], None],
        log: Callable[[StopLoad, str], None],
        ends_s: float = ENDS_S,
    ) -> None:
        """Prepare it.

        Args:
            command: what is run, in words.
            run: runs it to its end.
            newest: the newest snapshot of the feed.
            call: has a function run in the thread that samples.
            mark: puts a mark on the time axis.
            log: keeps a line of each attempt, and of what came of it.
            ends_s: so long is waited for its results to end.
        """
        self.command = command
        self._run = run
        self._newest = newest
        self._call = call
        self._mark = mark
        self._log = log
        self._ends_s = ends_s
        self._running: set[asyncio.Task[None]] = set()

    def ask(self, request: StopLoad, told: Callable[[Reply], None]) -> None:
        """As the protocol has it."""

        def start() -> None:
            task = asyncio.ensure_future(self._carry_out(request, told))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        self._call(start)

    async def _carry_out(self, request: StopLoad, told: Callable[[Reply], None]) -> None:
        try:
            stopped = await self._stopped()
        except Exception as exc:  # a fault of ours must not leave the operator before a dialog that never answers
            stopped = Stopped(worked=False, words=f"internal: {type(exc).__name__}: {exc}")
        self._log(request, stopped.words)
        told(Reply(request=request, answer=stopped))

    async def _stopped(self) -> Stopped:
        ran = await self._run()
        if not ran.worked:
            return ran
        self._mark(MARK)
        for _ in range(round(self._ends_s / _LOOK_S)):
            if silent(self._newest()):
                return Stopped(worked=True, words=f"{ran.words}; its results have ended")
            await asyncio.sleep(_LOOK_S)
        return Stopped(worked=False, words=f"{ran.words}, but results still come after {self._ends_s:.0f} s")


def silent(snapshot: Snapshot | None) -> bool:
    """Whether the feed of a load test tells nothing any more."""
    part = snapshot.history.latest(LoadPart) if snapshot is not None else None
    return part is None or part.age_s is None or part.age_s > SILENT_S
