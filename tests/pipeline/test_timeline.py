"""Looking back: the snapshot of a past tick is what was shown then."""

import random
from itertools import pairwise

import msgspec
import pytest

from perftui.findings import RULES
from perftui.history.history import History
from perftui.pipeline.loop import Judge
from perftui.pipeline.ring import BLOCK, FrameRing
from perftui.pipeline.timeline import Timeline
from perftui.sources import BY_NAME
from tests.frames import MACHINE, cpu_frames

JUDGE = Judge(machine=MACHINE, rules=RULES)


def shares(count: int) -> list[float | None]:
    chance = random.Random(7)
    return [None if chance.random() < 0.05 else round(chance.random(), 2) for _ in range(count)]


def shown(history: History) -> object:
    parts = [msgspec.to_builtins(part) for _, part in history.fresh_parts()]
    return parts, history.sources, history.window("host.cpu.busy_ratio", 10).values


def test_every_past_tick_shows_what_was_shown_then() -> None:
    timeline = Timeline(JUDGE)
    live = []
    for each in cpu_frames(shares(150)):
        timeline.push(each)
        live.append(shown(timeline.newest().history))

    assert [shown(timeline.snapshot(index).history) for index in range(len(live))] == live


def test_what_is_too_old_is_dropped_and_the_rest_can_still_be_shown() -> None:
    timeline = Timeline(JUDGE, keep=2 * BLOCK)
    for each in cpu_frames(shares(10 * BLOCK)):
        timeline.push(each)

    assert timeline.last == 10 * BLOCK
    assert 0 < timeline.last - timeline.first <= 4 * BLOCK
    oldest = timeline.snapshot(timeline.first)
    assert oldest.at == timeline.at(timeline.first)


@pytest.mark.parametrize("count", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_the_ring_gives_back_each_frame_it_keeps(count: int) -> None:
    ring = FrameRing(BY_NAME, keep=10 * BLOCK)
    frames = cpu_frames([0.5] * (count - 1))
    for each in frames:
        ring.append(each)

    assert (ring.first, ring.end) == (0, count)
    assert [ring.get(index) for index in range(count)] == frames


def test_a_moment_is_found_by_its_wall_clock() -> None:
    timeline = Timeline(JUDGE)
    for each in cpu_frames([0.5] * 20):
        timeline.push(each)

    assert timeline.find(1005.5) == 5
    assert timeline.find(0) == 0
    assert timeline.find(9999) == 20


def test_a_moment_knows_the_verdicts_up_to_it_each_once() -> None:
    timeline = Timeline(JUDGE)
    busy: list[float | None] = [*[0.1] * 20, *[0.99] * 20, *[0.1] * 20]
    for each in cpu_frames(busy):
        timeline.push(each)
        newest = timeline.newest()

    told = [said.verdict.constraint for said in newest.verdicts]
    assert all(one is not next_one for one, next_one in pairwise(told)), told
    times = [said.at for said in newest.verdicts]
    assert times == sorted(times)
    past = timeline.snapshot(10)
    assert [said.at for said in past.verdicts] == [at for at in times if at <= past.at]
