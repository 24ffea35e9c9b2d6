"""Who holds the connections of a pooler and what they do with them: its clients joined with the backends of Postgres."""

from __future__ import annotations

import msgspec

from perftui.history.history import History
from perftui.history.worst_pool import pools
from perftui.sources.cpu import CpuPart
from perftui.sources.disks import DisksPart
from perftui.sources.pg_activity import PgActivityPart, SessionRow
from perftui.sources.pool import SERVER, PoolClient, PoolReading
from perftui.sources.processes import ProcessesPart

NO_CONNECTIONS = "clients"
"""Kind of the pool of slots for clients, which are no connections to Postgres."""


class PoolLink(msgspec.Struct, frozen=True, kw_only=True):
    """A client of a pool that waits for a connection, or one with the backend it holds."""

    pool: str
    client: PoolClient
    backend: SessionRow | None
    """What the backend does; None where none is held, or where it is not known: idle, of another server, or none is
    watched."""


def pool_links(history: History, only: str | None = None) -> list[PoolLink]:
    """Of all pools or one; remote_pid of SHOW SERVERS is the pid of pg_stat_activity."""
    activity = history.latest(PgActivityPart)
    rows = {row.pid: row for row in activity.backends} if activity else {}
    found = []
    for name, pool in pools(history).items():
        if only not in (None, name):
            continue
        for client in pool.clients:
            backend = rows.get(client.backend_pid or 0)
            if backend is not None and not _same(pool, backend):
                backend = None
            found.append(PoolLink(pool=name, client=client, backend=backend))
    return found


def _same(pool: PoolReading, backend: SessionRow) -> bool:
    """Two servers may have backends of the same pid."""
    return (pool.database, pool.user) in (
        (backend.database, backend.user),
        (None, backend.user),
        (backend.database, None),
        (None, None),
    )


class Sizing(msgspec.Struct, frozen=True, kw_only=True):
    """What all pools together could open, against what the server takes and what its hardware feeds."""

    may_open: int
    """max_size of all pools together, with all their instances."""
    shared: str
    """Of which pool that counts several: `orders 10 x 12`; empty where each is alone."""
    slots: int | None
    """max_connections without those that are reserved; None while no server is watched."""
    advised: int | None
    """cores x 2 + spindles (S002, summary of chapter 35); None where the server does not run on this host."""
    cores: int | None
    spindles: int | None


def sizing(history: History) -> Sizing | None:
    """None where no pool tells its size."""
    found = pools(history)
    sizes = {
        name: (pool.max_size, pool.instances)
        for name, pool in found.items()
        if pool.kind not in (SERVER, NO_CONNECTIONS) and pool.max_size
    }
    if not sizes:
        return None
    activity = history.latest(PgActivityPart)
    cpu, disks = history.latest(CpuPart), history.latest(DisksPart)
    here = activity is not None and _postgres_runs_here(history)
    cores = cpu.cpu.count if cpu and here else None
    spindles = max(1, sum(map(_is_drive, disks.disks))) if disks and here else None
    return Sizing(
        may_open=sum(size * instances for size, instances in sizes.values()),
        shared=", ".join(f"{name} {size} x {instances}" for name, (size, instances) in sizes.items() if instances > 1),
        slots=activity.connections.max - activity.connections.reserved if activity else None,
        advised=None if cores is None or spindles is None else cores * 2 + spindles,
        cores=cores,
        spindles=spindles,
    )


def _is_drive(name: str) -> bool:
    """Not made of memory, of a file or of other drives."""
    return not name.startswith(("loop", "ram", "zram", "sr", "fd", "nbd", "dm-", "md"))


def _postgres_runs_here(history: History) -> bool:
    part = history.latest(ProcessesPart)
    return any(process.name.startswith(("postgres", "postmaster")) for process in (part.processes.top if part else ()))


def sizing_words(found: Sizing) -> str:
    """`the pools may open 53 of the server's 97 connections; 4 cores x 2 + 1 disk feed about 9`."""
    words = f"the pools may open {found.may_open}" + (f" ({found.shared})" if found.shared else "")
    if found.slots is not None:
        over = found.may_open > found.slots
        words += f", more than the server's {found.slots}" if over else f" of the server's {found.slots}"
    words += " connections"
    if found.advised is not None:
        disks = "disk" if found.spindles == 1 else "disks"
        words += f"; {found.cores} cores x 2 + {found.spindles} {disks} feed about {found.advised}"
    return words
