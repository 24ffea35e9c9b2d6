"""Put a mark, or a deploy, on the time axis of every console that runs here.

It is a line of the deploys file, which any tool may write too.
"""

from __future__ import annotations

import argparse
import sys

from perftui.model.exit_code import ExitCode
from perftui.model.failure import UsageError
from perftui.sources.deploy import DeployKind, DeployStatus

_OF_DEPLOYS = ("version", "previous", "status", "env", "url")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", help="what happened, in words")
    parser.add_argument("--at", metavar="TIME", help="when it was: 2026-02-11T10:37:12Z (default: now)")
    parser.add_argument("--service", metavar="NAME", help="what was changed; makes the mark a deploy")
    parser.add_argument("--kind", choices=tuple(DeployKind), help="what kind of change (default: deploy)")
    parser.add_argument("--version", metavar="VERSION", help="what runs there now")
    parser.add_argument("--previous", metavar="VERSION", help="what ran there before")
    parser.add_argument("--status", choices=tuple(DeployStatus), help="how far it got (default: unknown)")
    parser.add_argument("--env", metavar="NAME", help="the environment")
    parser.add_argument("--url", metavar="URL", help="where more can be read; a log-in in it is taken out")


def run(args: argparse.Namespace) -> ExitCode:
    import msgspec

    from perftui.clients.append import append_line
    from perftui.clients.clock import SystemClock
    from perftui.clients.host_zone import host_zone
    from perftui.commands.config import load
    from perftui.commands.deploy_sources import deploys_file
    from perftui.sources.deploy_file import parse_line

    path = deploys_file(load(args.config).config.deploys)
    now_at = SystemClock().wall()
    line = msgspec.json.encode(_given(args, now_at))
    try:
        _, told = parse_line(line, now_at, host_zone())
    except ValueError as exc:
        raise UsageError(f"mark: {exc}") from None
    try:
        append_line(path, line)
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise UsageError(f"{path}: can't be written: {reason}; deploys.file in the config names another") from exc
    if told.at > now_at + 1:
        print("perftui: that moment lies ahead", file=sys.stderr)
    return ExitCode.HEALTHY


def _given(args: argparse.Namespace, now_at: float) -> dict[str, str]:
    from datetime import UTC, datetime
    from getpass import getuser

    from perftui.sources.deploy_text import told

    at = args.at or datetime.fromtimestamp(now_at, UTC).isoformat(timespec="milliseconds")
    line = {"at": at, "text": told(args.text, 300)}
    if args.service is None:
        named = [f"--{field}" for field in ("kind", *_OF_DEPLOYS) if getattr(args, field) is not None]
        if named:
            raise UsageError(f"mark: {', '.join(named)} needs --service NAME: what was changed")
        return {key: value for key, value in line.items() if value}
    line |= {"service": args.service, "kind": args.kind or "deploy", "source": "mark"}
    line |= {field: told(getattr(args, field), 300) for field in _OF_DEPLOYS}
    try:
        line["who"] = getuser()
    except (KeyError, OSError):  # a user id without a name
        line["who"] = None
    return {key: value for key, value in line.items() if value}
