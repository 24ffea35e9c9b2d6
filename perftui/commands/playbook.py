"""Playbooks: list, show, lint, plan, run, resume, test, schema."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from perftui.commands.parse import Parser
from perftui.model.exit_code import ExitCode

ACTIONS = ("list", "show", "lint", "plan", "run", "resume", "test", "schema")
"""`perftui.commands.playbook_NAME`; without a name it is the list."""


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", parser_class=Parser)
    for name in ACTIONS:
        module = import_module(f"perftui.commands.playbook_{name}")
        text = (module.__doc__ or "").splitlines()[0]
        action = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        module.arguments(action)
        # Given before the action these have their defaults already.
        action.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        action.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> ExitCode:
    if args.action is None:
        args.dir, args.json = [], False
    module = import_module(f"perftui.commands.playbook_{args.action or ACTIONS[0]}")
    code: ExitCode = module.run(args)
    return code


def dir_argument(parser: argparse.ArgumentParser) -> None:
    """`--dir`, for every action that looks playbooks up."""
    parser.add_argument(
        "--dir",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="a folder of playbooks beside the shipped ones and $XDG_CONFIG_HOME/perftui/playbooks; may be given again",
    )


def name_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="PLAYBOOK", help="an id, or the path of a file")
