"""One verdict with its evidence, to paste or to script; the exit code is its severity."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

from perftui.commands.config import Settings, load
from perftui.commands.console import dsn_argument
from perftui.commands.load_sources import load_arguments, with_load
from perftui.model.exit_code import ExitCode
from perftui.model.finding import Constraint, Severity, Verdict
from perftui.pipeline.snapshot import Snapshot


def arguments(parser: argparse.ArgumentParser) -> None:
    from perftui.commands.parse import duration

    parser.add_argument("--json", action="store_true", help="the whole tree of readings, findings and the verdict")
    dsn_argument(parser)
    load_arguments(parser)
    parser.add_argument(
        "--for", dest="watch_s", type=duration, default=5.0, metavar="TIME", help="how long to watch (default 5s)"
    )


def run(args: argparse.Namespace) -> ExitCode:
    snapshot = asyncio.run(_last(load(args.config), args))
    if args.json:
        from perftui.reports.json import snapshot_json

        sys.stdout.buffer.write(snapshot_json(snapshot) + b"\n")
    else:
        from perftui.reports.text import snapshot_text

        print(snapshot_text(snapshot))
    return exit_code(snapshot.verdict)


def exit_code(verdict: Verdict) -> ExitCode:
    """The verdict's severity for the shell."""
    if verdict.constraint is Constraint.UNKNOWN and verdict.severity < Severity.CRITICAL:
        return ExitCode.UNKNOWN
    return {Severity.WARNING: ExitCode.WARNING, Severity.CRITICAL: ExitCode.CRITICAL}.get(
        verdict.severity, ExitCode.HEALTHY
    )


async def _last(settings: Settings, args: argparse.Namespace) -> Snapshot:
    """Watch this host for so long and give the last snapshot."""
    from perftui.clients.clock import SystemClock
    from perftui.commands.sources import all_sources, machine
    from perftui.pipeline.feed import LiveFeed
    from perftui.pipeline.loop import Judge, new_store
    from perftui.playbooks.answers import answers

    judge = Judge(machine=machine(), limits=settings.limits, answers=answers())
    store, began, watch_s = new_store(), None, args.watch_s
    async with contextlib.aclosing(with_load(all_sources(args.dsn, settings.config), args)) as wired:
        async for frame in LiveFeed(wired.sources, SystemClock(), min(1.0, max(0.1, watch_s))):
            history = store.push(frame)
            began = began or frame.mono
            if frame.mono - began >= watch_s - 0.02:
                return judge.snapshot(history)
    raise AssertionError("a live feed does not end")
