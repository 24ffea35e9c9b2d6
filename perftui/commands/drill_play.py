"""A drill from its stage to its report: headless, or with the console on it."""

from __future__ import annotations

import argparse
import random
import sys
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
SETTLE_S = 3.0
"""What setting the stage costs the machine is no part of the drill."""


def play(args: argparse.Namespace) -> ExitCode:
    """The list, or one drill."""
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
    with Rehearsal(drill, args.calm + LONGEST_S) as rehearsal:
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

    await asyncio.sleep(SETTLE_S)
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
                if making is None and frame.mono - began >= args.calm:
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
    if seconds is not None or drill.healthy:
        return score.lasts_s >= (seconds or HEALTHY_S)
    return score.right_for_s >= STAYS_S or score.overdue


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
