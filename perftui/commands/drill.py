"""A real fault on a small shop of its own, and the console on it: find it. `drill list` tells which there are.

Without a name one is chosen, and told at the end. --headless prints the verdict, the time to it and what was cried beside it;
its exit code is 0 where the verdict is right, 1 where it is wrong, 3 where the drill can't run here. All is undone at the end,
also after SIGKILL.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from perftui.commands.console import screen_arguments
from perftui.model.exit_code import ExitCode


def arguments(parser: argparse.ArgumentParser) -> None:
    from perftui.commands.parse import duration, interval

    parser.add_argument("name", nargs="?", metavar="NAME", help="a drill, or `list` (default: one by chance)")
    parser.add_argument(
        "--headless", action="store_true", help="no screen: print what was found, and whether it is right"
    )
    parser.add_argument("--json", action="store_true", help="with --headless or list: as JSON")
    parser.add_argument(
        "--seconds",
        type=duration,
        metavar="TIME",
        help="how long the fault lasts (default 30m; headless: until it is found)",
    )
    parser.add_argument(
        "--calm", type=duration, default=15.0, metavar="TIME", help="headless: how long before the fault (default 15s)"
    )
    parser.add_argument("--record", metavar="FILE", type=Path, help="write a tape of it")
    parser.add_argument("--interval", type=interval, metavar="TIME", help="time between two ticks (default 1s)")
    parser.add_argument(
        "--allow-changes", action="store_true", help="allow to cancel and terminate sessions, each after a confirmation"
    )
    screen_arguments(parser)
    parser.set_defaults(load=[], baseline="")


def run(args: argparse.Namespace) -> ExitCode:
    from perftui.commands.drill_play import play

    return play(args)
