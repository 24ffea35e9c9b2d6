"""Where a load test's throughput stops to grow with its users, and where its times begin to: the knees of two broken lines.

A level of users is told by the median of its blocks of 10 s, so that one bad block bends nothing. A line that breaks once is
laid through the levels, and the break counts only where it is real: it explains what a straight line can't, the rate falls
behind by more than the noise, and there are levels on both sides of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from perftui.history.load_block import Block, Level
from perftui.history.middle import median
from perftui.history.words import counted, number, people

LEAST_LEVELS = 5
"""Ours: two on each side of a break, and one that could refute it."""
FLATTER = 0.5
"""Ours: beyond a knee a user adds at most half of what one added before it."""
BEHIND = 0.15
"""Ours: with the most users the rate is at least so much below the line …"""
BEHIND_NOISE = 4.0
"""… and so many times what the levels stray from it."""
EXPLAINS = 0.5
"""Ours: a line that breaks leaves at most so much of the squares that a straight one leaves."""
LINEAR = 0.9
"""Ours: within a tenth of the line the rate still follows the users."""
SLOWER = 1.5
"""Ours: with the most users a request takes at least so many times what it took before the break."""
SATURATED = 1.3
"""Ours: a rate that never grew beyond this, with twice the users and more, was as high as it gets from the beginning."""
_MOST_WEIGHT = 6


class Knee(msgspec.Struct, frozen=True, kw_only=True):
    """What throughput against users says."""

    state: str
    """found | none (it grew to the end) | flat (it never grew) | too_little (nothing can be told)"""
    says: str
    users: float | None = None
    """At the break."""
    requests_per_s: float | None = None
    """At the break."""
    linear_users: float | None = None
    """The highest level, below the knee, up to which the rate stayed within a tenth of the line."""
    per_user_per_s: float | None = None
    """What a user adds before the break."""
    peak_users: float | None = None
    """Of the highest level."""
    peak_requests_per_s: float | None = None
    """Its rate."""
    efficiency_ratio: float | None = None
    """Rate at the highest level over what the line says there."""
    limited_by: str | None = None
    """system: beyond the break requests take longer. generator: they don't, so its users wait within the generator."""


class Bend(NamedTuple):
    """A line from the origin that breaks once, with its slopes before and beyond the break."""

    at: float
    first: float
    second: float
    squares: float

    def value(self, x: float) -> float:
        return self.first * min(x, self.at) + self.second * max(0.0, x - self.at)


def knee(levels: Sequence[Level]) -> Knee:
    """The knee of throughput against users; says why where none can be told."""
    if len(levels) < LEAST_LEVELS:
        least = f"at least {LEAST_LEVELS} are needed"
        return Knee(state="too_little", says=f"{counted(len(levels), 'level')} of users seen; {least}")
    top, lowest = levels[-1], levels[0]
    highest = max(level.requests_per_s for level in levels)
    if highest <= 0:
        return Knee(state="too_little", says="no request ended")
    if highest <= SATURATED * lowest.requests_per_s and top.users >= 2 * lowest.users:
        already = f"{number(lowest.requests_per_s)} requests/s with {people(lowest.users)} users already"
        return Knee(state="flat", says=f"{already}: the knee is there or below")
    bend = _throughput(levels)
    slope = bend.first if bend is not None else median(each.requests_per_s / each.users for each in _lower(levels))
    told = Knee(
        state="none",
        says=f"no knee seen up to {people(top.users)} users",
        linear_users=_linear(levels if bend is None else [each for each in levels if each.users <= bend.at], slope),
        per_user_per_s=slope,
        peak_users=top.users,
        peak_requests_per_s=top.requests_per_s,
        efficiency_ratio=top.requests_per_s / (slope * top.users) if slope > 0 else None,
    )
    if bend is None:
        return told
    rate = bend.value(bend.at)
    return msgspec.structs.replace(
        told,
        state="found",
        says=f"knee at {people(bend.at)} users, {number(rate)} requests/s",
        users=bend.at,
        requests_per_s=rate,
        limited_by=limited_by(levels, bend.at),
    )


def latency_knee(levels: Sequence[Level], time: Callable[[Level], float | None]) -> float | None:
    """From how many users on requests take longer and longer; None where no such break is seen."""
    points = [
        (level.users, seconds, _weight(level))
        for level in levels
        if (seconds := time(level)) is not None and seconds > 0
    ]
    if len(points) < LEAST_LEVELS:
        return None
    found = _best(points, _level_first)
    if found is None or found.squares > EXPLAINS * _straight(points):
        return None
    at, base, rise, _ = found
    grew = base > 0 and base + rise * (points[-1][0] - at) >= SLOWER * base
    return at if grew and rise > 0 else None


def limited_by(levels: Sequence[Level], users: float) -> str | None:
    """Who keeps the users beyond a knee waiting, by Little's law: users = rate x (time of a request + time between two).

    Where the rate stands still while users are added, one of the two times grows. Is it that between two requests, they are
    never sent: a generator at its limit. None where the tool tells no mean time.
    """
    before = [each for each in levels if each.users <= users and each.idle_s is not None]
    beyond = [each for each in levels if each.users > users and each.idle_s is not None]
    if not before or not beyond:
        return None
    top = beyond[-1]
    slower = (top.mean_s or 0.0) - median(each.mean_s or 0.0 for each in before)
    idler = (top.idle_s or 0.0) - median(each.idle_s or 0.0 for each in before)
    return "generator" if idler > max(0.0, slower) else "system"


def reached_at(blocks: Sequence[Block], users: float) -> float | None:
    """Wall clock when so many users were there for the first time."""
    return next((block.at for block in blocks if block.users is not None and block.users >= users), None)


def _throughput(levels: Sequence[Level]) -> Bend | None:
    points = [(level.users, level.requests_per_s, _weight(level)) for level in levels]
    found = _best(points, _from_origin)
    if found is None or found.first <= 0 or found.second > FLATTER * found.first:
        return None
    top = points[-1][0]
    behind = 1 - found.value(top) / (found.first * top)
    noise = 1.48 * median(abs(y / found.value(x) - 1) if found.value(x) > 0 else 0.0 for x, y, _ in points)
    real = behind >= max(BEHIND, BEHIND_NOISE * noise) and found.squares <= EXPLAINS * _straight(points)
    return found if real else None


class _Sums(NamedTuple):
    """Weighted sums over points: of 1, x, x squared, y, xy."""

    n: float = 0.0
    x: float = 0.0
    xx: float = 0.0
    y: float = 0.0
    xy: float = 0.0

    def plus(self, x: float, y: float, w: float) -> _Sums:
        return _Sums(self.n + w, self.x + w * x, self.xx + w * x * x, self.y + w * y, self.xy + w * x * y)

    def minus(self, other: _Sums) -> _Sums:
        return _Sums(*(ours - theirs for ours, theirs in zip(self, other, strict=True)))


Points = Sequence[tuple[float, float, float]]
"""(x, y, weight) by x."""
Normal = tuple[float, float, float, float, float]
"""Sums of f f, f g, g g, f y, g y: what y = a f + b g is solved by."""
Shape = Callable[[float, _Sums, _Sums], Normal]
"""(where it breaks, sums up to there, sums beyond)"""


def _from_origin(at: float, low: _Sums, high: _Sums) -> Normal:
    """y = a min(x, at) + b max(0, x - at)"""
    gg, gy = high.xx - 2 * at * high.x + at * at * high.n, high.xy - at * high.y
    return low.xx + at * at * high.n, at * (high.x - at * high.n), gg, low.xy + at * high.y, gy


def _level_first(at: float, low: _Sums, high: _Sums) -> Normal:
    """y = a + b max(0, x - at)"""
    gg, gy = high.xx - 2 * at * high.x + at * at * high.n, high.xy - at * high.y
    return low.n + high.n, high.x - at * high.n, gg, low.y + high.y, gy


def _best(points: Points, shape: Shape) -> Bend | None:
    """The break that leaves the least squares, with at least two points on either side."""
    whole = [_Sums()]
    for point in points:
        whole.append(whole[-1].plus(*point))
    squares = sum(w * y * y for _, y, w in points)
    xs = [x for x, _, _ in points]
    best: Bend | None = None
    for place in range(1, len(xs) - 2):
        for at in (xs[place], (xs[place] + xs[place + 1]) / 2)[: 2 if place < len(xs) - 3 else 1]:
            low = whole[place + 1]
            fit = _solved(shape(at, low, whole[-1].minus(low)), squares)
            if fit is not None and (best is None or fit[2] < best.squares):
                best = Bend(at, *fit)
    return best


def _straight(points: Points) -> float:
    """The weighted squares that a straight line leaves."""
    sums = _Sums()
    for point in points:
        sums = sums.plus(*point)
    fit = _solved((sums.n, sums.x, sums.xx, sums.y, sums.xy), sum(w * y * y for _, y, w in points))
    return fit[2] if fit is not None else 0.0


def _solved(normal: Normal, squares: float) -> tuple[float, float, float] | None:
    """(a, b, squares that are left); None where the two can't be told apart."""
    ff, fg, gg, fy, gy = normal
    whole = ff * gg - fg * fg
    if whole <= 1e-12 * ff * gg:
        return None
    a, b = (fy * gg - gy * fg) / whole, (gy * ff - fy * fg) / whole
    return a, b, max(0.0, squares - a * fy - b * gy)


def _weight(level: Level) -> float:
    return float(min(level.blocks, _MOST_WEIGHT))


def _lower(levels: Sequence[Level]) -> Sequence[Level]:
    return levels[: (len(levels) + 1) // 2]


def _linear(levels: Sequence[Level], slope: float) -> float | None:
    """The last of the levels from the lowest on that keep up with the line."""
    reached = None
    for level in levels:
        if level.requests_per_s < LINEAR * slope * level.users:
            break
        reached = level.users
    return reached
