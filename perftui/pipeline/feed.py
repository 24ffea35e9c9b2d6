"""The live feed: each source on its own interval and deadline, one frame per tick on absolute deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from perftui.model.failure import Failed, FailureKind, Overrun, SourceError, Unasked
from perftui.model.frame import Frame, Mark, Sample
from perftui.sources.kind import Source

FIRST_GAP_S = 0.15
"""The second tick follows the first this soon, so that rates are there when the screen opens."""
CONNECTED_S = 0.5
"""A connection that the second tick did not find yet is looked for once more this soon, instead of a second after the start."""
GRACE_S = 0.2
"""How long a tick waits for sources that take their time; who is later comes with a later frame."""

SLOWEST = 8
"""A source whose calls are ended by who is asked is asked less often, at the least at so many times its interval."""


class Clock(Protocol):
    def wall(self) -> float: ...
    def mono(self) -> float: ...
    async def sleep_until(self, mono: float) -> None: ...


class _Call:
    """One source and what it is doing: at most one call at a time, told late once, asked again when it has ended."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.task: asyncio.Task[Sample] | None = None
        self.started = 0.0
        self.due = 0.0
        self.calls = 0
        self.told_late = False
        self.begin = 0.0
        self.slower = 1
        self.unasked = False
        """Its last call found no connection."""

    def start_if_due(self, mono: float, begin: float) -> None:
        # Rates need two samples, so the first two ticks ask everybody; then each stands on its own absolute deadlines.
        if self.task is not None or (self.calls >= 2 and mono < self.due):
            return
        self.started = mono
        self.due = self._due(begin)
        self.begin = begin
        self.calls += 1
        self.told_late = False
        self.task = asyncio.ensure_future(self.source.sample())

    def _due(self, begin: float) -> float:
        interval_s = self.source.interval_s * self.slower
        # A twentieth of slack: a tick that comes a little early must not cost a whole interval.
        return begin + (int((self.started - begin) / interval_s + 0.05) + 0.95) * interval_s

    def collect(self, mono: float) -> Sample | Failed | None:
        """What there is to tell: a sample, a failure, or nothing yet."""
        if self.task is None:
            return None
        if self.task.done():
            task, self.task = self.task, None
            return self._outcome(task)
        if mono - self.started > self.source.deadline_s and not self.told_late:
            self.told_late = True
            waited = mono - self.started
            return Failed(
                kind=FailureKind.TIMED_OUT, detail=f"{self.source.name}: no answer for {waited:.1f} s; still waiting"
            )
        return None

    def _outcome(self, task: asyncio.Task[Sample]) -> Sample | Failed:
        self.unasked = False
        try:
            sample = task.result()
        except Overrun as exc:
            self.slower = min(SLOWEST, self.slower * 2)
            self.due = self._due(self.begin)
            detail = f"{exc.detail}; asked every {self.source.interval_s * self.slower:g} s until it does"
            return Failed(kind=exc.kind, detail=detail)
        except Unasked as exc:
            self.unasked = True
            self.due = (
                self.started
            )  # with the next tick: once there is a connection nobody waits for an interval to end
            return exc.failed()
        except SourceError as exc:
            return exc.failed()
        except asyncio.CancelledError:
            return Failed(kind=FailureKind.INTERNAL, detail="the call was cancelled")
        except Exception as exc:  # one source's fault of ours must not end the others' readings
            return Failed(kind=FailureKind.INTERNAL, detail=f"{type(exc).__name__}: {exc}")
        if self.slower > 1:
            self.slower //= 2
            self.due = self._due(self.begin)
        return sample


class LiveFeed:
    """Frames of live sources, for ever."""

    def __init__(self, sources: Sequence[Source], clock: Clock, interval_s: float = 1.0) -> None:
        self._calls = [_Call(source) for source in sources]
        self._clock = clock
        self._interval_s = interval_s
        self._marks: list[Mark] = []

    def mark(self, text: str) -> None:
        """Put a mark into the next frame."""
        self._marks.append(Mark(at=self._clock.wall(), text=text))

    async def __aiter__(self) -> AsyncIterator[Frame]:
        begin = due = self._clock.mono()
        seq = 0
        while True:
            yield await self._tick(seq, begin)
            seq += 1
            due = self._next(begin, due)
            await self._clock.sleep_until(due)

    def _next(self, begin: float, due: float) -> float:
        """The next absolute deadline; ticks that were missed (a suspend, a stopped process) are skipped, not caught up."""
        if due == begin:
            return begin + min(FIRST_GAP_S, self._interval_s)
        now = self._clock.mono()
        soon = due == begin + FIRST_GAP_S and now < begin + CONNECTED_S < begin + self._interval_s
        if soon and any(call.unasked for call in self._calls):
            return begin + CONNECTED_S
        return begin + (int((now - begin) / self._interval_s + 1e-6) + 1) * self._interval_s

    async def _tick(self, seq: int, begin: float) -> Frame:
        mono = self._clock.mono()
        for call in self._calls:
            call.start_if_due(mono, begin)
        # Who was told late already is not waited for: it must not hold up the others in each tick to come.
        running = [call.task for call in self._calls if call.task is not None and not call.told_late]
        if running:
            await asyncio.wait(running, timeout=min(GRACE_S, self._interval_s / 2))
        samples: dict[str, Sample] = {}
        failed: dict[str, Failed] = {}
        for call in self._calls:
            told = call.collect(self._clock.mono())
            if isinstance(told, Failed):
                failed[call.source.name] = told
            elif told is not None:
                samples[call.source.name] = told
        marks, self._marks = tuple(self._marks), []
        return Frame(seq=seq, at=self._clock.wall(), mono=mono, samples=samples, failed=failed, marks=marks)
