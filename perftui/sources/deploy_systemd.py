"""Starts of systemd's services, and whether their executable was replaced: a restart, or a deploy.

Source: `systemctl show` (systemd 232 and newer) and /proc/PID/exe. A service whose program is an interpreter keeps its
executable over a deploy; its deploys look like restarts here.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from perftui.model.failure import SourceError
from perftui.sources.deploy import Deploy, DeployKind, DeploysSample, DeployStatus, Place, newest
from perftui.sources.deploy_places import DAY_S
from perftui.sources.deploy_text import told
from perftui.sources.files import Clock, Worker

SOURCE = "systemd"
PROPERTIES = ("Id", "MainPID", "ExecMainStartTimestamp", "NRestarts", "InvocationID", "ActiveState")
REPLACED_BEFORE_S = 3600.0
"""An executable that was put there at most so long before the start we find counts as deployed with it (ours)."""
BOOT_S = 300.0
"""Starts this soon after the system's own are not told one by one (ours)."""
_AGAIN_S = 5.0
_SESSIONS = ("user@", "user-runtime-dir@", "getty@", "serial-getty@", "ssh@", "sshd@")
"""Services that come and go with logins."""
_STAMP = re.compile(r"\w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC")


class Systemctl(Protocol):
    """Asks systemd; raises SourceError."""

    async def show(self, pattern: str, properties: tuple[str, ...]) -> str: ...


class Executables(Protocol):
    """Looks at files; raises SourceError."""

    def link(self, path: str) -> str: ...
    def status(self, path: str) -> os.stat_result: ...


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """An active service with a process."""

    name: str
    pid: int
    started_at: float
    restarts: int | None
    """By systemd itself (Restart=) since it was started by somebody; None before systemd 235."""
    invocation: str
    """Another one with each start."""


class Executable(msgspec.Struct, frozen=True, kw_only=True):
    """The file that a process runs."""

    path: str
    identity: tuple[int, int, int]
    """Device, inode and moment of its content: other ones are another build."""
    placed_at: float
    """Its inode's last change, which is when it was put there: packages keep the build's own date."""
    replaced_at: float | None = None
    """When another file took its place, which the process does not run yet; None while it runs what is there."""


def parse_services(text: str) -> list[Service]:
    """The active services with a process in the blocks of `systemctl show`; sessions of people are left out."""
    services = []
    for block in re.split(r"\n\s*\n", text):
        facts = dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)
        name, pid = facts.get("Id", ""), facts.get("MainPID", "0")
        stamp = _STAMP.fullmatch(facts.get("ExecMainStartTimestamp", ""))
        if facts.get("ActiveState") != "active" or not pid.isdigit() or pid == "0" or stamp is None:
            continue
        if name.startswith(_SESSIONS):
            continue
        restarts = facts.get("NRestarts", "")
        services.append(
            Service(
                name=told(name.removesuffix(".service"), 100) or "?",
                pid=int(pid),
                started_at=datetime.fromisoformat(stamp[1]).replace(tzinfo=UTC).timestamp(),
                restarts=int(restarts) if restarts.isdigit() else None,
                invocation=facts.get("InvocationID") or stamp[1],
            )
        )
    return services


def executable(files: Executables, pid: int) -> Executable | None:
    """What a process runs; None where that may not be seen or the process is gone."""
    try:
        path = files.link(f"/proc/{pid}/exe")
        running = files.status(f"/proc/{pid}/exe")
    except SourceError:
        return None
    replaced_at = None
    if path.endswith(" (deleted)"):
        path = path.removesuffix(" (deleted)")
        try:
            replaced_at = files.status(path).st_ctime
        except SourceError:  # removed, or in a root of its own
            replaced_at = None
    return Executable(
        path=told(path, 200) or "?",
        identity=(running.st_dev, running.st_ino, running.st_mtime_ns),
        placed_at=running.st_ctime,
        replaced_at=replaced_at,
    )


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A service as it was at the last look."""

    service: Service
    executable: Executable | None


def start_of(seen: Seen, before: Seen | None, now_at: float) -> Deploy:
    """The record of a service's start.

    Args:
        before: the same service under its invocation before; None where this is the first that we know.
    """
    service, runs = seen.service, seen.executable
    was = before.executable if before else None
    if before is not None:
        replaced = runs is not None and was is not None and runs.identity != was.identity
    else:
        # systemd tells whole seconds, so a start may seem to lie before what was put there in the same second.
        replaced = runs is not None and -1 < service.started_at - runs.placed_at <= REPLACED_BEFORE_S
    pieces = []
    if runs is None:
        pieces.append("its executable can't be seen; run as root to tell a deploy from a restart")
    elif replaced:
        pieces.append(f"{runs.path} was replaced before this start")
    else:
        pieces.append(f"{runs.path} is as it was" if before else f"{runs.path} was there long before")
    if before is not None and service.restarts and service.restarts > (before.service.restarts or 0):
        pieces.append("systemd restarted it by itself")
    return Deploy(
        id=f"systemd:{service.name}:{service.invocation}",
        at=service.started_at,
        precision_s=1.0,
        service=service.name,
        source=SOURCE,
        kind=DeployKind.DEPLOY if replaced else DeployKind.RESTART,
        status=DeployStatus.SUCCEEDED,
        detail="; ".join(pieces),
        seen_at=now_at,
    )


def waiting(seen: Seen, now_at: float) -> Deploy | None:
    """A new executable lies there and the old one still runs."""
    runs = seen.executable
    if runs is None or runs.replaced_at is None:
        return None
    return Deploy(
        id=f"systemd:{seen.service.name}:{runs.replaced_at:.3f}",
        at=runs.replaced_at,
        precision_s=1.0,
        service=seen.service.name,
        source=SOURCE,
        kind=DeployKind.DEPLOY,
        status=DeployStatus.STARTED,
        detail=f"{runs.path} was replaced and the old one still runs; a restart takes the new one",
        seen_at=now_at,
    )


class SystemdServices:
    """Asks systemd every 10 s, and looks at the executables in a worker."""

    name = "systemd"
    interval_s = 10.0
    deadline_s = 6.0

    def __init__(
        self,
        systemctl: Systemctl,
        files: Executables,
        clock: Clock,
        worker: Worker,
        *,
        boot_at: float | None,
        days: float = 7.0,
    ) -> None:
        self._systemctl = systemctl
        self._files = files
        self._clock = clock
        self._worker = worker
        self._boot_at = boot_at
        self._horizon_s = days * DAY_S
        self._seen: dict[str, Seen] = {}
        self._starts: dict[str, Deploy] = {}
        self._waiting: dict[str, Deploy] = {}
        self._first_at: float | None = None
        self._asked_mono: float | None = None

    async def sample(self) -> DeploysSample:
        """Ask once; what was asked some seconds ago is given again.

        Raises:
            SourceError: UNSUPPORTED where systemd does not run, MISSING, DENIED, TIMED_OUT.
        """
        mono = self._clock.mono()
        if self._asked_mono is None or mono - self._asked_mono >= _AGAIN_S:
            services = parse_services(await self._systemctl.show("*.service", PROPERTIES))
            await self._worker.run(lambda: self._look(services))
            self._asked_mono = mono
        return DeploysSample(
            mono=mono,
            deploys=newest([*self._starts.values(), *self._waiting.values()], self._clock.wall() - self._horizon_s),
            places=(Place(name="systemd", since_at=self._first_at, trouble=self._trouble()),),
        )

    def _look(self, services: list[Service]) -> None:
        now_at = self._clock.wall()
        pending = {}
        for service in services:
            before = self._seen.get(service.name)
            seen = self._seen[service.name] = Seen(service=service, executable=executable(self._files, service.pid))
            if (before is None or before.service.invocation != service.invocation) and not self._with_boot(service):
                start = start_of(seen, before, now_at)
                self._starts[start.id] = start
            late = waiting(seen, now_at)
            if late is not None:
                pending[late.id] = self._waiting.get(late.id, late)
        self._waiting = pending
        kept = newest(self._starts.values(), now_at - self._horizon_s)
        self._starts = {deploy.id: deploy for deploy in reversed(kept)}
        self._first_at = self._first_at or now_at

    def _with_boot(self, service: Service) -> bool:
        return self._boot_at is not None and service.started_at - self._boot_at < BOOT_S

    def _trouble(self) -> str:
        hidden = sum(seen.executable is None for seen in self._seen.values())
        if not hidden:
            return ""
        return f"executables of {hidden} services can't be seen; run as root to tell deploys from restarts"
