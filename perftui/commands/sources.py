"""Which sources this system has, and what it is: the wiring of clients and sources for the host."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from perftui.clients.clock import SystemClock
from perftui.clients.worker import DaemonWorker
from perftui.commands.deploy_sources import deploy_sources
from perftui.model.frame import Machine
from perftui.sources.kind import ReportsAll, Source
from perftui.sources.text import printable

if TYPE_CHECKING:
    from perftui.clients.pg_control import PgControl
    from perftui.commands.config import Config


CLOSE_S = 0.3
"""All connections together have this long to end in order."""


class Wired(msgspec.Struct, frozen=True, kw_only=True):
    """What is sampled, and what is held for it."""

    sources: list[Source]
    control: PgControl | None = None
    """What acts on Postgres; None where none is watched."""
    closing: tuple[Callable[[], Awaitable[None]], ...] = ()

    async def aclose(self) -> None:
        """End all connections in order, so that no server has to write of a client that vanished."""
        closing = [asyncio.ensure_future(close()) for close in self.closing]
        if closing:
            await asyncio.wait(closing, timeout=CLOSE_S)


def all_sources(dsn: str | None, config: Config) -> Wired:
    """Everything that a live command samples."""
    from perftui.commands.pool_sources import pool_sources
    from perftui.commands.probe_sources import probe_sources

    postgres, pools = postgres_sources(dsn), pool_sources(config.pools)
    closing: list[Callable[[], Awaitable[None]]] = []
    deploys = deploy_sources(config.deploys, _boot_at(), closing)
    return msgspec.structs.replace(
        postgres,
        sources=[
            *host_sources(),
            *postgres.sources,
            *pools.sources,
            *deploys,
            *probe_sources(config),
        ],
        closing=(*postgres.closing, *pools.closing, *closing),
    )


def host_sources(platform: str = sys.platform) -> list[Source]:
    """The sources of the host with their clients; nothing is read yet. Off Linux they go through psutil and are fewer."""
    return _linux() if platform == "linux" else _portable()


def postgres_sources(dsn: str | None) -> Wired:
    """The sources of the Postgres that psql would connect to; none where nothing names one and none runs here.

    Args:
        dsn: As given by --dsn; without it PG* variables and the service file decide, then the local socket.
    """
    if dsn is None and not postgres_is_here():
        return Wired(sources=[])
    from perftui.clients.pg_control import PgControl
    from perftui.clients.postgres import Postgres
    from perftui.sources.pg_columns import PgColumns
    from perftui.sources.pg_control import PgControlState
    from perftui.sources.pg_counters import PgCounters
    from perftui.sources.pg_followers import PgReplication
    from perftui.sources.pg_session import PgActivity
    from perftui.sources.pg_statements import PgStatements
    from perftui.sources.pg_tables import PgTables
    from perftui.sources.pg_vacuum import PgVacuum
    from perftui.sources.pg_wal import PgWal

    clock = SystemClock()
    postgres = Postgres(dsn, clock.mono)
    control, columns = PgControl(dsn, clock.mono, postgres), PgColumns(postgres)
    return Wired(
        sources=[
            PgActivity(postgres, clock),
            PgCounters(postgres, clock),
            PgStatements(postgres, clock, control),
            PgControlState(control, clock),
            PgVacuum(postgres, clock),
            PgReplication(postgres, clock, columns),
            PgWal(postgres, clock, columns),
            PgTables(postgres, clock),
        ],
        control=control,
        closing=(control.close, postgres.close),
    )


def postgres_is_here() -> bool:
    """Whether psql without arguments would have somewhere to go: named by the environment, or on a local socket."""
    from perftui.clients.pg_place import local_sockets

    return _postgres_is_named() or bool(local_sockets())


def _postgres_is_named() -> bool:
    names = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGUSER", "PGPORT")
    return any(os.environ.get(name) for name in names)


def all_processes(sources: Sequence[Source]) -> Callable[[bool], None]:
    """Asks the source of processes for all of them, or for the leaders only."""

    def ask(wanted: bool) -> None:
        for source in sources:
            if isinstance(source, ReportsAll):
                source.wanted_all = wanted

    return ask


def _linux() -> list[Source]:
    from perftui.clients.kernel_files import KernelFiles
    from perftui.clients.kernel_messages import KernelMessages
    from perftui.clients.process_table import ProcessTable
    from perftui.sources.cgroup_tree import Cgroups
    from perftui.sources.cpu import Cpu
    from perftui.sources.disks import Disks
    from perftui.sources.file_handles import FileHandles
    from perftui.sources.filesystems import Filesystems
    from perftui.sources.kernel_log import KernelLog
    from perftui.sources.memory import Memory
    from perftui.sources.network import Network
    from perftui.sources.pressure import Pressure
    from perftui.sources.process_scan import Processes

    clock, files, page_bytes = SystemClock(), KernelFiles(), os.sysconf("SC_PAGE_SIZE")
    # A worker's thread reads through KernelFiles of its own: kept descriptors are not shared between threads.
    return [
        Cpu(files, clock),
        Pressure(files, clock),
        Memory(files, clock, page_bytes),
        Disks(files, clock),
        Filesystems(KernelFiles(), clock, DaemonWorker("filesystems")),
        Network(files, clock),
        Processes(
            ProcessTable(), KernelFiles(), clock, DaemonWorker("processes"), page_bytes, os.sysconf("SC_CLK_TCK")
        ),
        Cgroups(files, clock),
        KernelLog(KernelMessages(), clock),
        FileHandles(files, clock),
    ]


def _portable() -> list[Source]:
    from perftui.clients.psutil_host import PsutilHost
    from perftui.sources.portable import (
        PortableCpu,
        PortableDisks,
        PortableFilesystems,
        PortableMemory,
        PortableNetwork,
        PortableProcesses,
    )

    clock, host = SystemClock(), PsutilHost()
    return [
        PortableCpu(host, clock),
        PortableMemory(host, clock, os.sysconf("SC_PAGE_SIZE")),
        PortableDisks(host, clock),
        PortableFilesystems(host, clock, DaemonWorker("filesystems")),
        PortableNetwork(host, clock),
        PortableProcesses(host, clock, DaemonWorker("processes")),
    ]


def machine() -> Machine:
    """What this host is."""
    system = os.uname()
    return Machine(
        hostname=printable(system.nodename, 64),
        system=printable(f"{system.sysname} {system.release}", 64),
        cores=os.sysconf("SC_NPROCESSORS_ONLN"),
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        boot_at=_boot_at(),
    )


def _boot_at() -> float:
    since_boot: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    if since_boot is not None:
        return time.time() - time.clock_gettime(since_boot)
    from perftui.clients.psutil_host import PsutilHost

    return PsutilHost().boot_at()
