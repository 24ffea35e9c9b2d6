"""Where this host can tell of deploys: what the config names, and what is found here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from perftui.commands.paths import state_dir
from perftui.commands.remote_deploys import (
    Closing,
    GitHubConfig,
    GitLabConfig,
    KubernetesConfig,
    check_remote,
    github_source,
    gitlab_source,
    kubernetes_source,
)
from perftui.model.failure import UsageError
from perftui.sources.deploy_places import DeployPlace, DeployPlaces
from perftui.sources.kind import Source

LOG_BYTES = 1 << 20
"""Read of a log at most: the newest part."""
SYSTEMD_RUNS = "/run/systemd/system"
"""There exactly where systemd is the init system: sd_booted(3)."""
APT_HISTORY, DPKG_LOG = "/var/log/apt/history.log", "/var/log/dpkg.log"


class DeploysConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[deploys]`: where deploys are told. Nothing in it is needed."""

    file: str | None = None
    """JSON lines from any tool, and what `perftui mark` writes; by default `deploys.jsonl` in the state folder."""
    days: float = 7.0
    """How far back changes are read."""
    packages: bool = True
    """What apt, dpkg and dnf keep of their runs, where they are."""
    systemd: bool = True
    """Starts of services, where systemd runs."""
    git: dict[str, str] = {}
    """Service → directory that is deployed by git."""
    capistrano: dict[str, str] = {}
    """Service → directory that Capistrano deploys to."""
    kubernetes: KubernetesConfig = KubernetesConfig()
    """The cluster that kubectl talks to, where it does."""
    github: dict[str, GitHubConfig] = {}
    """Service → repository whose deployments are told."""
    gitlab: dict[str, GitLabConfig] = {}
    """Service → project whose deployments are told."""


def check(config: DeploysConfig, where: str) -> None:
    """Refuse what could never be read.

    Raises:
        UsageError: a path that is not absolute, an address or a name that is none, days out of range; `where` names the
            config file.
    """
    if not 0 < config.days <= 366:
        raise UsageError(f"{where}: deploys.days: {config.days:g} is outside 0 to 366")
    named = {
        **({"file": config.file} if config.file is not None else {}),
        **{f"git.{service}": path for service, path in config.git.items()},
        **{f"capistrano.{service}": path for service, path in config.capistrano.items()},
        **({"kubernetes.kubeconfig": config.kubernetes.kubeconfig} if config.kubernetes.kubeconfig else {}),
    }
    for key, path in named.items():
        if not Path(path).expanduser().is_absolute():
            raise UsageError(
                f"{where}: deploys.{key}: {path!r} is no absolute path; it would change with the folder you are in"
            )
    check_remote(config.kubernetes, config.github, config.gitlab, where)


def deploys_file(config: DeploysConfig) -> Path:
    """The file of deploys and marks."""
    return state_dir() / "deploys.jsonl" if config.file is None else Path(config.file).expanduser()


def deploy_sources(config: DeploysConfig, boot_at: float | None = None, closing: Closing | None = None) -> list[Source]:
    """The sources of deploys with their clients; nothing is read yet.

    Another kind of source is its own function here and a line in `found`.

    Args:
        closing: What ends their connections is added there.
    """
    from perftui.clients.host_zone import host_zone
    from perftui.clients.log_file import LogFile
    from perftui.sources import deploy_file, deploy_kinds

    ends: Closing = [] if closing is None else closing
    file = LogFile(str(deploys_file(config)), LOG_BYTES)
    found: list[Source | None] = [
        _places(
            deploy_kinds.FILE.name,
            [deploy_file.DeployFile(file, host_zone(), named=config.file is not None)],
            config,
            deploy_file.INTERVAL_S,
        ),
        _places(deploy_kinds.PACKAGES.name, _packages(config), config),
        _systemd(config, boot_at),
        _places(deploy_kinds.CAPISTRANO.name, _capistrano(config), config),
        _places(deploy_kinds.GIT.name, _git(config), config),
        kubernetes_source(config.kubernetes, config.days, ends),
        github_source(config.github, config.days, ends),
        gitlab_source(config.gitlab, config.days, ends),
    ]
    return [source for source in found if source is not None]


def _places(
    name: str, places: Sequence[DeployPlace], config: DeploysConfig, interval_s: float = 10.0
) -> DeployPlaces | None:
    """A source of its own worker; none without places."""
    from perftui.clients.clock import SystemClock
    from perftui.clients.worker import DaemonWorker

    if not places:
        return None
    return DeployPlaces(name, places, SystemClock(), DaemonWorker(name), interval_s=interval_s, days=config.days)


def _packages(config: DeploysConfig) -> list[DeployPlace]:
    return [*_debian_packages(), *_dnf_transactions()] if config.packages else []


def _debian_packages() -> list[DeployPlace]:
    has_apt, has_dpkg = Path(APT_HISTORY).exists(), Path(DPKG_LOG).exists()
    if not (has_apt or has_dpkg):
        return []
    from perftui.clients.host_zone import host_zone
    from perftui.clients.log_file import LogFile
    from perftui.sources.deploy_packages import AptHistory, DpkgLog

    zone = host_zone()
    apt = AptHistory(LogFile(APT_HISTORY, LOG_BYTES), zone) if has_apt else None
    dpkg = DpkgLog(LogFile(DPKG_LOG, LOG_BYTES), zone, apt) if has_dpkg else None
    return [place for place in (apt, dpkg) if place is not None]


def _dnf_transactions() -> list[DeployPlace]:
    from perftui.clients.dnf_history import PATHS, DnfHistory

    paths = [path for path in PATHS if Path(path).exists()]
    if not paths:
        return []
    from perftui.sources.deploy_dnf import DnfTransactions

    return [DnfTransactions(DnfHistory(path)) for path in paths]


def _systemd(config: DeploysConfig, boot_at: float | None) -> Source | None:
    if not config.systemd or not Path(SYSTEMD_RUNS).exists():
        return None
    from perftui.clients.clock import SystemClock
    from perftui.clients.kernel_files import KernelFiles
    from perftui.clients.systemctl import Systemctl
    from perftui.clients.worker import DaemonWorker
    from perftui.sources.deploy_systemd import SystemdServices

    worker = DaemonWorker(SystemdServices.name)
    return SystemdServices(Systemctl(), KernelFiles(), SystemClock(), worker, boot_at=boot_at, days=config.days)


def _git(config: DeploysConfig) -> list[DeployPlace]:
    if not config.git:
        return []
    from perftui.clients.git_folder import Reflog
    from perftui.sources.deploy_git import GitDirectory

    return [
        GitDirectory(service, Reflog(str(Path(path).expanduser()), LOG_BYTES)) for service, path in config.git.items()
    ]


def _capistrano(config: DeploysConfig) -> list[DeployPlace]:
    if not config.capistrano:
        return []
    from functools import partial

    from perftui.clients.log_file import LogFile
    from perftui.clients.release_link import release_link
    from perftui.sources.deploy_capistrano import CapistranoDirectory

    places: list[DeployPlace] = []
    for service, path in config.capistrano.items():
        folder = Path(path).expanduser()
        log = LogFile(str(folder / "revisions.log"), LOG_BYTES)
        places.append(CapistranoDirectory(service, log, partial(release_link, str(folder / "current"))))
    return places
