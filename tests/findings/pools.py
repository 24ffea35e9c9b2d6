"""Pools as their sources tell of them, made by hand for the rules."""

from __future__ import annotations

from typing import Any

from perftui.model.failure import Failed
from perftui.model.frame import Sample
from perftui.sources.pgbouncer import DatabaseRow, LinkRow, PgBouncerSample, Pooler, PoolRow, StatsRow, long_holds
from perftui.sources.pool_metrics import MetricsRow, PoolMetricsSample

POOL = "app/app"


def waiter(seconds: float, application: str = "orders-api") -> LinkRow:
    return LinkRow("app", "app", application, "10.0.0.9:5000", "waiting", seconds, None, None)


def holder(pid: int, seconds: float = 0.0, application: str = "orders-api") -> LinkRow:
    return LinkRow("app", "app", application, "10.0.0.9:5001", "active", None, seconds, pid)


def pgbouncer(
    in_use: int = 1,
    waiting: int = 0,
    wait_s: float = 0.0,
    *,
    size: int = 10,
    idle: int = 0,
    links: tuple[LinkRow, ...] = (),
    paused: bool = False,
    disabled: bool = False,
    mode: str = "transaction",
    failed: dict[str, Failed] = {},
    name: str = "",
    **seen: Any,
) -> Sample:
    """One pooler with one pool."""
    given: dict[str, Any] = {"used_clients": 12, "max_clients": 100, "default_pool_size": size, **seen}
    pooler = Pooler(
        mono=0.0,
        pools=(PoolRow("app", "app", in_use, waiting, in_use, idle, 0, wait_s, mode),),
        databases=(DatabaseRow("app", "app", "", size, 0, 0, in_use + idle, paused, disabled),),
        stats=(StatsRow("app", 100, 100, 0, None),),
        links=links,
        long_holds=long_holds(list(links)),
        **given,
    )
    return PgBouncerSample(mono=0.0, poolers={name: pooler}, failed=failed)


def application(in_use: int, waiting: int | None, max_size: int | None = 50, **seen: Any) -> Sample:
    """One application with one pool."""
    row = MetricsRow(
        name="HikariPool-1", kind="hikaricp", max_size=max_size, in_use=in_use, idle=0, waiting=waiting, **seen
    )
    return PoolMetricsSample(mono=0.0, pools={"orders": (row,)})
