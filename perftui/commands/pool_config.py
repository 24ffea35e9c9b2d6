"""`[pools.NAME]` of the config: what may stand there, and what is wrong with it in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from perftui.commands.config_checks import check_url
from perftui.history.worst_pool import SERVER_POOL
from perftui.model.failure import UsageError

MOST_POOLS = 20
"""Ours: so many cost a host little that has little left."""
MOST_INSTANCES = 10_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class PoolConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One application or pooler: `[pools.NAME]`. Where it tells of its pools is one of `dsn`, `metrics` and `actuator`."""

    dsn: str | None = None
    """Console of a PgBouncer: postgresql://USER@HOST:PORT."""
    metrics: str | None = None
    """Page in the text format of Prometheus: http://HOST:PORT/metrics."""
    actuator: str | None = None
    """Spring's actuator, where it has no page for Prometheus: http://HOST:PORT/actuator."""
    headers_from_env: dict[str, str] = {}
    """Header → the environment variable that holds its value: secrets stand in no file and in no frame."""
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    instances: int = 1
    """How many like it there are and share the server, of which this one is asked."""
    names: dict[str, str] = {}
    """Field → metric, where the page has names of its own: `in_use = 'app_pool{state="busy"}'`."""
    label: str = ""
    """With `names`: the label that tells one pool from another."""


def check(pools: Mapping[str, PoolConfig], where: str) -> None:
    """Refuse what can't be read.

    Raises:
        UsageError: with the file, the key and what was expected.
    """
    if len(pools) > MOST_POOLS:
        raise UsageError(f"{where}: {len(pools)} pools; at most {MOST_POOLS}")
    for name, pool in pools.items():
        place = f"{where}: pools.{name}"
        if not _NAME.fullmatch(name) or name == SERVER_POOL:
            raise UsageError(
                f"{where}: pools.{name!r}: a name has up to 40 letters, digits, _ and -, and is not {SERVER_POOL}"
            )
        given = [key for key in ("dsn", "metrics", "actuator") if getattr(pool, key)]
        if len(given) != 1:
            raise UsageError(f"{place}: expected one of dsn (PgBouncer), metrics (Prometheus text), actuator (Spring)")
        if given == ["dsn"]:
            _check_dsn(pool, place)
        else:
            check_url(getattr(pool, given[0]), f"{place}: {given[0]}")
        _check_names(pool, place)
        if not 1 <= pool.instances <= MOST_INSTANCES:
            raise UsageError(f"{place}: instances: {pool.instances} is outside 1 to {MOST_INSTANCES}")
        for header in pool.headers_from_env:
            if not _HEADER.fullmatch(header) or header.lower() == "host":
                raise UsageError(f"{place}: headers_from_env: {header!r} is no header that can be set")


def _check_dsn(pool: PoolConfig, place: str) -> None:
    # The text itself is not quoted: it may hold a password.
    if not (pool.dsn or "").startswith(("postgresql://", "postgres://")):
        raise UsageError(f"{place}: dsn: expected postgresql://USER@HOST:PORT of PgBouncer's console")
    if pool.headers_from_env or pool.ca_file:
        raise UsageError(f"{place}: headers_from_env and ca_file belong to metrics and actuator, not to dsn")


def _check_names(pool: PoolConfig, place: str) -> None:
    if not pool.names:
        return
    if pool.metrics is None:
        raise UsageError(f"{place}: names belong to metrics")
    from perftui.sources.pool_dialects import own_dialect

    try:
        own_dialect(pool.names, pool.label)
    except ValueError as exc:
        raise UsageError(f"{place}: names: {exc}") from None
