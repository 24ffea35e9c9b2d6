"""Go on with a run that was left; without a name, the runs that are open."""

from __future__ import annotations

import argparse
import asyncio

from perftui.commands.baselines import check_named
from perftui.commands.console import dsn_argument
from perftui.commands.load_sources import load_arguments
from perftui.commands.playbook_plan import given_vars, var_argument
from perftui.commands.playbook_run import answer_arguments, check_agreement, chosen_keys
from perftui.model.exit_code import ExitCode
from perftui.model.failure import UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="RUN", nargs="?", help="as the list names it, or the beginning of it")
    var_argument(parser)
    dsn_argument(parser)
    load_arguments(parser)
    answer_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """A listing is healthy when nothing is open, a warning otherwise; a resumed run ends as `run` does."""
    from perftui.commands.playbook_sitting import Answers, resumed_run
    from perftui.commands.run_keeping import open_runs
    from perftui.playbooks.run.book import check_values, kept

    found = open_runs()
    if args.name is None:
        for each in found:
            first, last = each.journal.entries[0], each.journal.entries[-1]
            print(f"{each.name}  begun {first.at[:16]}Z by {first.who.user}, last event {last.at[:16]}Z {last.ev}")
        if not found:
            print("no run is open")
        return ExitCode.WARNING if found else ExitCode.HEALTHY
    named = [each for each in found if each.name.startswith(args.name)]
    if len(named) != 1:
        what = "no open run" if not named else f"{len(named)} open runs"
        raise UsageError(f"{what} of the name {args.name}; see perftui playbook resume")
    check_named(args.baseline)
    made = kept(named[0].places[0])
    check_agreement(args, made.sha256)
    from perftui.commands.config import load

    answers = Answers(values=given_vars(args), allowed=tuple(args.allow), choices=chosen_keys(args), as_json=args.json)
    check_values(made.book, answers.values)
    return asyncio.run(resumed_run(named[0], made, answers, load(args.config), args))
