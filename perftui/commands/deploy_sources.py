"""Where this host can tell of deploys: what the config names, and what is found here."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from perftui.commands.paths import state_dir
from perftui.model.failure import UsageError
from perftui.sources.kind import Source

FILE_BYTES = 1 << 20


class DeploysConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[deploys]`: where deploys are told. Nothing in it is needed."""

    file: str | None = None
    """JSON lines from any tool, and what `perftui mark` writes; by default `deploys.jsonl` in the state folder."""
    days: float = 7.0
    """How far back changes are read."""


def deploys_file(config: DeploysConfig) -> Path:
    """The file of deploys and marks.

    Raises:
        UsageError: the config names one that has no place of its own.
    """
    if config.file is None:
        return state_dir() / "deploys.jsonl"
    path = Path(config.file).expanduser()
    if not path.is_absolute():
        raise UsageError(
            f"deploys.file: {config.file!r} is no absolute path; it would change with the folder you are in"
        )
    return path


def deploy_sources(config: DeploysConfig, platform: str = sys.platform) -> list[Source]:
    """The sources of deploys with their clients; nothing is read yet."""
    from perftui.clients.clock import SystemClock
    from perftui.clients.host_zone import host_zone
    from perftui.clients.log_file import LogFile
    from perftui.clients.worker import DaemonWorker
    from perftui.sources import deploy_file
    from perftui.sources.deploy_places import DeployPlaces

    clock, zone = SystemClock(), host_zone()
    file = LogFile(str(deploys_file(config)), FILE_BYTES)
    return [
        DeployPlaces(
            deploy_file.KIND.name,
            [deploy_file.DeployFile(file, zone, named=config.file is not None)],
            clock,
            DaemonWorker(deploy_file.KIND.name),
            interval_s=deploy_file.INTERVAL_S,
            days=config.days,
        )
    ]
