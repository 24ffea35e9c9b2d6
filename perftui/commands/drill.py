"""A real fault on a small shop of its own, and the console on it: find it. `drill list` tells which there are.

Without a name one is chosen, and told at the end. --headless prints the verdict, the time to it and what was cried beside it;
its exit code is 0 where the verdict is right, 1 where it is wrong, 3 where the drill can't run here. All is undone at the end,
also after SIGKILL.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from perftui.commands import console
from perftui.commands.drill_report import listed, result_json, result_text, told_at_end
from perftui.commands.paths import state_dir
from perftui.drills import DRILLS, reason
from perftui.drills.rehearsal import Rehearsal
from perftui.drills.score import Result, Score
from perftui.model.exit_code import ExitCode
from perftui.model.failure import SourceError, UsageError

if TYPE_CHECKING:
    from perftui.commands.config import Settings
    from perftui.drills.kind import Drill
    from perftui.drills.order import Said
    from perftui.pipeline.snapshot import Snapshot

LONGEST_S = 1800.0
"""The fault ends by itself after so long."""
SURPRISE_S = (15.0, 40.0)
"""In the console the fault comes at any moment between."""
STAYS_S = 4.0
"""Headless: so long a right verdict is watched further; it must stay."""
HEALTHY_S = 60.0


def arguments(parser: argparse.ArgumentParser) -> None:
    from perftui.commands.parse import duration, interval

    parser.add_argument("name", nargs="?", metavar="NAME", help="a drill, or `list` (default: one by chance)")
    parser.add_argument(
        "--headless", action="store_true", help="no screen: print what was found, and whether it is right"
    )
    parser.add_argument("--json", action="store_true", help="with --headless or list: as JSON")
    parser.add_argument(
        "--seconds", type=duration, metavar="TIME", help="how long the fault lasts (headless: at most; console: 30m)"
    )
    parser.add_argument("--record", metavar="FILE", type=Path, help="write a tape of it")
    parser.add_argument("--interval", type=interval, metavar="TIME", help="time between two ticks (default 1s)")
    parser.add_argument(
        "--allow-changes", action="store_true", help="allow to cancel and terminate sessions, each after a confirmation"
    )
    console.screen_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    if args.name == "list":
        print(listed(args.json))
        return ExitCode.HEALTHY
    drill = _chosen(args.name)
    why = reason(drill)
    if why is not None:
        print(f"perftui: drill {drill.name} can't run here: {why}", file=sys.stderr)
        return ExitCode.UNKNOWN
    try:
        return _headless(args, drill) if args.headless else _console(args, drill)
    except SourceError as exc:
        print(f"perftui: {exc.detail}", file=sys.stderr)
        return ExitCode.UNKNOWN


def _chosen(name: str | None) -> Drill:
    if name is None:
        able = [drill for drill in DRILLS if not drill.healthy and reason(drill) is None]
        if not able:
            raise UsageError("no drill can run here; perftui drill list says why")
        return random.choice(able)
    found = next((drill for drill in DRILLS if drill.name == name), None)
    if found is None:
        raise UsageError(f"{name!r} is no drill; perftui drill list tells them")
    return found


def _headless(args: argparse.Namespace, drill: Drill) -> ExitCode:
    import asyncio

    from perftui.commands.config import load

    settings = load(args.config)
    with Rehearsal(drill, args.seconds or LONGEST_S) as rehearsal:
        result = asyncio.run(_watched(args, _set(settings, rehearsal.stage), rehearsal))
    print(result_json(result) if args.json else result_text(drill, result))
    return ExitCode.HEALTHY if result.right else ExitCode.WARNING


def _set(settings: Settings, stage: Said) -> Settings:
    """The operator's own settings and limits, with the stage's places in them."""
    import msgspec

    from perftui.commands.config import Config

    places = msgspec.convert(stage.settings, Config)
    config = msgspec.structs.replace(
        settings.config, pools=places.pools, probes=places.probes, deploys=places.deploys, slo=places.slo
    )
    return msgspec.structs.replace(settings, config=config)


async def _watched(args: argparse.Namespace, settings: Settings, rehearsal: Rehearsal) -> Result:
    """A calm while, then the fault until its verdict has stood for some seconds, or is overdue."""
    import asyncio
    import contextlib

    from perftui.clients.clock import SystemClock
    from perftui.commands.sources import all_sources, machine
    from perftui.pipeline.feed import LiveFeed
    from perftui.pipeline.loop import Judge, new_store
    from perftui.recording.writer import TapeWriter

    clock, drill, store = SystemClock(), rehearsal.drill, new_store()
    score, judge = Score(drill), Judge(machine=machine(), limits=settings.limits)
    tape = TapeWriter(args.record, judge.machine) if args.record is not None else None
    making: asyncio.Task[None] | None = None
    began = clock.mono()
    try:
        async with contextlib.aclosing(all_sources(rehearsal.stage.dsn, settings.config)) as wired:
            async for frame in LiveFeed(wired.sources, clock, args.interval or settings.config.interval_s):
                if tape is not None:
                    tape.write(frame)
                if making is None and frame.mono - began >= drill.quiet_s:
                    making = asyncio.ensure_future(asyncio.to_thread(rehearsal.begin))
                if making is not None and making.done():
                    making.result()
                score.begun(rehearsal.begun_mono)
                score.take(judge.snapshot(store.push(frame)))
                if _is_over(score, drill, args.seconds):
                    break
    finally:
        if tape is not None:
            tape.close()
    return score.result()


def _is_over(score: Score, drill: Drill, seconds: float | None) -> bool:
    if drill.healthy:
        return score.lasts_s >= (seconds or HEALTHY_S)
    return (
        score.right_for_s >= STAYS_S
        or score.overdue
        or (seconds is not None and score.lasts_s >= max(1.0, seconds - 2))
    )


def _console(args: argparse.Namespace, drill: Drill) -> ExitCode:
    """The ordinary console; which drill it is, is told when it has ended."""
    from perftui.commands.config import load
    from perftui.tui.terminal import require

    require()
    settings, score = load(args.config), Score(drill)
    print("perftui: the stage is being set; a fault will come", file=sys.stderr)
    with Rehearsal(drill, args.seconds or LONGEST_S) as rehearsal:
        args.dsn = rehearsal.stage.dsn
        rehearsal.begin_later(random.uniform(*SURPRISE_S))
        last: list[Snapshot] = []

        def watch(snapshot: Snapshot) -> None:
            score.begun(rehearsal.begun_mono)
            score.take(snapshot)
            last[:] = [snapshot]

        code = console.show(args, _set(settings, rehearsal.stage), watch=watch)
    if rehearsal.failure is not None:
        raise rehearsal.failure
    print(told_at_end(drill, score.result(), rehearsal.begun_at, last[-1] if last else None, state_dir()))
    return code
