"""What a run would do: every step with its values, its effect and what is missing. Nothing is executed."""

from __future__ import annotations

import argparse
import sys
import time

from perftui.commands.console import dsn_argument
from perftui.commands.playbook import dir_argument, name_argument
from perftui.model.exit_code import ExitCode
from perftui.model.failure import UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    name_argument(parser)
    var_argument(parser)
    dir_argument(parser)
    dsn_argument(parser)
    parser.add_argument("--json", action="store_true", help="the plan as JSON")


def var_argument(parser: argparse.ArgumentParser) -> None:
    """`--var NAME=VALUE`, for every action that takes inputs."""
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="the value of an input")


def given_vars(args: argparse.Namespace) -> dict[str, str]:
    """The inputs of `--var`.

    Raises:
        UsageError: one without `=`.
    """
    found = {}
    for each in args.var:
        name, sign, value = each.partition("=")
        if not sign:
            raise UsageError(f"--var {each}: write NAME=VALUE")
        found[name] = value
    return found


def run(args: argparse.Namespace) -> ExitCode:
    """Unknown where something that it needs is missing."""
    from perftui.commands.sources import postgres_is_here
    from perftui.playbooks.plan import plan
    from perftui.playbooks.shelf import load_named
    from perftui.reports.playbook import plan_text

    loaded, known = load_named(args.name, args.dir)
    planned = plan(loaded, given_vars(args), time.time(), known.by_id(), args.dsn is not None or postgres_is_here())
    if args.json:
        from perftui.reports.playbook_json import plan_json

        sys.stdout.buffer.write(plan_json(planned) + b"\n")
    else:
        print(plan_text(planned))
    return ExitCode.UNKNOWN if planned.missing else ExitCode.HEALTHY
