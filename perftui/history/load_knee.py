"""The knee of the load test that is being watched, looked for in an hour of its course: once in 10 s, in a long one in 30 s."""

from __future__ import annotations

from collections.abc import Hashable
from math import isnan

from perftui.history.history import History, Trend
from perftui.history.knee import Knee, knee, reached_at
from perftui.history.load_block import BLOCK_S, Block, levels
from perftui.sources.kind import Part
from perftui.sources.load import LoadPart

LONG_S = 900.0
"""Ours: a course of more than so long …"""
LONG_EVERY = 3
"""… is looked at after each third block: an hour's takes 2 ms."""
_RATE, _USERS, _MEAN = "load.requests_per_s", "load.users", "load.mean_s"


class LoadKneePart(Part, frozen=True, kw_only=True):
    concurrency: float | None
    """Requests under way at a time, by Little's law: requests/s x mean time. Far below the users, they think or are not sent."""
    knee_users: float | None
    """Users beyond which requests/s hardly grew any more; null while no such knee is seen."""
    knee_requests_per_s: float | None
    """Requests/s at that knee."""
    knee_at: float | None
    """When so many users were there for the first time."""
    knee_limit: str | None
    """system: beyond the knee requests take longer. generator: they don't, its users wait within the generator."""
    knee_says: str
    """The knee in words, or why none is told."""


def load_knee(history: History) -> LoadKneePart | None:
    """The knee so far; None where no load test is watched."""
    part = history.latest(LoadPart)
    if part is None:
        return None
    found, at = _LAST.knee(history)
    # Some tools tell it not at every tick.
    mean_s = part.mean_s if part.mean_s is not None else history.window(_MEAN, BLOCK_S).mean
    busy = None if part.requests_per_s is None or mean_s is None else part.requests_per_s * mean_s
    return LoadKneePart(
        concurrency=busy,
        knee_users=found.users,
        knee_requests_per_s=found.requests_per_s,
        knee_at=at,
        knee_limit=found.limited_by,
        knee_says=found.says,
    )


class _Last:
    """The last answer, which holds until there is more to look at."""

    def __init__(self) -> None:
        # One assignment sets both: the console and who looks back in it ask from two threads.
        self._answered: tuple[Hashable, tuple[Knee, float | None]] = (None, (knee([]), None))

    def knee(self, history: History) -> tuple[Knee, float | None]:
        """(the knee, wall clock when its users were reached)"""
        step = history.ticks_in(BLOCK_S)
        if history.span_s > LONG_S:
            history = history.back(history.end % (step * LONG_EVERY))
        runs = history.same_runs(step)
        known, answer = self._answered
        if runs != known:
            course = _blocks(history, step)
            found = knee(levels(course))
            answer = found, None if found.users is None else reached_at(course, found.users)
            self._answered = runs, answer
        return answer


_LAST = _Last()


def _blocks(history: History, step: int) -> list[Block]:
    course = []
    walls, rates = history.each(_RATE, step)
    for at, rate, *both in zip(walls, rates, history.runs(_USERS, step), history.runs(_MEAN, step), strict=True):
        users, means = map(_known, both)
        if users and not isnan(rate):
            course.append(
                Block(
                    at=at,
                    users=sum(users) / len(users),
                    moved=max(users) - min(users),
                    requests_per_s=rate,
                    mean_s=sum(means) / len(means) if means else None,
                )
            )
    return course[1:]  # the test may have begun within the first one


def _known(values: list[float]) -> list[float]:
    return [value for value in values if not isnan(value)] if isnan(sum(values)) else values


TREND = Trend(part=LoadKneePart, root="load", read=load_knee)
