"""The course of a load test in blocks of 10 s, and its levels of users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from perftui.history.middle import median
from perftui.model.histogram import Buckets, merged, percentiles
from perftui.sources.load import MIN_FOR_P95, MIN_FOR_P99

BLOCK_S = 10.0
LEVEL_RATIO = 0.05
"""Ours: blocks whose users differ by less are of one level."""
STILL_RATIO = 0.1
"""Ours: within a block of a level users moved by less."""
TOP_RATIO = 0.95
"""Ours: what comes after the last block with so much of the most users is the way down, which makes no knee."""
ENDED_RATIO = 0.9
_NOT_YET = ("warm_up", "ramp_down", "cool_down")
"""Caches are cold, or queues are emptied: these phases tell nothing of how the rate follows the users."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Ten seconds: what the load's window of 10 s held at their end."""

    at: float
    """Wall clock of its end."""
    users: float | None
    """Mean of its ticks."""
    moved: float = 0.0
    """Between the fewest and the most of them."""
    requests_per_s: float
    mean_s: float | None = None
    p95_s: float | None = None
    error_ratio: float | None = None
    phase: str | None = None
    buckets: Buckets = {}
    """Times of its requests; empty of a tool that tells its own percentiles."""
    readings: Mapping[str, float] = {}
    """Mean of each reading that is looked at beside the load, where it is known."""


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """The blocks with about as many users."""

    users: float
    """Median of its blocks."""
    blocks: int
    requests_per_s: float
    """Median of its blocks."""
    mean_s: float | None
    """Mean time of a request, median of its blocks."""
    error_ratio: float | None
    """Mean of its blocks."""
    p50_s: float | None = None
    """Of all its requests together."""
    p95_s: float | None = None
    p99_s: float | None = None
    idle_s: float | None = None
    """Between two requests of a user, by Little's law: users / rate - mean time. Think time, or the generator's own delay."""

    @property
    def concurrency(self) -> float | None:
        """Requests under way at a time, by Little's law: rate x mean time."""
        return None if self.mean_s is None else self.requests_per_s * self.mean_s


def levels(blocks: Sequence[Block]) -> list[Level]:
    """By users, the fewest first. Cold caches, the way down and blocks between two levels are left out."""
    told = [each for each in _till_the_end(blocks) if each.users is not None and each.users > 0]
    most = max((each.users or 0.0 for each in told), default=0.0)
    while told and (told[-1].users or 0.0) < TOP_RATIO * most:
        told.pop()
    told = [each for each in told if each.phase not in _NOT_YET]
    still = [each for each in told if each.moved <= STILL_RATIO * (each.users or 0.0)]
    by_still, by_all = list(_grouped(still)), list(_grouped(told))
    # A ramp has no levels to stand on: each block of it is one.
    return [_level(group) for group in (by_still if 2 * len(by_still) >= len(by_all) else by_all)]


def _till_the_end(blocks: Sequence[Block]) -> Sequence[Block]:
    """Without the last one where its rate fell: the test may have ended within it."""
    ended = len(blocks) > 1 and blocks[-1].requests_per_s < ENDED_RATIO * blocks[-2].requests_per_s
    return blocks[:-1] if ended else blocks


def _grouped(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    group: list[Block] = []
    for block in sorted(blocks, key=lambda each: each.users or 0.0):
        if group and (block.users or 0.0) > (1 + LEVEL_RATIO) * (group[0].users or 0.0):
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _level(group: Sequence[Block]) -> Level:
    users = median(each.users or 0.0 for each in group)
    rate = median(each.requests_per_s for each in group)
    means = [each.mean_s for each in group if each.mean_s is not None]
    errors = [each.error_ratio for each in group if each.error_ratio is not None]
    mean_s = median(means) if means else None
    whole = merged(each.buckets for each in group)
    count = sum(whole.values())
    p50, p95, p99 = percentiles(whole, (0.5, 0.95, 0.99))
    return Level(
        users=users,
        blocks=len(group),
        requests_per_s=rate,
        mean_s=mean_s,
        error_ratio=sum(errors) / len(errors) if errors else None,
        p50_s=p50,
        p95_s=p95 if count >= MIN_FOR_P95 else None,
        p99_s=p99 if count >= MIN_FOR_P99 else None,
        idle_s=None if mean_s is None or rate <= 0 else users / rate - mean_s,
    )
