"""What an environment is, so that two of them can be compared: written as TOML in one, carried over, read in the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec

Whole = Annotated[int, msgspec.Meta(ge=0)]
Number = Annotated[float, msgspec.Meta(ge=0)] | Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)] | Annotated[int, msgspec.Meta(ge=0, le=1)]

SYSCTLS = (
    "net.core.somaxconn",
    "net.core.netdev_max_backlog",
    "net.core.rmem_max",
    "net.core.wmem_max",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
    "net.ipv4.tcp_congestion_control",
    "fs.file-max",
    "vm.swappiness",
    "vm.overcommit_memory",
)
"""Kernel settings that let two hosts of one size take different loads."""


class PostgresFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server and the database that was connected to. Source: pg_settings, pg_class, pg_stat_database; None: not known."""

    version: str | None = None
    database: str | None = None
    max_connections: Whole | None = None
    database_bytes: Whole | None = None
    rows: Whole | None = None
    """Of all tables of users, as the server estimates them."""
    cache_hit_ratio: Share | None = None
    """Blocks found in shared buffers / blocks asked for, while it was looked at."""
    shared_buffers_bytes: Whole | None = None
    effective_cache_size_bytes: Whole | None = None
    work_mem_bytes: Whole | None = None
    max_wal_size_bytes: Whole | None = None
    random_page_cost: Number | None = None
    synchronous_commit: str | None = None
    fsync: bool | None = None
    autovacuum: bool | None = None
    pg_stat_statements: bool | None = None
    """The extension is there in this database."""
    table_rows: dict[str, Whole] = {}
    """Of the biggest tables, by name with schema; partitions count for the table that they are parts of."""
    table_bytes: dict[str, Whole] = {}
    """Of the same, with indexes and TOAST."""


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A host as a program started here finds it; None: not known."""

    at: str | None = None
    """When it was looked at, UTC."""
    host: str | None = None
    cores: Number | None = None
    """CPUs that a program can use here: those it may run on, at most the quota of its control group."""
    cpu_model: str | None = None
    memory_bytes: Whole | None = None
    """Memory that a program can use here: the host's, at most the limit of its control group."""
    swap_bytes: Whole | None = None
    bandwidth_bits_per_s: Number | None = None
    """Link speed of the interface that the default route leaves through; nothing is measured."""
    os: str | None = None
    kernel: str | None = None
    open_files: Whole | None = None
    """Soft limit of open files of a program started here."""
    transparent_hugepages: str | None = None
    data_path: str | None = None
    """What the next two are about."""
    data_filesystem_bytes: Whole | None = None
    data_disk_kind: str | None = None
    """ssd or hdd."""
    sysctl: dict[str, int | str] = {}
    pools: dict[str, Whole] = {}
    """Connections that each pool may open at the most."""
    postgres: PostgresFacts | None = None


class Gathered(msgspec.Struct, frozen=True):
    """What is known of this environment."""

    facts: Facts
    notes: Mapping[str, str]
    """By name as in `named`: why it is not known, or what its value comes from."""


def named(facts: Facts) -> dict[str, Any]:
    """Every value that is known by its name: `cores`, `sysctl.vm.swappiness`, `postgres.table_rows.public.orders`."""
    return dict(_named("", msgspec.to_builtins(facts)))


def _named(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _named(f"{prefix}{name}.", value)
        elif value is not None:
            yield f"{prefix}{name}", value
