"""The process that holds a drill's stage and its fault, and takes both back when whoever started it goes, however it goes.

python -m perftui.drills.keeper. It is told what to do by its standard input, in lines, and takes its end as the order to undo
all: a parent that was killed closes it too. What it did it says on standard output, one JSON object a line.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

import msgspec

from perftui.drills import DRILLS
from perftui.drills.kind import Drill
from perftui.drills.marks import folder, sweep
from perftui.drills.order import BEGIN, Order, Said
from perftui.drills.stage import Stage, stage
from perftui.model.failure import SourceError


async def main() -> None:
    told = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(told), sys.stdin)
    work = asyncio.ensure_future(_until_told(told))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        _say(Said(event="undone"))
    except (SourceError, OSError) as exc:
        _say(Said(event="failed", detail=exc.detail if isinstance(exc, SourceError) else str(exc)))


async def _until_told(told: asyncio.StreamReader) -> None:
    order = msgspec.json.decode(await told.readline(), type=Order)
    drill = next(each for each in DRILLS if each.name == order.drill)
    sweep()
    with folder() as place:
        os.chdir(place)  # all that is started here stands in it: who looks for what is left of a drill finds it so
        async with stage(place, drill.requests_per_s) as found:
            _say(Said(event="ready", dsn=found.postgres.dsn, settings=found.settings(), folder=str(place)))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(order.at_most_s):
                    await _play(told, drill, found)
    _say(Said(event="undone"))


async def _play(told: asyncio.StreamReader, drill: Drill, found: Stage) -> None:
    if (await told.readline()).strip() != BEGIN:
        return
    async with drill.fault(found):
        _say(Said(event="begun"))
        await told.readline()


def _say(said: Said) -> None:
    """To a parent that may be gone."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(main())
