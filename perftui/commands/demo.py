"""An embedded Postgres under a small real load, and the console on it: needs nothing else, leaves nothing behind."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from perftui.clients.own_postgres import OwnPostgres, server_lives
from perftui.commands import console
from perftui.model.exit_code import ExitCode
from perftui.model.failure import SourceError

PREFIX = "perftui-demo-"
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
    remove_leftovers(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder, OwnPostgres(Path(folder) / "pg") as server:
        _pgbench(server, "-i", "-q", "-s", str(SCALE)).wait(60)
        server.run("create extension if not exists pg_stat_statements")
        load = _pgbench(server, "-n", "-c", str(CLIENTS), "-R", str(TRANSACTIONS_PER_S), "-T", "86400")
        try:
            yield server.dsn
        finally:
            load.terminate()
            load.wait(5)


def remove_leftovers(parent: Path) -> None:
    """Delete the folders of demos that were killed: of this user, a minute old, and without a living server."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            about = folder.stat()
            if about.st_uid == os.geteuid() and time.time() - about.st_mtime > 60 and not server_lives(folder / "pg"):
                shutil.rmtree(folder, ignore_errors=True)


def _pgbench(server: OwnPostgres, *options: str) -> subprocess.Popen[bytes]:
    return server.spawn("pgbench", *options, server.dsn, application="shop")
