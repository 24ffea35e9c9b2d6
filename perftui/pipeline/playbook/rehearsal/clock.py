"""An event loop whose clock jumps to whatever comes next, so that minutes of waiting take milliseconds."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class NothingLeft(RuntimeError):
    """Everybody waits for something that never comes."""


class _Skipping(selectors.DefaultSelector):
    """Instead of waiting for so long, lets so much time have passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise NothingLeft("the run waits for something that never comes")
            self.now += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """Nothing in it may wait for another thread or for the outside: the clock would run away from it."""

    def __init__(self) -> None:
        self._clock = _Skipping()
        super().__init__(self._clock)

    def time(self) -> float:
        """Seconds of the clock that jumps, from 0."""
        return self._clock.now


def run_jumping(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end, however long that is by its own clock."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work)
