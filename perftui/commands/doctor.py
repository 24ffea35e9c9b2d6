"""What works here, what is missing, and the exact right or setting that would give it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys

from perftui.clients.clock import SystemClock
from perftui.commands.config import Config
from perftui.commands.console import dsn_argument
from perftui.commands.probe_config import ProbeConfig
from perftui.commands.sources import Wired
from perftui.model.exit_code import ExitCode
from perftui.model.failure import SourceError, UsageError
from perftui.model.frame import Sample
from perftui.sources.kind import Source

CONNECT_TRIES = 40
"""Tenths of a second that a connection to Postgres may take."""


def arguments(parser: argparse.ArgumentParser) -> None:
    dsn_argument(parser)


def run(args: argparse.Namespace) -> ExitCode:
    from perftui import __version__
    from perftui.commands.config import load
    from perftui.commands.deploy_doctor import deploy_lines
    from perftui.commands.paths import config_file, state_dir
    from perftui.commands.pool_doctor import pool_lines
    from perftui.commands.sources import all_sources, machine

    config = load(args.config).config
    here = machine()
    print(
        f"perftui {__version__} on {here.hostname}: {here.system}, {here.cores} cores, Python {sys.version.split()[0]}"
    )
    results = asyncio.run(_try_all(all_sources(args.dsn, config)))
    worst = ExitCode.HEALTHY
    for name, told in results.items():
        problem = told if isinstance(told, str) else ""
        print(f"  {'missing' if problem else 'ok':<8} source {name:<14} {problem}")
        worst = ExitCode.WARNING if problem else worst
    for line in _server(results.get("pg_activity")):
        print(f"  {line}")
    for state, line in asyncio.run(pool_lines(config.pools)):
        print(f"  {state:<8} pools {line}")
        worst = ExitCode.WARNING if state == "missing" else worst
    for line in asyncio.run(deploy_lines(config.deploys)):
        print(line)
    for line, fails in asyncio.run(_probes(config)):
        print(f"  {'failing' if fails else 'ok':<8} probe {line}")
        worst = ExitCode.WARNING if fails else worst
    if not config.probes:
        print("  off      probes: none configured by [probes.NAME]; docs/probes.md tells how")
    if os.geteuid() != 0:
        print("  partial  other users' processes: I/O, open files and swap of theirs need root")
    print(f"  terminal {_terminal()}")
    settings = args.config or (
        str(config_file()) if config_file().exists() else f"defaults; {config_file()} does not exist"
    )
    print(f"  config   {settings}")
    print(f"  state    {state_dir()}")
    return worst


def _server(told: Sample | str | None) -> list[str]:
    """How the server is reached, and what would show more of it."""
    from perftui.sources.pg_activity import PgActivitySample, version_words

    if told is None:
        return ["off      Postgres: none named by --dsn or PG* variables, and no local socket"]
    if not isinstance(told, PgActivitySample):
        return []
    server = told.server
    role = "standby" if server.in_recovery else "primary"
    lines = [f"ok       Postgres {version_words(server.version_num)} {role}, as {server.role} in {server.database}"]
    if not server.sees_others:
        lines.append(f"partial  states, waits and texts of other roles: grant pg_monitor to {server.role}")
    if server.pooled:
        lines.append("partial  Postgres is read through a pooler: name the server itself, with its own port, in --dsn")
    return lines


async def _try_all(wired: Wired) -> dict[str, Sample | str]:
    """By source: what it gives, or why it gives nothing."""
    async with contextlib.aclosing(wired):
        return {source.name: await _try(source) for source in wired.sources}


async def _probes(config: Config) -> list[tuple[str, bool]]:
    """(name and what one request came to, whether it failed) of each probe, all at once."""
    from perftui.commands.probe_sources import prober

    async def line(name: str, probe: ProbeConfig) -> tuple[str, bool]:
        try:
            result = await prober(probe).probe()
        except SourceError as exc:
            return f"{name:<15} {exc.kind}: {exc.detail}", True
        if result.detail:
            return f"{name:<15} {result.outcome}: {result.detail}", True
        ends = min((each.not_after_at for each in result.certificates), default=None)
        days = "" if ends is None else f", certificates for {(ends - SystemClock().wall()) / 86400:.0f} days"
        return f"{name:<15} {result.status_code} in {result.total_s * 1000:.0f} ms{days}", False

    return list(await asyncio.gather(*(line(name, probe) for name, probe in config.probes.items())))


async def _try(source: Source) -> Sample | str:
    """What it gives or what is missing, waiting a while for a connection that is being made."""
    told = await _once(source)
    for _ in range(CONNECT_TRIES):
        if not isinstance(told, str) or "connecting…" not in told:
            break
        await asyncio.sleep(0.1)
        told = await _once(source)
    return told


async def _once(source: Source) -> Sample | str:
    try:
        return await asyncio.wait_for(source.sample(), source.deadline_s + 1)
    except SourceError as exc:
        return f"{exc.kind}: {exc.detail}"
    except TimeoutError:
        return f"timed_out: no answer for {source.deadline_s + 1:.0f} s"
    except Exception as exc:  # as in the feed: one source's fault of ours must not hide what the others say
        return f"internal: {type(exc).__name__}: {exc}"


def _terminal() -> str:
    """How the console would draw here, or why it would not."""
    from perftui.tui.terminal import look, require

    try:
        require()
    except UsageError as exc:
        return str(exc)
    chosen = look(None, False, os.environ, sys.stderr.encoding)
    signs = "ASCII" if chosen.ascii_only else "Unicode"
    return f"TERM={os.environ.get('TERM', '')}, theme {chosen.theme}, {signs} signs"
