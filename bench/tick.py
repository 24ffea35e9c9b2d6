"""What one tick of the pipeline costs, by part, in CPU ms a second. Run by `bench.cost` among a crowd.

python -m bench.tick TICKS FILE
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

from bench.alone import COLUMNS, LINES
from perftui.clients.clock import SystemClock
from perftui.commands.sources import host_sources, machine
from perftui.model.frame import Frame, Sample
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.player import Mode, Shown
from perftui.pipeline.ring import FrameRing
from perftui.pipeline.snapshot import Snapshot
from perftui.sources import BY_NAME
from perftui.tui.screen import Painter
from perftui.tui.state import UiState
from perftui.views import PANES

WARM_UP = 2
"""Calls that read what later ones need not read again."""
T = TypeVar("T")


class Meter:
    """CPU time by part; all threads, since some sources work in one of their own."""

    def __init__(self) -> None:
        self.spent_s: dict[str, list[float]] = defaultdict(list)

    def take(self, part: str, work: Callable[[], T]) -> T:
        began = time.process_time()
        result = work()
        self.spent_s[part].append(time.process_time() - began)
        return result

    def usual_ms(self, part: str) -> float:
        spent = self.spent_s[part]
        return median(spent[WARM_UP:] or spent[-1:]) * 1e3


async def costs(ticks: int) -> dict[str, float]:
    """Part → CPU ms a second; a source's call is spread over its interval."""
    sources, clock, meter = host_sources(), SystemClock(), Meter()
    judge, store, ring, painter = Judge(machine=machine()), new_store(), FrameRing(BY_NAME, 3600), Painter(PANES, False)
    due = dict.fromkeys((source.name for source in sources), 0.0)
    for tick in range(ticks):
        began, samples = clock.mono(), dict[str, Sample]()
        for source in sources:
            if tick >= WARM_UP and began < due[source.name]:
                continue
            before = time.process_time()
            samples[source.name] = await source.sample()
            meter.spent_s[source.name].append(time.process_time() - before)
            due[source.name] = began + source.interval_s - 0.05
        frame = Frame(seq=tick, at=clock.wall(), mono=began, samples=samples)
        meter.take("keeping the frame", lambda: ring.append(frame))  # noqa: B023
        history = meter.take("readings and history", lambda: store.push(frame))  # noqa: B023
        snapshot = meter.take("rules and verdict", lambda: judge.snapshot(history))  # noqa: B023
        meter.take("lines of the screen", lambda: painter.draw(_shown(snapshot), UiState(), COLUMNS, LINES))  # noqa: B023
        await clock.sleep_until(began + 1.0)
    every_s = {source.name: source.interval_s for source in sources}
    return {part: meter.usual_ms(part) / every_s.get(part, 1.0) for part in meter.spent_s}


def _shown(snapshot: Snapshot) -> Shown:
    at = snapshot.at
    return Shown(snapshot=snapshot, mode=Mode.LIVE, behind_s=0.0, oldest_at=at, newest_at=at)


def main() -> None:
    ticks, file = sys.argv[1:]
    Path(file).write_text(json.dumps(asyncio.run(costs(int(ticks)))))


if __name__ == "__main__":
    main()
