"""One number per tick, oldest first, appended by the pipeline and read by everybody without a lock.

A reader holds an end index; what is appended behind it does not concern it. A block that is full and trimming replace all
that a series holds in one assignment, so a reader sees either what was before or what is after.
"""

from __future__ import annotations

from array import array
from math import inf, nan
from typing import NamedTuple, TypeAlias

BLOCK = 256
"""Ticks that are kept together once they are complete."""
FEW = 64
"""With so many different values a block takes two thirds of what one number a tick takes, with four of them a third."""


class _Few(NamedTuple):
    """A block in which a reading had few different values: many are sampled every few seconds, or count something small."""

    values: array[float]
    places: bytes
    """Of each tick's value among them."""


Block: TypeAlias = "float | _Few | array[float]"
"""One number where nothing moved, as most readings do for minutes."""


class Series:
    """Values of one reading by tick index; NaN stands for "not known"."""

    __slots__ = ("data",)

    def __init__(self, base: int) -> None:
        self.data: tuple[int, tuple[Block, ...], array[float]] = (base, (), array("f"))

    def put(self, index: int, value: float) -> None:
        """Set the value of tick `index`, which is not before the last one; ticks in between are NaN."""
        base, blocks, newest = self.data
        for each in (*[nan] * (index - base - len(blocks) * BLOCK - len(newest)), value):
            newest.append(each)
            if len(newest) == BLOCK:
                blocks, newest = (*blocks, _packed(newest)), array("f")
                self.data = base, blocks, newest

    def slice(self, start: int, end: int, step: int = 1) -> list[float]:
        """Values of each `step`th tick of start ≤ i < end, one each; NaN where there is none."""
        base, blocks, newest = self.data
        count = len(range(start, end, step))
        found = [nan] * min(count, max(0, -((start - base) // step)))
        place, last = start + len(found) * step - base, end - base
        while place < last and (number := place // BLOCK) < len(blocks):
            begin, block = number * BLOCK, blocks[number]
            ticks = range(place - begin, min(last - begin, BLOCK), step)
            found += _unpacked(block, ticks)
            place += len(ticks) * step
        begin = len(blocks) * BLOCK
        found += newest[max(0, place - begin) : max(0, last - begin) : step].tolist()
        return found + [nan] * (count - len(found))

    def trim(self, start: int) -> bool:
        """Forget whole blocks before tick `start`; False when nothing at or after it is left."""
        base, blocks, newest = self.data
        gone = min(len(blocks), (start - base) // BLOCK)
        if gone > 0:
            self.data = (base + gone * BLOCK, blocks[gone:], newest)
        return self.end() > start

    def __len__(self) -> int:
        """Ticks from its first to its last value."""
        _, blocks, newest = self.data
        return len(blocks) * BLOCK + len(newest)

    def end(self) -> int:
        """Index after its last value."""
        return self.data[0] + len(self)


def _packed(values: array[float]) -> Block:
    """As small as they can be kept without a change to any."""
    words = memoryview(values).cast("B").cast("I").tolist()  # NaN is not equal to itself, its bits are
    different = dict(zip(words, values, strict=True))
    if len(different) == 1:
        return values[0]
    if len(different) > FEW:
        return values
    place_of = {word: place for place, word in enumerate(different)}
    return _Few(array("f", different.values()), bytes([place_of[word] for word in words]))


def _unpacked(block: Block, ticks: range) -> list[float]:
    if isinstance(block, float):
        return [block] * len(ticks)
    if isinstance(block, _Few):
        values = block.values
        return [values[place] for place in block.places[ticks.start : ticks.stop : ticks.step]]
    return block[ticks.start : ticks.stop : ticks.step].tolist()


class Axis:
    """The time of each tick: wall clock for people, monotonic clock for windows (both 64 bit)."""

    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data: tuple[int, array[float], array[float]] = (0, array("d"), array("d"))

    def put(self, at: float, mono: float) -> int:
        """Append a tick and return its index."""
        base, walls, monos = self.data
        walls.append(at)
        monos.append(mono)
        return base + len(monos) - 1

    def at(self, index: int) -> float:
        base, walls, _ = self.data
        return walls[max(0, index - base)]

    def mono(self, index: int) -> float:
        base, _, monos = self.data
        return monos[max(0, index - base)]

    def walls(self, start: int, end: int, step: int = 1) -> list[float]:
        base, walls, _ = self.data
        return walls[max(0, start - base) : end - base : step].tolist()

    def monos(self, start: int, end: int, step: int = 1) -> list[float]:
        base, _, monos = self.data
        return monos[max(0, start - base) : end - base : step].tolist()

    def first(self) -> int:
        """Index of the oldest tick kept."""
        return self.data[0]

    def end(self) -> int:
        """Index after the newest tick."""
        return self.data[0] + len(self.data[2])

    def newest_mono(self) -> float:
        """Of the newest tick; minus infinity before there is one."""
        return self.data[2][-1] if self.data[2] else -inf

    def find(self, mono: float, end: int) -> int:
        """Index of the first tick before `end` that is not older than `mono`; `end` when there is none."""
        base, _, monos = self.data
        low, high = 0, end - base
        while low < high:
            middle = (low + high) // 2
            if monos[middle] < mono:
                low = middle + 1
            else:
                high = middle
        return base + low

    def find_wall(self, at: float, end: int) -> int:
        """Index of the last tick before `end` whose wall clock is not after `at`; the oldest when all are later."""
        base, walls, _ = self.data
        for index in range(end - base - 1, -1, -1):
            if walls[index] <= at:
                return base + index
        return base

    def trim(self, start: int) -> None:
        base, walls, monos = self.data
        if start > base:
            self.data = (start, walls[start - base :], monos[start - base :])
