"""One number per tick, oldest first, appended by the pipeline and read by everybody without a lock.

A reader holds an end index; what is appended behind it does not concern it. Trimming replaces the (base, values) pair in
one assignment, so a reader sees either the old pair or the new one.
"""

from __future__ import annotations

from array import array
from math import inf, nan


class Series:
    """Values of one reading by tick index; NaN stands for "not known"."""

    __slots__ = ("data",)

    def __init__(self, base: int) -> None:
        self.data: tuple[int, array[float]] = (base, array("f"))

    def put(self, index: int, value: float) -> None:
        """Set the value of tick `index`, which is not before the last one; ticks in between are NaN."""
        base, values = self.data
        missing = index - base - len(values)
        if missing > 0:
            values.extend([nan] * missing)
        values.append(value)

    def slice(self, start: int, end: int, step: int = 1) -> list[float]:
        """Values of each `step`th tick of start ≤ i < end, one each; NaN where there is none."""
        base, values = self.data
        before = max(0, -((start - base) // step))
        known = values[max(0, start + before * step - base) : max(0, end - base) : step].tolist()
        count = len(range(start, end, step))
        return [nan] * min(before, count) + known + [nan] * (count - before - len(known))

    def trim(self, start: int) -> bool:
        """Forget ticks before `start`; False when nothing is left."""
        base, values = self.data
        if start > base:
            self.data = (start, values[start - base :])
        return len(self.data[1]) > 0

    def __len__(self) -> int:
        """Ticks from its first to its last value."""
        return len(self.data[1])

    def end(self) -> int:
        """Index after its last value."""
        base, values = self.data
        return base + len(values)

    def bytes(self) -> int:
        return self.data[1].itemsize * len(self.data[1])


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
