"""A load test followed without a screen, beside host and database; it ends with the test, or when it should be aborted.

0: the test ended; 2: `load.abort` fired, and with --abort the stop command was run; 3: the feed never told anything.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from math import inf

from perftui.commands.console import dsn_argument
from perftui.commands.load_sources import load_arguments, with_load
from perftui.commands.load_stop import abort_argument, run_stop, stop_command
from perftui.history.load_phase import LoadPhasePart
from perftui.model.exit_code import ExitCode
from perftui.model.failure import UsageError
from perftui.model.finding import Finding
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.load import LoadPart


def arguments(parser: argparse.ArgumentParser) -> None:
    from perftui.commands.parse import duration

    load_arguments(parser)
    dsn_argument(parser)
    parser.add_argument("--every", type=duration, default=10.0, metavar="TIME", help="between two lines (default 10s)")
    parser.add_argument("--for", dest="watch_s", type=duration, metavar="TIME", help="stop watching after this long")
    parser.add_argument(
        "--silent", type=duration, default=30.0, metavar="TIME", help="a feed so long silent has ended (default 30s)"
    )
    parser.add_argument(
        "--begin",
        type=duration,
        default=300.0,
        metavar="TIME",
        help="by then the feed has to tell something (default 5m)",
    )
    abort_argument(parser, "run this once load.abort fires")


def run(args: argparse.Namespace) -> ExitCode:
    if not args.load:
        raise UsageError("watch: expected --load FEED")
    stop = stop_command(args)
    last, abort = asyncio.run(_watch(args))
    if abort is None:
        known = last is not None and _heard(last)
        words = (
            "the feed told nothing"
            if last is None or not known
            else "the feed has ended"
            if _ended(last, args.silent)
            else "watched as long as asked"
        )
        print(f"perftui: {words}", file=sys.stderr)
        return ExitCode.HEALTHY if known else ExitCode.UNKNOWN
    print(f"perftui: {abort.title}", file=sys.stderr)
    if last is not None and last.verdict.finding not in (None, abort.rule):
        print(f"perftui: what holds it back: {last.verdict.summary}", file=sys.stderr)
    if stop:
        print(f"perftui: {asyncio.run(run_stop(stop)).words}", file=sys.stderr)
    return ExitCode.CRITICAL


async def _watch(args: argparse.Namespace) -> tuple[Snapshot | None, Finding | None]:
    """The last snapshot, and what ended it before the test did."""
    from perftui.clients.clock import SystemClock
    from perftui.commands.config import load
    from perftui.commands.sources import all_sources, machine
    from perftui.pipeline.feed import LiveFeed
    from perftui.pipeline.loop import Judge, snapshots

    settings = load(args.config)
    judge = Judge(machine=machine(), limits=settings.limits)
    last: Snapshot | None = None
    begin = told = None
    async with contextlib.aclosing(with_load(all_sources(args.dsn, settings.config), args)) as wired:
        async for last in snapshots(aiter(LiveFeed(wired.sources, SystemClock())), judge):
            mono = last.history.mono
            begin = mono if begin is None else begin
            if told is None or mono - told >= args.every - 0.05:
                told = mono
                print(watch_line(last), flush=True)
            abort = next((finding for finding in last.findings if finding.rule == "load.abort"), None)
            if abort is not None:
                return last, abort
            if _ended(last, args.silent) or mono - begin >= _longest(args, last):
                break
    return last, None


def _longest(args: argparse.Namespace, snapshot: Snapshot) -> float:
    """For how long this is watched; a feed that never came is no reason to wait for ever."""
    for_s: float = inf if args.watch_s is None else args.watch_s
    return for_s if _heard(snapshot) else min(for_s, args.begin)


def _heard(snapshot: Snapshot) -> bool:
    part = snapshot.history.known(LoadPart)
    return part is not None and part.age_s is not None


def _ended(snapshot: Snapshot, silent_s: float) -> bool:
    """The feed gave something once, and nothing for so long."""
    known = snapshot.history.known(LoadPart)
    state = snapshot.history.sources["load"]
    if known is None or known.age_s is None or state.age_s is None:
        return False
    return known.age_s + state.age_s >= silent_s


def watch_line(snapshot: Snapshot) -> str:
    """`12:01:30 steady 371/s err 2.3 % p95 64 ms p99 71 ms users 20 · cpu_bound: …`."""
    from perftui.views.format import clock, count, latency, percent_tenths

    history = snapshot.history
    part, phase = history.latest(LoadPart), history.latest(LoadPhasePart)
    said = snapshot.verdict
    verdict = f"{said.constraint}: {said.summary}" if said.finding else said.constraint.value
    if part is None:
        return f"{clock(history.at)} {history.sources['load'].detail or 'no reading yet'} · {verdict}"
    words = (phase.phase if phase else None) or "phase not known"
    return (
        f"{clock(history.at)} {words.replace('_', '-'):<9} {count(part.requests_per_s)}/s"
        f"  err {percent_tenths(part.error_ratio)}  p95 {latency(part.p95_s)}  p99 {latency(part.p99_s)}"
        f"  users {count(part.users)} · {verdict}"
    )
