"""The catalogue: every reading's name, unit and meaning."""

from __future__ import annotations

import argparse
import sys

from perftui.model.exit_code import ExitCode


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("part", nargs="?", default="", metavar="NAME", help="only names that contain this")
    parser.add_argument("--json", action="store_true", help="one array of {name, unit, text}")


def run(args: argparse.Namespace) -> ExitCode:
    from perftui.pipeline.catalogue import catalogue

    entries = [entry for entry in catalogue() if args.part in entry.name]
    if args.json:
        import msgspec

        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(entries), indent=1) + b"\n")
        return ExitCode.HEALTHY
    if not entries:
        print(f"perftui readings: no reading's name contains {args.part!r}", file=sys.stderr)
        return ExitCode.UNKNOWN
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        print(f"{entry.name:<{width}}  {entry.unit:<8}  {entry.text}")
    return ExitCode.HEALTHY
