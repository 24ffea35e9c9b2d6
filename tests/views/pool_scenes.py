"""Poolers and applications in front of the server of `pg_scenes`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perftui.findings.verdict import verdict
from perftui.history import worst_pool
from perftui.history.history import HistoryStore
from perftui.model.failure import Failed, FailureKind
from perftui.model.finding import Finding
from perftui.model.frame import Frame, Sample
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.kind import Part
from perftui.sources.pgbouncer import PgBouncerPart
from perftui.sources.pool import PoolClient, PoolReading, state, utilization
from perftui.sources.pool_metrics import PoolMetricsPart
from tests.views.pg_scenes import ACTIVITY, PG_KINDS
from tests.views.scenes import KINDS, MACHINE, STARTED_AT, Given, given, samples

POOL_KINDS = (
    given("pgbouncer", PgBouncerPart, root="", stale_s=5.0),
    given("pool_metrics", PoolMetricsPart, root="", stale_s=15.0),
)
DOWN = Failed(kind=FailureKind.UNREACHABLE, detail="pgbouncer: nobody listens at 10.0.0.7:6432; is it running there?")


def pool(in_use: int | None, max_size: int | None, waiting: int | None, **seen: Any) -> PoolReading:
    ratio = utilization(in_use, max_size)
    shut = seen.get("shut", "")
    told: dict[str, Any] = {
        "kind": "pgbouncer",
        "idle": 0,
        "wait_s": 2.4 if waiting else 0.0,
        "leaked": 0,
        "state": state(ratio, waiting, shut),
        "queries_per_s": 1200.0,
        "database": "shop",
        "user": "orders",
    }
    return PoolReading(max_size=max_size, in_use=in_use, waiting=waiting, utilization_ratio=ratio, **{**told, **seen})


def client(application: str, number: int, **seen: Any) -> PoolClient:
    told: dict[str, Any] = {"state": "active", "waited_s": None, "held_s": None, "backend_pid": None, **seen}
    return PoolClient(application=application, address=f"10.0.0.9:{5000 + number}", **told)


FULL = pool(
    50, 50, 41,
    clients=(
        client("orders-api", 1, held_s=192.0, backend_pid=4242),
        client("orders-api", 2, held_s=170.0, backend_pid=4310),
        client("mallory \\x1b", 3, held_s=1.0, backend_pid=99),
        client("orders-web", 4, state="waiting", waited_s=2.4),
    ),
)  # fmt: skip
POOLS = {
    "orders/app": FULL,
    "reports/app": pool(1, 5, 0),
    "pgbouncer/clients": pool(12, 100, None, kind="clients"),
}
APPLICATIONS = {"billing": pool(4, 10, None, kind="sqlalchemy", wait_s=None, leaked=None, queries_per_s=None)}
PAUSED = {"orders/app": pool(0, 50, 8, shut="paused", accepts=False)}


def pooled(
    pools: dict[str, PoolReading] | None = POOLS,
    applications: dict[str, PoolReading] | None = APPLICATIONS,
    seconds: int = 10,
    after: int | None = None,
    failures: Mapping[str, Failed] = {},
    findings: tuple[Finding, ...] = (),
    **server: Part,
) -> Snapshot:
    """The host with its server and its pools.

    Args:
        pools: Of PgBouncer; None where none is watched.
        applications: Over HTTP; None where none is asked.
        after: The second from which on the sources in `failures` give nothing.
        server: Parts of Postgres' sources.
    """
    given_pools = {"pgbouncer": pools, "pool_metrics": applications}
    parts: dict[str, Part] = {"pg_activity": ACTIVITY, **server}
    kinds = tuple(kind for kind in POOL_KINDS if given_pools[kind.name] is not None)
    store = HistoryStore([*KINDS, *PG_KINDS, *kinds], trends=worst_pool.TRENDS)
    if pools is not None:
        parts["pgbouncer"] = PgBouncerPart(pools=pools)
    if applications is not None:
        parts["pool_metrics"] = PoolMetricsPart(pools=applications)
    for second in range(seconds + 1):
        mono = 100.0 + second
        gone = {name for name in failures if after is None or second >= after}
        read: dict[str, Sample] = {
            **samples(second, mono),
            **{name: Given(mono=mono, part=part) for name, part in parts.items() if name not in gone},
        }
        failed = {name: failures[name] for name in gone}
        history = store.push(Frame(seq=second, at=STARTED_AT + second, mono=mono, samples=read, failed=failed))
    return Snapshot(machine=MACHINE, history=history, findings=findings, verdict=verdict(history, findings))
