"""The live feed with sources that answer, fail, hang and come back. The clock is a scripted one: no test waits for seconds."""

import asyncio

import pytest

from perftui.model.failure import Failed, FailureKind, Overrun, SourceError, Unasked
from perftui.model.frame import Frame, Sample
from perftui.pipeline.feed import FIRST_GAP_S, GRACE_S, LiveFeed


class ScriptedClock:
    """Time passes only when the feed sleeps, or when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0
        self.oversleep: list[float] = []

    def wall(self) -> float:
        return 1_000_000 + self.now

    def mono(self) -> float:
        return self.now

    async def sleep_until(self, mono: float) -> None:
        self.now = max(self.now, mono) + (self.oversleep.pop(0) if self.oversleep else 0.0)
        await asyncio.sleep(0)


class Answering:
    """A source whose calls do what the script says: a number is a sample, an exception is raised, an event is waited for."""

    deadline_s = 1.0

    def __init__(self, clock: ScriptedClock, name: str, *script: object, interval_s: float = 1.0) -> None:
        self.name = name
        self.interval_s = interval_s
        self.calls = 0
        self._clock = clock
        self._script = list(script)

    async def sample(self) -> Sample:
        self.calls += 1
        step = self._script.pop(0) if self._script else None
        if isinstance(step, Exception):
            raise step
        if isinstance(step, asyncio.Event):
            await step.wait()
        return Sample(mono=self._clock.mono())


async def first(count: int, feed: LiveFeed) -> list[Frame]:
    frames: list[Frame] = []
    async for frame in feed:
        frames.append(frame)
        if len(frames) == count:
            break
    return frames


async def test_ticks_stand_on_absolute_deadlines_with_an_early_second_one() -> None:
    clock = ScriptedClock()
    frames = await first(5, LiveFeed([Answering(clock, "a")], clock))

    assert [round(f.mono - 100, 3) for f in frames] == [0, FIRST_GAP_S, 1, 2, 3]
    assert all("a" in f.samples for f in frames)


async def test_missed_ticks_are_skipped_not_caught_up() -> None:
    clock = ScriptedClock()
    clock.oversleep = [0.0, 0.0, 3.4]
    frames = await first(6, LiveFeed([Answering(clock, "a")], clock))

    assert [f.mono - 100 for f in frames] == pytest.approx([0, FIRST_GAP_S, 1, 5.4, 6, 7])


async def test_a_slow_interval_is_asked_twice_at_once_and_then_when_due() -> None:
    clock = ScriptedClock()
    slow = Answering(clock, "slow", interval_s=3.0)
    frames = await first(10, LiveFeed([slow], clock))

    assert [place for place, f in enumerate(frames) if "slow" in f.samples] == [0, 1, 4, 7]


async def test_a_failing_source_is_told_and_the_others_go_on() -> None:
    clock = ScriptedClock()
    refused = Answering(clock, "a", SourceError(FailureKind.DENIED, "a: no"), ZeroDivisionError("oh"))
    frames = await first(3, LiveFeed([refused, Answering(clock, "b")], clock))

    assert [f.failed["a"].kind for f in frames[:2]] == [FailureKind.DENIED, FailureKind.INTERNAL]
    assert "a" in frames[2].samples
    assert all("b" in f.samples for f in frames)


async def test_a_source_that_hangs_is_told_once_not_started_again_and_welcome_when_it_is_back() -> None:
    clock = ScriptedClock()
    release = asyncio.Event()
    hanging = Answering(clock, "a", None, release)
    feed = LiveFeed([hanging, Answering(clock, "b")], clock)
    frames: list[Frame] = []
    async for frame in feed:
        frames.append(frame)
        if len(frames) == 5:
            release.set()
        if len(frames) == 8:
            break

    told = [place for place, f in enumerate(frames) if "a" in f.failed]
    assert told == [3], "late once its deadline of 1 s has passed"
    assert frames[3].failed["a"].kind is FailureKind.TIMED_OUT
    assert all("b" in f.samples for f in frames)
    assert [place for place, f in enumerate(frames) if "a" in f.samples] == [0, 5, 6, 7]
    assert hanging.calls == 4


async def test_a_mark_stands_in_the_next_frame_only() -> None:
    clock = ScriptedClock()
    feed = LiveFeed([Answering(clock, "a")], clock)
    frames: list[Frame] = []
    async for frame in feed:
        frames.append(frame)
        if len(frames) == 2:
            feed.mark("load test begins")
        if len(frames) == 4:
            break

    assert [[m.text for m in f.marks] for f in frames] == [[], [], ["load test begins"], []]


@pytest.mark.parametrize("interval_s", [0.1, 0.5])
async def test_the_second_tick_is_never_later_than_the_interval(interval_s: float) -> None:
    clock = ScriptedClock()
    frames = await first(3, LiveFeed([Answering(clock, "a", interval_s=interval_s)], clock, interval_s))

    assert frames[1].mono - frames[0].mono <= interval_s + 1e-9


async def test_who_is_known_to_be_late_no_longer_holds_up_the_others() -> None:
    clock = ScriptedClock()
    feed = LiveFeed([Answering(clock, "a", asyncio.Event()), Answering(clock, "b")], clock, interval_s=1.0)
    loop, waits = asyncio.get_running_loop(), []
    began = loop.time()
    async for frame in feed:
        waits.append(loop.time() - began)
        if len(waits) == 6:
            break
        began = loop.time()

    told = 3
    assert waits[told - 1] >= GRACE_S * 0.9, "until it is late it may still come"
    assert max(waits[told + 1 :]) < GRACE_S / 2, waits
    assert "b" in frame.samples


async def test_who_is_cut_off_is_asked_less_often_until_it_answers() -> None:
    clock = ScriptedClock()
    cut = Overrun(FailureKind.TIMED_OUT, "postgres: canceling statement due to statement timeout")
    slow = Answering(clock, "slow", 1, cut, cut, cut, cut, cut, 1, 1, 1, 1)
    other = Answering(clock, "other")

    frames = await first(50, LiveFeed([slow, other], clock))

    told = [(frame.mono - 100.0, answer) for frame in frames for answer in _answers(frame, "slow")]
    moments = [round(moment) for moment, _ in told]
    assert moments[:10] == [0, 0, 2, 4, 8, 16, 24, 28, 30, 31]
    details = [answer.detail.rpartition("; ")[2] for _, answer in told if isinstance(answer, Failed)]
    assert details == [f"asked every {seconds} s until it does" for seconds in (2, 4, 8, 8, 8)]
    assert all("other" in frame.samples for frame in frames)


async def test_who_had_no_connection_is_asked_with_each_tick_until_there_is_one() -> None:
    clock = ScriptedClock()
    none = Unasked(FailureKind.UNREACHABLE, "postgres: connection refused")
    slow = Answering(clock, "slow", 1, 1, none, none, none, 1, 1, interval_s=5.0)

    frames = await first(17, LiveFeed([slow], clock))

    told = [(round(frame.mono - 100.0), answer) for frame in frames for answer in _answers(frame, "slow")]
    assert [moment for moment, _ in told] == [0, 0, 5, 6, 7, 8, 10, 15]
    assert [moment for moment, answer in told if isinstance(answer, Failed)] == [5, 6, 7]


@pytest.mark.parametrize(("script", "moments"), [((1, 1), [0, 0.15, 1, 2]), (("none", "none", 1), [0, 0.15, 0.5, 1])])
async def test_a_connection_that_takes_a_moment_is_found_before_the_first_second_is_over(
    script: tuple[object, ...], moments: list[float]
) -> None:
    clock = ScriptedClock()
    none = Unasked(FailureKind.UNREACHABLE, "postgres: connecting…")
    source = Answering(clock, "source", *(none if step == "none" else step for step in script))
    host = Answering(clock, "host")

    frames = await first(4, LiveFeed([source, host], clock))

    assert [round(frame.mono - 100.0, 3) for frame in frames] == moments
    assert [frame for frame in frames if "host" not in frame.samples] == [f for f in frames if f.mono - 100.0 == 0.5]
    assert "source" in frames[2].samples


def _answers(frame: Frame, name: str) -> list[Sample | Failed]:
    kept: list[Sample | Failed] = [frame.samples[name]] if name in frame.samples else []
    return [*kept, frame.failed[name]] if name in frame.failed else kept
