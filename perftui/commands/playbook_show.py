"""One playbook for reading."""

from __future__ import annotations

import argparse
import sys

from perftui.commands.playbook import dir_argument, name_argument
from perftui.model.exit_code import ExitCode


def arguments(parser: argparse.ArgumentParser) -> None:
    name_argument(parser)
    dir_argument(parser)
    parser.add_argument("--json", action="store_true", help="the document as JSON")


def run(args: argparse.Namespace) -> ExitCode:
    from datetime import UTC, datetime

    from perftui.playbooks.shelf import load_named
    from perftui.reports.playbook import playbook_text

    loaded, _ = load_named(args.name, args.dir)
    today = datetime.now(UTC).date()
    if args.json:
        from perftui.reports.playbook_json import playbook_json

        sys.stdout.buffer.write(playbook_json(loaded, today) + b"\n")
    else:
        print(playbook_text(loaded, today))
    return ExitCode.HEALTHY
