"""All that is wrong with playbooks: file, line, column, what is wrong and what would be right."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from perftui.commands.playbook import dir_argument
from perftui.model.exit_code import ExitCode
from perftui.playbooks.complaint import Complaint


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="PLAYBOOK", help="ids or paths of files (default: all there are)")
    dir_argument(parser)
    parser.add_argument("--json", action="store_true", help="one array of {file, line, column, what, right, warning}")


def run(args: argparse.Namespace) -> ExitCode:
    """Usage where a file can't be run, warning where one should be looked at."""
    from datetime import UTC, datetime

    from perftui.pipeline.catalogue import catalogue
    from perftui.playbooks.lint import lint_file
    from perftui.playbooks.shelf import find, shelf
    from perftui.playbooks.vocabulary import Vocabulary

    known = shelf(args.dir)
    paths = [find(name, args.dir)[0] for name in args.names] or [each.path for each in known.playbooks.values()]
    vocabulary = Vocabulary((entry.name, entry.unit, entry.text) for entry in catalogue())
    today, others = datetime.now(UTC).date(), known.by_id()
    complaints: list[Complaint] = []
    for path in paths:
        complaints += lint_file(path, vocabulary, today, others)
    if args.json:
        import msgspec

        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(complaints), indent=1) + b"\n")
    else:
        for complaint in complaints:
            print(complaint)
        print(f"{len(paths)} {'playbook' if len(paths) == 1 else 'playbooks'}: {_summary(complaints)}", file=sys.stderr)
    if any(not complaint.warning for complaint in complaints):
        return ExitCode.USAGE
    return ExitCode.WARNING if complaints else ExitCode.HEALTHY


def _summary(complaints: Sequence[Complaint]) -> str:
    warnings = sum(complaint.warning for complaint in complaints)
    if not complaints:
        return "nothing is wrong"
    return f"{_counted(len(complaints) - warnings, 'mistake')}, {_counted(warnings, 'warning')}"


def _counted(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'s' if count > 1 else ''}"
