"""Record what this host does to a tape, without a screen, until it is stopped.

A killed recorder loses at most the last seconds; a full disk ends the recording with a line that says so.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from perftui.commands.config import Config, load
from perftui.commands.console import dsn_argument
from perftui.commands.load_sources import load_arguments, with_load
from perftui.model.exit_code import ExitCode
from perftui.model.frame import Frame


def arguments(parser: argparse.ArgumentParser) -> None:
    from perftui.commands.parse import duration, interval

    parser.add_argument("file", type=Path, metavar="FILE", help="the tape to write, by custom NAME.ptape")
    dsn_argument(parser)
    load_arguments(parser)
    parser.add_argument("--for", dest="record_s", type=duration, metavar="TIME", help="stop after this long")
    parser.add_argument("--interval", type=interval, metavar="TIME", help="time between two ticks (default 1s)")


def run(args: argparse.Namespace) -> ExitCode:
    config = load(args.config).config
    return asyncio.run(_record(args, config))


async def _record(args: argparse.Namespace, config: Config) -> ExitCode:
    from perftui.clients.clock import SystemClock
    from perftui.commands.sources import all_sources, machine
    from perftui.pipeline.feed import LiveFeed
    from perftui.recording.writer import TapeWriter

    path: Path = args.file
    tape = TapeWriter(path, machine())
    print(f"perftui: recording to {path}; Ctrl+C ends it", file=sys.stderr)
    written = 0
    began: float | None = None
    stop = _stop_signals()
    async with contextlib.aclosing(with_load(all_sources(args.dsn, config), args)) as wired:
        frames = aiter(LiveFeed(wired.sources, SystemClock(), args.interval or config.interval_s))
        while (frame := await _next(frames, stop)) is not None and not tape.failed:
            tape.write(frame)
            written += 1
            began = began or frame.mono
            if args.record_s is not None and frame.mono - began >= args.record_s:
                break
    tape.close()
    if tape.failed:
        print(f"perftui: {tape.status}", file=sys.stderr)
        return ExitCode.UNKNOWN
    print(f"perftui: {written} frames in {path}", file=sys.stderr)
    return ExitCode.HEALTHY


async def _next(frames: AsyncIterator[Frame], stop: asyncio.Event) -> Frame | None:
    """The next frame, or None when a signal came first."""
    frame, stopped = asyncio.ensure_future(anext(frames)), asyncio.ensure_future(stop.wait())
    await asyncio.wait({frame, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not frame.done():
        frame.cancel()
        return None
    return frame.result()


def _stop_signals() -> asyncio.Event:
    """Set by Ctrl+C, SIGTERM and a hangup, so that the tape is closed in order."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
