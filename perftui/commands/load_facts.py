"""What this environment is: cores, memory, limits, kernel settings, Postgres; kept to compare another one with.

Written once in production, carried over, and read by `perftui load parity`. Nothing is changed and no network is tested.
"""

from __future__ import annotations

import argparse
import sys

from perftui.commands.console import dsn_argument
from perftui.model.exit_code import ExitCode


def arguments(parser: argparse.ArgumentParser) -> None:
    facts_arguments(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--toml", action="store_true", help="as a file to keep (default)")
    form.add_argument("--json", action="store_true", help="one object, with the reasons for what is not known")


def facts_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every command that looks at this environment."""
    from perftui.commands.parse import duration

    dsn_argument(parser)
    parser.add_argument("--data", metavar="PATH", help="whose disk counts (default: a local Postgres' data, else /)")
    parser.add_argument(
        "--for",
        dest="watch_s",
        type=duration,
        default=5.0,
        metavar="TIME",
        help="how long Postgres' cache is looked at (default 5s)",
    )


def run(args: argparse.Namespace) -> ExitCode:
    from perftui.commands.facts_here import NO_POSTGRES, facts_here
    from perftui.reports.facts import facts_json, facts_toml

    found = facts_here(args)
    if args.json:
        sys.stdout.buffer.write(facts_json(found) + b"\n")
    else:
        print(facts_toml(found), end="")
    problem = found.notes.get("postgres", NO_POSTGRES)
    if problem != NO_POSTGRES:
        print(f"perftui: {problem}", file=sys.stderr)
        return ExitCode.UNKNOWN
    return ExitCode.HEALTHY
