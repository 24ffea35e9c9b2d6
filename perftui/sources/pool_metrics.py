"""Pools of applications, as they tell of them over HTTP."""

from __future__ import annotations

import msgspec

from perftui.model.failure import Failed
from perftui.model.frame import Sample
from perftui.sources.counters import delta, per_second, share
from perftui.sources.kind import Part, SourceKind
from perftui.sources.pool import PoolReading, name_below, state, unreadable, utilization


class MetricsRow(msgspec.Struct, frozen=True, kw_only=True):
    """One pool as its application told of it; None where it does not."""

    name: str
    """By the labels; empty where there is one pool without."""
    kind: str
    max_size: float | None = None
    size: float | None = None
    in_use: float | None = None
    idle: float | None = None
    waiting: float | None = None
    wait_s: float | None = None
    timeouts: float | None = None
    acquires: float | None = None
    acquire_s: float | None = None


class PoolMetricsSample(Sample, frozen=True, kw_only=True):
    pools: dict[str, tuple[MetricsRow, ...]]
    """By the name in the config."""
    failed: dict[str, Failed] = {}
    """Those that gave nothing, while others did."""
    instances: dict[str, int] = {}
    """How many like it there are, by the name in the config; those that are not there are alone."""


class PoolMetricsPart(Part, frozen=True, kw_only=True):
    pools: dict[str, PoolReading]


def derive(previous: PoolMetricsSample | None, current: PoolMetricsSample) -> PoolMetricsPart:
    """Readings of each pool; rates need two samples of it. One that can't be read is there with the reason."""
    pools: dict[str, PoolReading] = {name: unreadable("metrics", why) for name, why in current.failed.items()}
    for name, rows in current.pools.items():
        before = {row.name: row for row in (previous.pools.get(name, ()) if previous else ())}
        elapsed = current.mono - previous.mono if previous else 0.0
        for row in rows:
            # An application with one pool is called as the config calls it, whatever its pool calls itself.
            shown = name if len(rows) == 1 else name_below(name, row.name or row.kind)
            pools[shown] = _pool(before.get(row.name, row), row, elapsed, current.instances.get(name, 1))
    return PoolMetricsPart(pools=pools)


def _pool(before: MetricsRow, row: MetricsRow, elapsed_s: float, instances: int) -> PoolReading:
    in_use, max_size, waiting = _whole(row.in_use), _whole(row.max_size), _whole(row.waiting)
    ratio = utilization(in_use, max_size)
    waited = delta(before.acquire_s, row.acquire_s) if elapsed_s > 0 else None
    lent = delta(before.acquires, row.acquires) if elapsed_s > 0 else None
    acquire_s = share(waited, lent)
    return PoolReading(
        kind=row.kind,
        max_size=max_size,
        in_use=in_use,
        idle=_whole(row.idle),
        waiting=waiting,
        utilization_ratio=ratio,
        wait_s=acquire_s if row.wait_s is None else row.wait_s,
        leaked=None,
        state=state(ratio, waiting),
        acquire_s=acquire_s,
        acquires_per_s=per_second(before.acquires, row.acquires, elapsed_s),
        wait_s_per_s=None if waited is None else waited / elapsed_s,
        timeouts_per_s=per_second(before.timeouts, row.timeouts, elapsed_s),
        instances=instances,
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


KIND = SourceKind(
    name="pool_metrics", sample=PoolMetricsSample, part=PoolMetricsPart, derive=derive, root="", stale_s=15.0
)
