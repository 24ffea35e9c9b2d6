"""The live player: samples in its own thread, publishes each snapshot, looks back on request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from perftui.pipeline.feed import LiveFeed
from perftui.pipeline.loop import Judge
from perftui.pipeline.player import Mode, Publish, Shown
from perftui.pipeline.snapshot import Snapshot
from perftui.pipeline.thread import LoopThread
from perftui.pipeline.timeline import Timeline
from perftui.recording.writer import TapeWriter


class LivePlayer:
    """Follows a live feed. Sampling and recording go on whatever is shown."""

    def __init__(
        self,
        feed: LiveFeed,
        judge: Judge,
        tape: TapeWriter | None = None,
        all_processes: Callable[[bool], None] = lambda wanted: None,
        at_end: Callable[[], Awaitable[None]] | None = None,
        follow: Callable[[Snapshot], None] = lambda snapshot: None,
    ) -> None:
        """Prepare it.

        Args:
            follow: is handed the newest snapshot of each tick, in its thread, whatever is shown.
            all_processes: asks the source of processes for all of them, or for the leaders.
            at_end: awaited in its thread when it has ended: what is held for the sources is given back.
        """
        self._feed = feed
        self._timeline = Timeline(judge)
        self._tape = tape
        self._all_processes = all_processes
        self._follow = follow
        self._publish: Publish | None = None
        self._newest: Snapshot | None = None
        self._cursor: int | None = None
        self._shown: Shown | None = None
        self._thread = LoopThread("perftui-pipeline", self._run, self._tell_end, at_end)

    def warm_up(self) -> None:
        """Begin to sample before anybody looks: what is imported meanwhile is the first interval."""
        self._thread.start()

    @property
    def failure(self) -> BaseException | None:
        """What ended the sampling, if it ended by itself."""
        return self._thread.failure

    def start(self, publish: Publish) -> None:
        """Publish each snapshot from now on, the newest at once. `warm_up` comes first."""

        def attach() -> None:
            self._publish = publish
            self._show()

        self._thread.call(attach)

    def call(self, action: Callable[[], None]) -> None:
        """Have a function run in the thread that samples, soon."""
        self._thread.call(action)

    def stop(self) -> None:
        self._thread.stop()
        if self._tape is not None:
            self._tape.close()

    def pause_or_resume(self) -> None:
        self._thread.call(lambda: self._move_to(self._timeline.last if self._cursor is None else None))

    def step(self, seconds: float) -> None:
        self._thread.call(lambda: self._step(seconds))

    def oldest(self) -> None:
        self._thread.call(lambda: self._move_to(self._timeline.first))

    def newest(self) -> None:
        self._thread.call(lambda: self._move_to(None))

    def faster(self, factor: float) -> None:
        self._thread.call(lambda: self._show("live runs at the speed of the clock; speed is for tapes"))

    def mark(self, text: str) -> None:
        def put() -> None:
            self._feed.mark(text)
            self._show(f"marked: {text}")

        self._thread.call(put)

    def want_all_processes(self, wanted: bool) -> None:
        self._thread.call(lambda: self._all_processes(wanted))

    async def _run(self) -> None:
        async for frame in self._feed:
            if self._tape is not None:  # first: what a rule stumbles over must be on the tape
                self._tape.write(frame)
            self._timeline.push(frame)
            self._newest = self._timeline.newest()
            self._follow(self._newest)
            self._show()

    def _step(self, seconds: float) -> None:
        if self._timeline.empty:
            return
        now = self._timeline.last if self._cursor is None else self._cursor
        target = self._timeline.find(self._timeline.at(now) + seconds)
        if target == now:  # ticks can lie further apart than the step
            target = now + (1 if seconds > 0 else -1)
        self._move_to(None if target >= self._timeline.last and seconds > 0 else target)

    def _move_to(self, index: int | None) -> None:
        self._cursor = index if index is None else max(self._timeline.first, index)
        self._show()

    def _show(self, note: str = "") -> None:
        if self._publish is None or self._newest is None:
            return
        timeline = self._timeline
        if self._cursor is not None:
            self._cursor = max(self._cursor, timeline.first)
        snapshot = self._newest if self._cursor is None else timeline.snapshot(self._cursor)
        self._shown = Shown(
            snapshot=snapshot,
            mode=Mode.LIVE if self._cursor is None else Mode.PAUSED,
            behind_s=self._newest.at - snapshot.at,
            oldest_at=timeline.at(timeline.first),
            newest_at=self._newest.at,
            recording=self._tape.status if self._tape is not None else "",
            note=note,
        )
        self._publish(self._shown)

    def _tell_end(self, failure: BaseException) -> None:
        if self._publish is not None and self._shown is not None:
            note = f"sampling ended: {type(failure).__name__}: {failure}; q quits"
            self._publish(msgspec.structs.replace(self._shown, note=note))
