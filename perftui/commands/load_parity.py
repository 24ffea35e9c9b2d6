"""Is this environment like production? Its facts beside those of a file, with the thresholds of S002 35.1.

0 alike, 1 something that is required is too small here, 3 something that is required can't be told.
"""

from __future__ import annotations

import argparse
import sys

from perftui.commands.load_facts import facts_arguments
from perftui.model.exit_code import ExitCode


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--production", required=True, metavar="FILE", help="what `perftui load facts` wrote in production"
    )
    facts_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one object, in base units")


def run(args: argparse.Namespace) -> ExitCode:
    from perftui.commands.facts_file import read_facts
    from perftui.commands.facts_here import facts_here
    from perftui.history.parity import Likeness, parity
    from perftui.reports.parity import parity_json, parity_text

    production = read_facts(args.production)
    tables = production.postgres.table_rows if production.postgres else {}
    found = parity(production, facts_here(args, tables))
    if args.json:
        sys.stdout.buffer.write(parity_json(found) + b"\n")
    else:
        about = ", ".join(filter(None, (production.host, production.at)))
        print(parity_text(f"{args.production} ({about})" if about else args.production, found))
    return {
        Likeness.ALIKE: ExitCode.HEALTHY,
        Likeness.DIFFERS: ExitCode.WARNING,
        Likeness.UNKNOWN: ExitCode.UNKNOWN,
    }[found.verdict]
