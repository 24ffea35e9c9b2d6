"""What a load test says as a whole: its knee, its phases, its percentiles and their spread, Little's law, what grew."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import msgspec

from perftui.history.growth import MIN_MEASUREMENTS, GrowthState, growth
from perftui.history.knee import Knee, knee, latency_knee, reached_at
from perftui.history.latency import CV_HIGH, CV_MODERATE, HOCKEY_STICK
from perftui.history.load_block import BLOCK_S, LEVEL_RATIO, Block, Level, levels
from perftui.history.load_course import GROWING
from perftui.history.middle import median
from perftui.history.words import number, people
from perftui.model.histogram import Buckets, mean, merged, middle, percentiles

SHARES = (0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
NEAR = 0.1
"""Ours: requests under way differ from the users by less than they are measured well."""
GREW = 1.5
"""Ours: think time does not grow with the users."""
LEAST = (1, 1, 1, 20, 100, 1000)
"""With fewer requests the highest of them would be the percentile."""


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """Of many requests together; percentiles are at most 1 % off."""

    requests: int
    mean_s: float | None = None
    p50_s: float | None = None
    p75_s: float | None = None
    p90_s: float | None = None
    p95_s: float | None = None
    """None with fewer than 20 requests."""
    p99_s: float | None = None
    """None with fewer than 100 requests."""
    p999_s: float | None = None
    """None with fewer than 1,000 requests."""
    cv_ratio: float | None = None
    """Standard deviation over mean."""
    spread: str = "unknown"
    """low | moderate (CV over 10 %) | high (over 30 %) | unknown"""
    hockey_stick: bool | None = None
    """P99 above twice the P95: a few wait for something that the others don't."""


class PhaseTold(msgspec.Struct, frozen=True, kw_only=True):
    """All blocks of one phase together."""

    phase: str
    seconds: float
    users: tuple[float, float] | None
    """The fewest and the most."""
    requests_per_s: float
    """Mean."""
    error_ratio: float | None
    times: Times


class Grown(msgspec.Struct, frozen=True, kw_only=True):
    """One reading over the steady phase, by halves (S002 35.3.4)."""

    reading: str
    state: GrowthState
    ratio: float | None
    first: float | None
    """Mean of the first half."""
    last: float | None
    """Mean of the second half."""


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """How far a resource went: its highest mean over 10 s."""

    reading: str
    highest: float
    at: float
    users: float | None
    at_knee: float | None
    """Its value in the block in which the knee's users were reached."""


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """Of the blocks of one test."""

    levels: tuple[Level, ...]
    knee: Knee
    knee_at: float | None
    """When the knee's users were there for the first time; wall clock."""
    latency_knee_users: float | None
    """From how many users on the P95 (the mean, where a tool tells no merged P95) rises."""
    times: Times
    phases: tuple[PhaseTold, ...]
    steady_s: float
    """How long the longest stretch of level users was, which growth is looked for in."""
    grown: tuple[Grown, ...]
    peaks: tuple[Peak, ...]
    peak_p95_s: float | None
    """The highest P95 of any 10 s."""
    little: str
    """Little's law at the highest level, in words."""


def load_result(blocks: Sequence[Block]) -> LoadResult:
    """All of it."""
    by_users = levels(blocks)
    found = knee(by_users)
    knee_at = None if found.users is None else reached_at(blocks, found.users)
    told = any(level.p95_s is not None for level in by_users)
    steady = longest_steady(blocks)
    return LoadResult(
        levels=tuple(by_users),
        knee=found,
        knee_at=knee_at,
        latency_knee_users=latency_knee(by_users, lambda level: level.p95_s if told else level.mean_s),
        times=times(merged(block.buckets for block in blocks)),
        phases=tuple(_phases(blocks)),
        steady_s=len(steady) * BLOCK_S,
        grown=tuple(_grown(steady, reading) for reading in (*GROWING, "load.p95_s")),
        peaks=tuple(_peaks(blocks, knee_at)),
        peak_p95_s=max((block.p95_s for block in blocks if block.p95_s is not None), default=None),
        little=little(by_users),
    )


def times(buckets: Buckets) -> Times:
    """Of merged buckets, never of other percentiles."""
    count = sum(buckets.values())
    found = percentiles(buckets, SHARES)
    told = [value if count >= least else None for value, least in zip(found, LEAST, strict=True)]
    p50, p75, p90, p95, p99, p999 = told
    average = mean(buckets)
    cv = None
    if average is not None and count > 1:
        squares = sum(times * (middle(bucket) - average) ** 2 for bucket, times in buckets.items())
        cv = sqrt(squares / (count - 1)) / average
    return Times(
        requests=count,
        mean_s=average,
        p50_s=p50,
        p75_s=p75,
        p90_s=p90,
        p95_s=p95,
        p99_s=p99,
        p999_s=p999,
        cv_ratio=cv,
        spread="unknown" if cv is None else "high" if cv > CV_HIGH else "moderate" if cv > CV_MODERATE else "low",
        hockey_stick=None if p99 is None or p95 is None else p99 > HOCKEY_STICK * p95,
    )


def little(by_users: Sequence[Level]) -> str:
    """users = rate x (time of a request + time between two) at the highest level, and what follows from it."""
    if not by_users:
        return "no level of users was seen"
    top = by_users[-1]
    if top.concurrency is None or top.idle_s is None:
        return "the tool tells no mean time of a request, so that nothing follows from Little's law"
    head = (
        f"{number(top.requests_per_s)}/s x {_ms(top.mean_s or 0.0)} = {number(top.concurrency)} requests under way, "
        f"the tool tells {people(top.users)} users"
    )
    busy = top.concurrency / top.users
    if busy > 1 + NEAR:
        return f"{head}: more than its users, so each sends several at a time, or the users are miscounted"
    if busy >= 1 - NEAR:
        return f"{head}: all of them wait for an answer, none thinks"
    before = [each.idle_s for each in by_users[:-1] if each.idle_s is not None]
    between = f"{head}: {_ms(top.idle_s)} pass between two requests of a user"
    if not before:
        return f"{between}, which is think time or the generator's delay"
    usual = median(before)
    if top.idle_s > GREW * usual:
        return f"{between}, {_ms(usual)} with fewer users: the generator is late"
    return f"{between}, with fewer users as well: think time"


def longest_steady(blocks: Sequence[Block]) -> list[Block]:
    """The longest run of neighbouring blocks in the steady phase with level users."""
    best: list[Block] = []
    run: list[Block] = []
    for block in blocks:
        if not (run and _goes_on(run, block)):
            run = []
        if block.phase == "steady" and block.users is not None:
            run.append(block)
        best = run if len(run) > len(best) else best
    return best


def _goes_on(run: Sequence[Block], block: Block) -> bool:
    level = run[0].users or 0.0
    near = block.users is not None and abs(block.users - level) <= LEVEL_RATIO * level
    return near and block.phase == "steady" and block.at - run[-1].at < 2 * BLOCK_S


def _phases(blocks: Sequence[Block]) -> list[PhaseTold]:
    by_phase: dict[str, list[Block]] = {}
    for block in blocks:
        by_phase.setdefault(block.phase or "not known", []).append(block)
    return [_phase(phase, group) for phase, group in by_phase.items()]


def _phase(phase: str, group: Sequence[Block]) -> PhaseTold:
    users = [block.users for block in group if block.users is not None]
    rate = sum(block.requests_per_s for block in group)
    failing = [block.requests_per_s * block.error_ratio for block in group if block.error_ratio is not None]
    return PhaseTold(
        phase=phase,
        seconds=len(group) * BLOCK_S,
        users=(min(users), max(users)) if users else None,
        requests_per_s=rate / len(group),
        error_ratio=sum(failing) / rate if failing and rate > 0 else None,
        times=times(merged(block.buckets for block in group)),
    )


def _grown(steady: Sequence[Block], reading: str) -> Grown:
    values = [
        value
        for block in steady
        if (value := block.p95_s if reading == "load.p95_s" else block.readings.get(reading)) is not None
    ]
    told, half = growth(values), len(values) // 2
    enough = len(values) >= MIN_MEASUREMENTS
    return Grown(
        reading=reading,
        state=told.state,
        ratio=told.ratio,
        first=sum(values[:half]) / half if enough else None,
        last=sum(values[half:]) / (len(values) - half) if enough else None,
    )


def _peaks(blocks: Sequence[Block], knee_at: float | None) -> list[Peak]:
    at_knee = next((block for block in blocks if block.at == knee_at), None)
    found: list[Peak] = []
    for reading in dict.fromkeys(name for block in blocks for name in block.readings):
        top = max((block for block in blocks if reading in block.readings), key=lambda block: block.readings[reading])
        found.append(
            Peak(
                reading=reading,
                highest=top.readings[reading],
                at=top.at,
                users=top.users,
                at_knee=at_knee.readings.get(reading) if at_knee else None,
            )
        )
    return found


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
