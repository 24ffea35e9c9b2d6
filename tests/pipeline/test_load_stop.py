"""Ending a load test for the operator: its command, and whether its results end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from perftui.pipeline.actions import Reply, StopLoad, Stopped
from perftui.pipeline.load_stop import MARK, LoadStop
from perftui.pipeline.snapshot import Snapshot
from tests.loads import Second, watched

GOES_ON = watched([Second()] * 30)
ENDED = watched([Second()] * 30 + [Second(age_s=6.0)])


class Here:
    """What the stop reaches, all in this loop."""

    def __init__(self, seen: list[Snapshot | None], ran: Stopped | Exception) -> None:
        self.seen, self.ran = seen, ran
        self.marks: list[str] = []
        self.logged: list[tuple[str, str]] = []

    async def run(self) -> Stopped:
        if isinstance(self.ran, Exception):
            raise self.ran
        return self.ran

    def newest(self) -> Snapshot | None:
        return self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]

    async def stopped(self) -> Stopped:
        def call(action: Callable[[], None]) -> None:
            action()

        stop = LoadStop(
            "kill 42",
            self.run,
            newest=self.newest,
            call=call,
            mark=self.marks.append,
            log=lambda request, outcome: self.logged.append((request.command, outcome)),
            ends_s=1.0,
        )
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        stop.ask(StopLoad(command=stop.command), answer.set_result)
        reply = await asyncio.wait_for(answer, 5)
        assert isinstance(reply.answer, Stopped)
        assert self.logged == [("kill 42", reply.answer.words)]
        return reply.answer


WELL = Stopped(worked=True, words="ran kill 42: exit code 0")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([GOES_ON, ENDED], Stopped(worked=True, words="ran kill 42: exit code 0; its results have ended")),
        ([GOES_ON], Stopped(worked=False, words="ran kill 42: exit code 0, but results still come after 1 s")),
        ([None], Stopped(worked=True, words="ran kill 42: exit code 0; its results have ended")),
    ],
    ids=["ends", "goes on", "nothing is read"],
)
async def test_it_is_looked_whether_the_results_end(seen: list[Snapshot | None], expected: Stopped) -> None:
    here = Here(seen, WELL)

    assert await here.stopped() == expected
    assert here.marks == [MARK]


@pytest.mark.parametrize(
    ("ran", "words"),
    [
        (Stopped(worked=False, words="ran kill 42: exit code 1: no such process"), "no such process"),
        (RuntimeError("oops"), "internal: RuntimeError: oops"),
    ],
)
async def test_a_command_that_fails_is_told_at_once(ran: Stopped | Exception, words: str) -> None:
    here = Here([GOES_ON], ran)
    answer = await here.stopped()

    assert not answer.worked
    assert words in answer.words
    assert here.marks == []
