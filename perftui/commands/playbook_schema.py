"""The JSON Schema of playbooks, for editors."""

from __future__ import annotations

import argparse
import sys

from perftui.model.exit_code import ExitCode


def arguments(parser: argparse.ArgumentParser) -> None:
    return None


def run(args: argparse.Namespace) -> ExitCode:
    import msgspec

    from perftui.playbooks.schema import schema

    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(schema()), indent=1) + b"\n")
    return ExitCode.HEALTHY
