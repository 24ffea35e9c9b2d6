"""The console: live panes of this host, the verdict on top."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from perftui.model.exit_code import ExitCode

if TYPE_CHECKING:
    from perftui.commands.config import Settings
    from perftui.commands.sources import Wired
    from perftui.pipeline.actions import Actions, Generator
    from perftui.pipeline.live import LivePlayer
    from perftui.pipeline.playbook.board import SnapshotBoard
    from perftui.pipeline.snapshot import Snapshot


def arguments(parser: argparse.ArgumentParser) -> None:
    from perftui.commands.baselines import baseline_argument
    from perftui.commands.load_sources import load_arguments
    from perftui.commands.load_stop import abort_argument
    from perftui.commands.parse import interval

    dsn_argument(parser)
    load_arguments(parser)
    abort_argument(parser, "what the key a ends the load test with, after a confirmation")
    parser.add_argument("--record", metavar="FILE", type=Path, help="write a tape while you watch")
    parser.add_argument("--interval", type=interval, metavar="TIME", help="time between two ticks (default 1s)")
    parser.add_argument(
        "--allow-changes",
        action="store_true",
        help="allow to cancel and terminate sessions, EXPLAIN ANALYZE and what playbooks change, each after a confirmation",
    )
    baseline_argument(parser)
    screen_arguments(parser)


def dsn_argument(parser: argparse.ArgumentParser) -> None:
    """Option of every command that samples."""
    parser.add_argument(
        "--dsn",
        help="the Postgres to watch, without a password (default: as psql: PG* variables, service file, local socket)",
    )


def screen_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every command that opens the screen."""
    parser.add_argument("--ascii", action="store_true", default=None, help="draw with ASCII signs only")
    parser.add_argument(
        "--theme", choices=("auto", "colour", "ansi", "none"), help="colours (default: as the terminal can)"
    )
    parser.add_argument("--mouse", action="store_true", default=None, help="take the mouse from the terminal")


def run(args: argparse.Namespace) -> ExitCode:
    from perftui.commands.baselines import check_named
    from perftui.commands.config import load
    from perftui.commands.load_sources import keep_stdin
    from perftui.commands.load_stop import stop_command
    from perftui.tui.terminal import require

    settings, stop = load(args.config), stop_command(args)
    check_named(args.baseline)
    stdin = keep_stdin(args.load)
    require()
    return show(args, settings, stdin, stop=stop)


def show(
    args: argparse.Namespace,
    settings: Settings,
    stdin: int | None = None,
    watch: Callable[[Snapshot], None] = lambda snapshot: None,
    stop: tuple[str, ...] = (),
) -> ExitCode:
    """The console with these settings. Sample first, then import the screen: what the import takes is the first interval.

    Args:
        stdin: What a load test writes to, where it is told there.
        watch: Given each new snapshot, in the thread that samples.
        stop: The argument list that ends the load test; empty where none was named.
    """
    from perftui.clients.clock import SystemClock
    from perftui.commands.desk_maker import DeskMaker
    from perftui.commands.load_sources import with_load
    from perftui.commands.screen import options
    from perftui.commands.sources import all_processes, all_sources, machine
    from perftui.pipeline.feed import LiveFeed
    from perftui.pipeline.live import LivePlayer
    from perftui.pipeline.loop import Judge
    from perftui.pipeline.playbook.board import SnapshotBoard
    from perftui.playbooks.answers import answers

    wired, here = with_load(all_sources(args.dsn, settings.config), args, stdin), machine()
    tape = None
    if args.record is not None:
        from perftui.recording.writer import TapeWriter

        tape = TapeWriter(args.record, here)
    feed = LiveFeed(wired.sources, SystemClock(), args.interval or settings.config.interval_s)
    judge = Judge(machine=here, limits=settings.limits, answers=answers(), stoppable=bool(stop))
    board = SnapshotBoard()

    async def at_end() -> None:
        await desks.aclose()
        await wired.aclose()

    def follow(snapshot: Snapshot) -> None:
        board.put(snapshot)
        watch(snapshot)

    player = LivePlayer(feed, judge, tape, all_processes(wired.sources), at_end, follow)
    desks = DeskMaker(wired.control, board, player.call, args.allow_changes, args.baseline)
    player.warm_up()
    gc.disable()  # a third of what the screen's import and start cost; the screen switches it on when it is drawn
    from perftui.tui.app import run_console

    generator = _generator(stop, board, player) if stop else None
    code = run_console(player, options(args, settings.config, desks, _actions(args, wired, player), generator))
    if player.failure is not None:
        raise RuntimeError(f"sampling ended: {player.failure}") from player.failure
    return code


def _actions(args: argparse.Namespace, wired: Wired, player: LivePlayer) -> Actions | None:
    """What can be asked of the Postgres that is watched."""
    if wired.control is None:
        return None
    from perftui.commands.act_log import ActLog
    from perftui.commands.paths import state_dir
    from perftui.pipeline.pg_actions import PostgresActions

    return PostgresActions(
        wired.control,
        call=player.call,
        mark=player.mark,
        log=ActLog(state_dir()).keep,
        changes_allowed=args.allow_changes,
    )


def _generator(stop: tuple[str, ...], board: SnapshotBoard, player: LivePlayer) -> Generator:
    """The load test that is watched, with the command that ends it."""
    import shlex

    from perftui.commands.act_log import ActLog
    from perftui.commands.load_stop import run_stop
    from perftui.commands.paths import state_dir
    from perftui.pipeline.load_stop import LoadStop

    return LoadStop(
        shlex.join(stop),
        lambda: run_stop(stop),
        newest=lambda: board.newest,
        call=player.call,
        mark=player.mark,
        log=ActLog(state_dir()).keep,
    )
