"""An embedded Postgres under a small real load, and the console on it: needs nothing else, leaves nothing behind."""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from perftui.clients.own_postgres import OwnPostgres
from perftui.commands import console
from perftui.model.exit_code import ExitCode
from perftui.model.failure import SourceError

CLIENTS = 4
TRANSACTIONS_PER_S = 40
SCALE = 2
"""Of pgbench: 200,000 rows."""


def arguments(parser: argparse.ArgumentParser) -> None:
    console.arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    from perftui.tui.terminal import require

    require()
    with contextlib.ExitStack() as stack:
        try:
            args.dsn = stack.enter_context(loaded_server())
        except SourceError as exc:
            print(f"perftui: {exc.detail}; the demo goes on without Postgres", file=sys.stderr)
        return console.run(args)


@contextlib.contextmanager
def loaded_server() -> Iterator[str]:
    """The DSN of a server that works; both end with this program, however it ends, and their folder is removed.

    Raises:
        SourceError: the embedded Postgres is not installed or does not start.
    """
    with tempfile.TemporaryDirectory(prefix="perftui-demo-") as folder, OwnPostgres(Path(folder) / "pg") as server:
        _pgbench(server, "-i", "-q", "-s", str(SCALE)).wait(60)
        server.run("create extension if not exists pg_stat_statements")
        load = _pgbench(server, "-n", "-c", str(CLIENTS), "-R", str(TRANSACTIONS_PER_S), "-T", "86400")
        try:
            yield server.dsn
        finally:
            load.terminate()
            load.wait(5)


def _pgbench(server: OwnPostgres, *options: str) -> subprocess.Popen[bytes]:
    return server.spawn("pgbench", *options, server.dsn, application="shop")
