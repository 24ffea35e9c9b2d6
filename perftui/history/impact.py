"""Did a change move a metric? Before against after, measured by the series' own noise.

One host has no canary, only the same autocorrelated series before and after. A test that takes its seconds for independent
finds a change in noise most of the time; so the shift is ranked among the shifts at every earlier moment when nothing was
changed (docs/decisions tells how often that errs). It never says "caused by".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from math import ceil, exp, isnan, log
from typing import NamedTuple

import msgspec

from perftui.history.middle import median

BLOCK_S = 30.0
SETTLE_S = 60.0
"""After a change nothing is measured for so long: restarts, cold caches."""
LEAST_BLOCKS = 8
LEAST_PLACEBOS = 40
"""With fewer moments to compare with the evidence is weak."""
EFFECT = 0.20
"""S001 and S002: a change of 20 % is a regression."""
MARGIN = 1.35
"""How far a shift must lie beyond the largest one without a change. An hour holds few moments that are independent of each
other, so that a rank alone errs too often where noise is slow."""
AROUND_S = 900.0
EARLIEST_S, LATEST_S = 60.0, 300.0
"""The series' own turning point must lie between so long before the change's start and so long after its end."""
_KNOWN = 0.5
"""Share of a block's ticks that must be known."""
_SETTLE_BLOCKS = int(SETTLE_S / BLOCK_S)


class Impact(StrEnum):
    SHIFTED = "shifted"
    NO_CLEAR_SHIFT = "no clear shift"
    UNKNOWN = "unknown"


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """What one metric did around one change. Ratios are after / before - 1."""

    impact: Impact
    why: str
    """In words: what spoke for it, or what was missing."""
    ratio: float | None = None
    before: float | None = None
    """Median of the blocks before, in the metric's unit."""
    after: float | None = None
    before_blocks: int = 0
    after_blocks: int = 0
    p: float | None = None
    """Rank of the shift among those of the moments without a change: the smallest it can be is 1 / (1 + placebos)."""
    placebos: int = 0
    turned_at: float | None = None
    """Wall clock of the series' own turning point within a quarter of an hour around the change."""

    @property
    def weak(self) -> bool:
        """Whether too few moments were seen to trust the rank."""
        return self.placebos < LEAST_PLACEBOS


class Change(msgspec.Struct, frozen=True):
    """When something was changed; wall clock."""

    start: float
    end: float


class Windows(msgspec.Struct, frozen=True):
    """How much of each side is looked at, in blocks: ten minutes."""

    before: int = 20
    after: int = 20

    @classmethod
    def of(cls, before_s: float, after_s: float) -> Windows:
        """At least as much as a shift needs."""
        return cls(max(LEAST_BLOCKS, int(before_s / BLOCK_S)), max(LEAST_BLOCKS, int(after_s / BLOCK_S)))


TEN_MINUTES = Windows()


@lru_cache(maxsize=256)
def shift(
    walls: tuple[float, ...],
    values: tuple[float, ...],
    change: Change,
    others: tuple[Change, ...],
    floor: float,
    alpha: float,
    windows: Windows = TEN_MINUTES,
) -> Shift:
    """Compare a metric before and after a change.

    The result is the same until another block of 30 s is full, so the series is to be given up to the last full one:
    `full_blocks` cuts it, and this function remembers.

    Args:
        walls: moments, oldest first.
        values: one for each; NaN where not known.
        others: all other changes; no moment with one of them inside its windows is compared with.
        floor: in the metric's unit; what is smaller is noise, and two values below it are alike.
        alpha: the rank that counts as a shift, already divided among the metrics looked at.
    """
    grid = _Grid(walls, values, change, windows)
    before, after = grid.before(0), grid.after
    counts = {"before_blocks": len(before), "after_blocks": len(after)}
    if min(len(before), len(after)) < LEAST_BLOCKS:
        side = "before" if len(before) < len(after) else "after"
        seen = min(len(before), len(after)) * BLOCK_S / 60
        least = LEAST_BLOCKS * BLOCK_S / 60
        return Shift(
            impact=Impact.UNKNOWN, why=f"only {seen:g} min {side} it are known; {least:g} are needed", **counts
        )
    inside = next((other for other in others if _overlaps(other, change.start, walls[-1])), None)
    after, placebos = _comparable(grid, others, floor, alpha)
    counts["after_blocks"] = len(after)
    moved = _moved(before, after, floor)
    p = (1 + sum(abs(placebo) >= abs(moved) for placebo in placebos)) / (1 + len(placebos))
    turned_at = _turning_point(walls, values, change)
    found = Shift(
        impact=Impact.NO_CLEAR_SHIFT,
        why="",
        ratio=exp(moved) - 1,
        before=median(before),
        after=median(after),
        p=p,
        placebos=len(placebos),
        turned_at=turned_at,
        **counts,
    )
    largest = max((abs(placebo) for placebo in placebos), default=0.0)
    stands_out = abs(moved) > MARGIN * largest
    impact, why = _judged(found, before, after, floor, change, alpha, stands_out)
    if impact is Impact.SHIFTED and inside is not None:
        impact, why = Impact.UNKNOWN, "something else was changed after it, so the two can't be told apart"
    return msgspec.structs.replace(found, impact=impact, why=why)


def _comparable(grid: _Grid, others: Sequence[Change], floor: float, alpha: float) -> tuple[list[float], list[float]]:
    """As much of the time after the change as leaves enough moments to rank it among; all of it where none does.

    The longer the windows, the fewer fit beside the change: without this a shift that was told would be unknown again some
    minutes later.
    """
    for blocks in range(len(grid.after), LEAST_BLOCKS - 1, -1):
        placebos = grid.placebos(blocks, others, floor, _least_placebos(alpha))
        if len(placebos) >= _least_placebos(alpha):
            return grid.after[:blocks], placebos
    return grid.after, grid.placebos(len(grid.after), others, floor, _least_placebos(alpha))


def _least_placebos(alpha: float) -> int:
    """With fewer the smallest rank that there can be is above alpha."""
    return ceil(1 / alpha - 1)


def full_blocks(
    walls: Sequence[float], values: Sequence[float], end: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The series up to the last block of 30 s after a change's end that is full."""
    if not walls or walls[-1] < end:
        return tuple(walls), tuple(values)
    last = end + (walls[-1] - end) // BLOCK_S * BLOCK_S
    cut = bisect_left(walls, last)
    return tuple(walls[:cut]), tuple(values[:cut])


def _judged(
    found: Shift,
    before: Sequence[float],
    after: Sequence[float],
    floor: float,
    change: Change,
    alpha: float,
    stands_out: bool,
) -> tuple[Impact, str]:
    """Effect, rank, persistence and timing: all four, or no shift."""
    ratio, p, turned_at = found.ratio or 0.0, found.p or 1.0, found.turned_at
    if not _large(ratio):
        return Impact.NO_CLEAR_SHIFT, f"less than {EFFECT:.0%} either way"
    if found.placebos < _least_placebos(alpha):
        return Impact.UNKNOWN, f"only {found.placebos} other moments to compare with"
    if p > alpha or not stands_out:
        return Impact.NO_CLEAR_SHIFT, f"it moved as much without a change (rank {p:.2f})"
    later = _moved(before, after[len(after) // 2 :], floor)
    if not _large(exp(later) - 1) or (later > 0) != (ratio > 0):
        return Impact.NO_CLEAR_SHIFT, "it has gone back since"
    if turned_at is not None and turned_at < change.start - EARLIEST_S:
        return Impact.NO_CLEAR_SHIFT, f"it began {(change.start - turned_at) / 60:.0f} min before the change"
    if turned_at is not None and turned_at > change.end + LATEST_S:
        return Impact.NO_CLEAR_SHIFT, f"it began {(turned_at - change.end) / 60:.0f} min after the change"
    return Impact.SHIFTED, f"larger than at {found.placebos} moments without a change (rank {p:.2f})"


def _large(ratio: float) -> bool:
    """At least the effect, up or down by the same factor."""
    return ratio >= EFFECT or ratio <= 1 / (1 + EFFECT) - 1


def _moved(before: Sequence[float], after: Sequence[float], floor: float) -> float:
    return log(max(median(after), floor) / max(median(before), floor))


def _overlaps(other: Change, start: float, end: float) -> bool:
    return other.start < end and other.end > start


class _Moment(NamedTuple):
    """A moment without a change, and the known blocks on its two sides."""

    at: float
    before: list[float]
    after: list[float]


class _Grid:
    """The series as medians of blocks: those before a change counted backwards from it, those after it forwards."""

    def __init__(self, walls: Sequence[float], values: Sequence[float], change: Change, windows: Windows) -> None:
        self._change, self._windows = change, windows
        first_after = change.end + SETTLE_S
        cut, begin = bisect_left(walls, change.start), bisect_left(walls, first_after)
        tick_s = (walls[-1] - walls[0]) / (len(walls) - 1) if len(walls) > 1 else 1.0
        least = max(1, int(BLOCK_S / max(tick_s, 0.001) * _KNOWN))
        self._blocks = _medians([change.start - wall for wall in walls[:cut]], values[:cut], least)
        self._later = _medians([wall - first_after for wall in walls[begin:]], values[begin:], least)
        self.after = _known(self._later[: windows.after])

    def before(self, place: int) -> list[float]:
        """The window that ends `place` blocks before the change."""
        return _known(self._blocks[place : place + self._windows.before])

    def placebos(self, after_blocks: int, others: Sequence[Change], floor: float, least: int) -> list[float]:
        """The shift at every earlier moment whose windows lie before the change and hold no other.

        Where those are fewer than `least`, the moments whose windows lie after the change count as well: they too are
        without one, and the hour that is kept holds ever less of the time before.
        """
        moved = self._moves(self._earlier(after_blocks), after_blocks, others, floor)
        if len(moved) < least:
            moved += self._moves(self._later_on(after_blocks), after_blocks, others, floor)
        return moved

    def _earlier(self, after_blocks: int) -> Iterator[_Moment]:
        for place in range(_SETTLE_BLOCKS + after_blocks, len(self._blocks)):
            stop = place - _SETTLE_BLOCKS
            after = _known(self._blocks[stop - after_blocks : stop])
            yield _Moment(self._change.start - place * BLOCK_S, self.before(place), after)

    def _later_on(self, after_blocks: int) -> Iterator[_Moment]:
        for place in range(LEAST_BLOCKS, len(self._later) - _SETTLE_BLOCKS - after_blocks + 1):
            begin = place + _SETTLE_BLOCKS
            before = _known(self._later[max(0, place - self._windows.before) : place])
            after = _known(self._later[begin : begin + after_blocks])
            yield _Moment(self._change.end + SETTLE_S + place * BLOCK_S, before, after)

    @staticmethod
    def _moves(moments: Iterable[_Moment], after_blocks: int, others: Sequence[Change], floor: float) -> list[float]:
        moved = []
        for moment in moments:
            begin = moment.at - len(moment.before) * BLOCK_S
            end = moment.at + SETTLE_S + after_blocks * BLOCK_S
            enough = min(len(moment.before), len(moment.after)) >= LEAST_BLOCKS
            if enough and not any(_overlaps(other, begin, end) for other in others):
                moved.append(_moved(moment.before, moment.after, floor))
        return moved


def _known(blocks: Sequence[float]) -> list[float]:
    return [value for value in blocks if not isnan(value)]


def _medians(distances: Sequence[float], values: Sequence[float], least: int) -> list[float]:
    """The median of each block by its distance in time; NaN where too little of it is known."""
    blocks: dict[int, list[float]] = {}
    for distance, value in zip(distances, values, strict=True):
        if not isnan(value):
            # A tick exactly at a block's edge belongs to the one that ends there: distances are never negative.
            blocks.setdefault(int(distance // BLOCK_S), []).append(value)
    return [
        median(known) if len(known := blocks.get(place, [])) >= least else float("nan")
        for place in range(max(blocks, default=-1) + 1)
    ]


def _turning_point(walls: Sequence[float], values: Sequence[float], change: Change) -> float | None:
    """Where the cumulated ranks around the change are farthest from even: what lies on its two sides differs most."""
    begin, end = bisect_left(walls, change.start - AROUND_S), bisect_left(walls, change.end + AROUND_S)
    known = [(wall, value) for wall, value in zip(walls[begin:end], values[begin:end], strict=True) if not isnan(value)]
    if len(known) < 2 * LEAST_BLOCKS:
        return None
    ranks = _ranks([value for _, value in known])
    middle = (len(known) + 1) / 2
    total, farthest, place = 0.0, 0.0, 0
    for position, rank in enumerate(ranks):
        total += rank - middle
        if abs(total) > farthest:
            farthest, place = abs(total), position
    return known[min(place + 1, len(known) - 1)][0]


def _ranks(values: Sequence[float]) -> list[float]:
    """1 for the smallest; equal ones share the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in range(start, end):
            ranks[order[place]] = (start + end + 1) / 2
        start = end
    return ranks
