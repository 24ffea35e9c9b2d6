"""The tape player: the same timeline, fed from a tape at any speed, from any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import msgspec

from perftui.model.failure import TapeError
from perftui.model.frame import Frame
from perftui.pipeline.loop import Judge
from perftui.pipeline.player import Mode, Publish, Shown
from perftui.pipeline.thread import LoopThread
from perftui.pipeline.timeline import Timeline
from perftui.recording.reader import Tape

WARM_UP_S = 600.0
"""So much of the tape before a moment is read to know its windows, its growth and its charts."""
LONGEST_WAIT_S = 2.0
"""A hole in the tape is passed after this long."""
MAX_SPEED = 1000.0
PUBLISH_EVERY_S = 0.1
"""A fast replay shows ten moments a second and skips drawing the others."""


async def tape_feed(tape: Tape, since_at: float | None = None) -> AsyncIterator[Frame]:
    """The tape's frames as fast as they can be read, for headless use."""
    for frame in tape.frames(since_at):
        yield frame


class TapePlayer:
    """Follows a tape: plays, pauses, steps, seeks."""

    def __init__(self, tape: Tape, judge: Judge) -> None:
        """Prepare to play it.

        Raises:
            TapeError: its first frame can't be read, or there is none.
        """
        if next(tape.frames(), None) is None:
            raise TapeError("the tape holds no frame; record one with perftui record FILE")
        self._tape = tape
        self._judge = judge
        self._span = tape.span()
        self._timeline = Timeline(judge)
        self._frames: Iterator[Frame] = tape.frames()
        self._ahead: Frame | None = None
        self._cursor = -1
        self._playing = True
        self._speed = 1.0
        self._publish: Publish | None = None
        self._woken = asyncio.Event()
        self._shown: Shown | None = None
        self._thread = LoopThread("perftui-replay", self._run, self._tell_end)

    @property
    def failure(self) -> BaseException | None:
        return self._thread.failure

    def start(self, publish: Publish) -> None:
        self._publish = publish
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()
        self._tape.close()

    def pause_or_resume(self) -> None:
        def toggle() -> None:
            self._playing = not self._playing and not self._ended
            self._show("the tape ends here; Home goes to its beginning" if self._ended else "")

        self._wake(toggle)

    def step(self, seconds: float) -> None:
        def move() -> None:
            self._playing = False
            self._seek(self._timeline.at(self._cursor) + seconds, forward=seconds > 0)

        self._wake(move)

    def oldest(self) -> None:
        self._wake(lambda: self._seek(self._span[0]))

    def newest(self) -> None:
        self._wake(lambda: self._seek(self._span[1]))

    def faster(self, factor: float) -> None:
        def change() -> None:
            self._speed = min(MAX_SPEED, max(0.25, self._speed * factor))
            self._show(f"speed x{self._speed:g}")

        self._wake(change)

    def mark(self, text: str) -> None:
        self._wake(lambda: self._show("a tape can't be marked; marks are made live"))

    def want_all_processes(self, wanted: bool) -> None:
        """A tape holds what was recorded."""

    def _wake(self, action: Callable[[], None]) -> None:
        def act() -> None:
            action()
            self._woken.set()

        self._thread.call(act)

    async def _run(self) -> None:
        self._seek(self._span[0])
        while True:
            self._woken.clear()
            try:
                await asyncio.wait_for(self._woken.wait(), self._wait_s() if self._playing else None)
            except TimeoutError:
                self._advance()

    def _wait_s(self) -> float:
        """How long the shown moment stays; a fast replay shows some moments and passes over the others."""
        gap_s = self._next_at() - self._timeline.at(self._cursor)
        return min(LONGEST_WAIT_S, max(PUBLISH_EVERY_S, gap_s / self._speed))

    def _advance(self) -> None:
        """Show the next moment that is due, or stop at the tape's end."""
        due_at = self._timeline.at(self._cursor) + PUBLISH_EVERY_S * self._speed
        self._playing = self._forward(due_at) or self._forward_one()
        self._show()

    def _forward(self, at: float) -> bool:
        """Move the cursor over all ticks up to `at`; whether there was one."""
        before = self._cursor
        while self._next_at() <= at:
            self._forward_one()
        return self._cursor != before

    def _next_at(self) -> float:
        if self._cursor < self._timeline.last:
            return self._timeline.at(self._cursor + 1)
        frame = self._peek()
        return frame.at if frame is not None else float("inf")

    def _forward_one(self) -> bool:
        if self._cursor >= self._timeline.last:
            frame = self._peek()
            if frame is None:
                return False
            self._timeline.push(frame)
            self._ahead = None
        self._cursor += 1
        return True

    @property
    def _ended(self) -> bool:
        return self._cursor >= self._timeline.last and self._peek() is None

    def _peek(self) -> Frame | None:
        if self._ahead is None:
            self._ahead = next(self._frames, None)
        return self._ahead

    def _seek(self, at: float, forward: bool = False) -> None:
        """Put the cursor on the last tick not after `at`; forward: on the next one at least."""
        known = self._cursor >= 0
        if known and self._timeline.at(self._timeline.first) <= at <= self._timeline.at(self._timeline.last):
            target = self._timeline.find(at)
            self._cursor = max(target, self._cursor + 1) if forward else target
        elif known and 0 < at - self._timeline.at(self._timeline.last) <= WARM_UP_S:
            if not self._forward(at):
                self._forward_one()
        else:
            self._rebuild(at)
        self._show()

    def _rebuild(self, at: float) -> None:
        """Read the tape anew from some time before `at`."""
        self._timeline = Timeline(self._judge)
        self._frames = self._tape.frames(at - WARM_UP_S)
        self._ahead = None
        self._cursor = -1
        self._forward(at)
        if self._cursor < 0:
            self._forward_one()

    def _show(self, note: str = "") -> None:
        if self._publish is None or self._cursor < 0:
            return
        snapshot = self._timeline.snapshot(self._cursor)
        ended = self._ended
        mode = Mode.ENDED if ended else Mode.PLAYING if self._playing else Mode.PAUSED
        self._shown = Shown(
            snapshot=snapshot,
            mode=mode,
            behind_s=max(0.0, self._span[1] - snapshot.at),
            speed=self._speed,
            oldest_at=self._span[0],
            newest_at=self._span[1],
            note=note or ("the tape is cut: it ends here" if ended and self._tape.cut else ""),
        )
        self._publish(self._shown)

    def _tell_end(self, failure: BaseException) -> None:
        if self._publish is not None and self._shown is not None:
            self._publish(msgspec.structs.replace(self._shown, note=f"the replay ended: {failure}; q quits"))
