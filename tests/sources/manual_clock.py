"""A clock that goes when it is told to."""

from __future__ import annotations


class ManualClock:
    def __init__(self, mono: float = 1000.0) -> None:
        self.now = mono

    def wall(self) -> float:
        return 1_700_000_000.0 + self.now

    def mono(self) -> float:
        return self.now
