"""Load tests: facts, parity, plan, watch, report."""

from __future__ import annotations

import argparse
from importlib import import_module

from perftui.commands.parse import Parser
from perftui.model.exit_code import ExitCode

ACTIONS = ("facts", "parity", "plan", "watch", "report")
"""`perftui.commands.load_NAME`."""


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", parser_class=Parser, required=True)
    for name in ACTIONS:
        module = import_module(f"perftui.commands.load_{name}")
        text = (module.__doc__ or "").splitlines()[0]
        action = actions.add_parser(name, help=text, description=module.__doc__, allow_abbrev=False)
        module.arguments(action)
        # Given before the action these have their defaults already.
        action.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        action.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> ExitCode:
    code: ExitCode = import_module(f"perftui.commands.load_{args.action}").run(args)
    return code
