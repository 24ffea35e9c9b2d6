"""Go through a playbook without a screen. What changes something is refused unless it was agreed to beforehand."""

from __future__ import annotations

import argparse
import asyncio

from perftui.commands.baselines import baseline_argument, check_named
from perftui.commands.console import dsn_argument
from perftui.commands.load_sources import load_arguments
from perftui.commands.playbook import dir_argument, name_argument
from perftui.commands.playbook_plan import given_vars, var_argument
from perftui.model.exit_code import ExitCode
from perftui.model.failure import UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    name_argument(parser)
    var_argument(parser)
    dir_argument(parser)
    dsn_argument(parser)
    load_arguments(parser)
    answer_arguments(parser)


def answer_arguments(parser: argparse.ArgumentParser) -> None:
    """What a run without a person is told beforehand."""
    parser.add_argument(
        "--allow", action="append", default=[], metavar="STEP", help="agree to what this step changes; needs --sha256"
    )
    parser.add_argument(
        "--sha256", metavar="HASH", help="the playbook that was looked at (perftui playbook plan tells it)"
    )
    parser.add_argument(
        "--choose", action="append", default=[], metavar="STEP=KEY", help="the key for a step that lets choose"
    )
    baseline_argument(parser)
    parser.add_argument("--json", action="store_true", help="the result as JSON; every event as a line before it")


def run(args: argparse.Namespace) -> ExitCode:
    """Pass, failed, unknown, refused or timed out: the exit code tells."""
    from perftui.commands.config import load
    from perftui.commands.playbook_sitting import Answers, new_run
    from perftui.playbooks.run.book import bound, check_values
    from perftui.playbooks.shelf import load_named

    settings = load(args.config)
    check_named(args.baseline)
    loaded, known = load_named(args.name, args.dir)
    made = bound(loaded, known)
    answers = Answers(values=given_vars(args), allowed=tuple(args.allow), choices=chosen_keys(args), as_json=args.json)
    check_values(made.book, answers.values)
    check_agreement(args, made.sha256)
    return asyncio.run(new_run(made, answers, settings, args))


def chosen_keys(args: argparse.Namespace) -> dict[str, str]:
    """The keys of `--choose`.

    Raises:
        UsageError: one without `=`.
    """
    pairs = [each.partition("=") for each in args.choose]
    wrong = next((each for each in pairs if not each[1] or not each[2]), None)
    if wrong is not None:
        raise UsageError(f"--choose {''.join(wrong)}: write STEP=KEY")
    return {step: key for step, _, key in pairs}


def check_agreement(args: argparse.Namespace, sha256: str) -> None:
    """What was agreed to is this very file.

    Raises:
        UsageError: --allow without the hash, or with the hash of another text.
    """
    if not args.allow:
        return
    if not args.sha256:
        raise UsageError(f"--allow needs --sha256 of the playbook that you looked at; this one is {sha256}")
    if args.sha256 != sha256:
        raise UsageError(f"--sha256 {args.sha256[:12]}… is another text: this one is {sha256}; look at it again")
