"""The playbooks there are: shipped, yours, and those of named folders."""

from __future__ import annotations

import argparse
import sys

from perftui.commands.playbook import dir_argument
from perftui.model.exit_code import ExitCode


def arguments(parser: argparse.ArgumentParser) -> None:
    dir_argument(parser)
    parser.add_argument("--json", action="store_true", help="one array")


def run(args: argparse.Namespace) -> ExitCode:
    """Warning where one can't be used."""
    from datetime import UTC, datetime

    from perftui.playbooks.shelf import shelf
    from perftui.reports.playbook import shelf_text

    today = datetime.now(UTC).date()
    found = shelf(args.dir)
    shelved = list(found.playbooks.values())
    if args.json:
        from perftui.reports.playbook_json import shelf_json

        sys.stdout.buffer.write(shelf_json(shelved, today) + b"\n")
    elif shelved:
        print(shelf_text(shelved, today))
    for reason in found.reasons:
        print(f"perftui: {reason}", file=sys.stderr)
    broken = found.reasons or any(each.loaded is None for each in shelved)
    return ExitCode.WARNING if broken else ExitCode.HEALTHY
