"""The same screens over a tape; with --headless its findings, one line each time they change.

Headless, the exit code is the worst severity on the tape.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
from pathlib import Path
from typing import TYPE_CHECKING

from perftui.commands.console import screen_arguments
from perftui.model.exit_code import ExitCode
from perftui.model.failure import UsageError
from perftui.model.finding import Severity
from perftui.pipeline.loop import Judge
from perftui.playbooks.answers import answers
from perftui.recording.reader import Tape

if TYPE_CHECKING:
    from perftui.reports.changes import Changes


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a tape (.ptape, or its lines as .jsonl)")
    parser.add_argument(
        "--headless", action="store_true", help="print findings as they come and go, and the worst verdict"
    )
    parser.add_argument("--json", action="store_true", help="with --headless: one JSON object per line")
    screen_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    from perftui.commands.config import load

    settings = load(args.config)
    if args.headless:
        tape = Tape(args.file)
        judge = Judge(machine=tape.machine, limits=settings.limits, answers=answers())
        return asyncio.run(_headless(tape, judge, args.json))
    from perftui.tui.terminal import require

    require()
    tape = Tape(args.file)
    from perftui.commands.desk_maker import DeskMaker
    from perftui.commands.screen import options
    from perftui.pipeline.playbook.board import SnapshotBoard
    from perftui.pipeline.replay import TapePlayer

    gc.disable()  # a third of what the screen's import and start cost; the screen switches it on when it is drawn
    from perftui.tui.app import run_console

    player = TapePlayer(tape, Judge(machine=tape.machine, limits=settings.limits, answers=answers()))
    desks = DeskMaker(None, SnapshotBoard(), call=None)
    code = run_console(player, options(args, settings.config, desks))
    if isinstance(player.failure, UsageError):
        raise player.failure
    if player.failure is not None:
        raise RuntimeError(f"the replay ended: {player.failure}") from player.failure
    return code


async def _headless(tape: Tape, judge: Judge, as_json: bool) -> ExitCode:
    from perftui.pipeline.loop import snapshots
    from perftui.pipeline.replay import tape_feed
    from perftui.reports.changes import Changes

    changes = Changes(as_json)
    async for snapshot in snapshots(tape_feed(tape), judge):
        for line in changes.lines(snapshot):
            print(line)
    for line in changes.closing(tape.cut):
        print(line)
    return _exit_code(changes)


def _exit_code(changes: Changes) -> ExitCode:
    worst = changes.worst.severity if changes.worst else Severity.INFO
    if worst is Severity.INFO:
        return ExitCode.HEALTHY if changes.judged else ExitCode.UNKNOWN
    return ExitCode.CRITICAL if worst is Severity.CRITICAL else ExitCode.WARNING
