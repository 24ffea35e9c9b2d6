"""Applications' pools over real HTTP, and what follows from two looks at them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.http import HttpDocuments
from perftui.model.failure import Failed, FailureKind, SourceError
from perftui.sources.pool import PoolState
from perftui.sources.pool_dialects import PoolMetrics
from perftui.sources.pool_endpoints import Actuator, MetricsPage, PoolEndpoints
from perftui.sources.pool_metrics import MetricsRow, PoolMetricsSample, derive
from tests.http_server import HttpServer, Page
from tests.sources.test_pool_dialects import MICROMETER, SQLALCHEMY


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as found:
        yield found


@pytest.fixture
async def documents() -> AsyncIterator[HttpDocuments]:
    found = HttpDocuments()
    yield found
    await found.close()


async def test_pages_of_several_applications_in_one_sample(server: HttpServer, documents: HttpDocuments) -> None:
    server.pages |= {"/a": Page(MICROMETER), "/b": Page(SQLALCHEMY), "/c": Page(b"", 503)}
    pages = {name: MetricsPage(documents, f"{server.url}/{name}", PoolMetrics()) for name in "abc"}
    sample = await PoolEndpoints(pages, SystemClock()).sample()
    pools = derive(None, sample).pools

    assert (pools["a"].in_use, pools["a"].max_size, pools["a"].waiting, pools["a"].state) == (47, 50, 41, "critical")
    assert (pools["b"].in_use, pools["b"].waiting, pools["b"].wait_s) == (4, None, None)
    assert (pools["c"].state, pools["c"].in_use) == (PoolState.UNKNOWN, None)
    assert "status 503" in pools["c"].problem


@pytest.mark.parametrize(
    ("page", "kind", "words"),
    [
        (Page(b"process_cpu_seconds_total 1\n"), FailureKind.MISSING, "table names"),
        (Page(b"hikaricp_connections_active{pool=\n"), FailureKind.MALFORMED, "text format of Prometheus"),
        (Page(b"\xff\xfe\x00"), FailureKind.MISSING, "no metrics of a pool"),
        (Page(b"", 403), FailureKind.DENIED, "403"),
    ],
)
async def test_when_none_can_be_read_the_source_fails(
    server: HttpServer, documents: HttpDocuments, page: Page, kind: FailureKind, words: str
) -> None:
    server.pages["/metrics"] = page
    source = PoolEndpoints({"orders": MetricsPage(documents, f"{server.url}/metrics", PoolMetrics())}, SystemClock())
    with pytest.raises(SourceError) as told:
        await source.sample()

    assert told.value.kind is kind
    assert told.value.detail.startswith("orders: ")
    assert words in told.value.detail


def meter(*measurements: tuple[str, float], pools: tuple[str, ...] = ("HikariPool-1",)) -> Page:
    """As Spring's actuator answers /actuator/metrics/NAME; no Java application runs here."""
    told: dict[str, Any] = {
        "name": "hikaricp.connections",
        "description": "…",
        "baseUnit": None,
        "measurements": [{"statistic": statistic, "value": value} for statistic, value in measurements],
        "availableTags": [{"tag": "pool", "values": list(pools)}] if pools else [],
    }
    return Page(json.dumps(told).encode())


def actuator_pages(pools: tuple[str, ...] = ("HikariPool-1",)) -> dict[str, Page]:
    meters = {
        "active": meter(("VALUE", 9.0), pools=pools),
        "idle": meter(("VALUE", 1.0), pools=pools),
        "max": meter(("VALUE", 10.0), pools=pools),
        "pending": meter(("VALUE", 12.0), pools=pools),
        "acquire": meter(("COUNT", 200.0), ("TOTAL_TIME", 3.5), ("MAX", 0.2), pools=pools),
    }
    return {f"/actuator/metrics/hikaricp.connections.{name}": page for name, page in meters.items()}


async def test_springs_actuator_by_pool(server: HttpServer, documents: HttpDocuments) -> None:
    server.pages |= actuator_pages(("a pool", "b"))
    rows = await Actuator(documents, f"{server.url}/actuator/").read()

    assert rows[0] == MetricsRow(
        name="a pool", kind="hikaricp", max_size=10, in_use=9, idle=1, waiting=12, acquires=200, acquire_s=3.5
    )
    assert [row.name for row in rows] == ["a pool", "b"]
    assert "/actuator/metrics/hikaricp.connections.pending?tag=pool:a%20pool" in {path for path, _ in server.asked}


async def test_an_actuator_with_one_pool_without_a_name(server: HttpServer, documents: HttpDocuments) -> None:
    server.pages |= actuator_pages(())
    (found,) = await Actuator(documents, f"{server.url}/actuator").read()

    assert (found.name, found.in_use, found.timeouts) == ("", 9, None)


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        (Page(b"<html>", 200), FailureKind.MALFORMED),
        (Page(b'{"measurements": [{"statistic": 1}]}', 200), FailureKind.MALFORMED),
        (Page(b"", 404), FailureKind.MISSING),
        (Page(b"", 401), FailureKind.DENIED),
    ],
)
async def test_an_actuator_that_gives_none(
    server: HttpServer, documents: HttpDocuments, page: Page, kind: FailureKind
) -> None:
    server.pages["/actuator/metrics/hikaricp.connections.active"] = page
    with pytest.raises(SourceError) as told:
        await Actuator(documents, f"{server.url}/actuator").read()

    assert told.value.kind is kind


def sample(mono: float, *rows: MetricsRow, **failed: Failed) -> PoolMetricsSample:
    return PoolMetricsSample(mono=mono, pools={"orders": rows} if rows else {}, failed=failed)


ROW = MetricsRow(
    name="HikariPool-1", kind="hikaricp", max_size=50.0, in_use=5.0, idle=5.0, waiting=0.0,
    timeouts=1.0, acquires=100.0, acquire_s=10.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"acquires": 150.0, "acquire_s": 12.5, "timeouts": 6.0}, (0.05, 10.0, 0.5, 1.0)),
        ({}, (None, 0.0, 0.0, 0.0)),
        ({"acquires": 3.0, "acquire_s": 0.5, "timeouts": 0.0}, (None, None, None, None)),
        ({"acquires": None, "acquire_s": None, "timeouts": None}, (None, None, None, None)),
    ],
    ids=["lent", "nothing lent", "started again", "no longer told"],
)
def test_rates_over_five_seconds(changes: dict[str, float | None], told: tuple[float | None, ...]) -> None:
    now = msgspec.structs.replace(ROW, **changes)
    pool = derive(sample(10.0, ROW), sample(15.0, now)).pools["orders"]

    assert (pool.acquire_s, pool.acquires_per_s, pool.wait_s_per_s, pool.timeouts_per_s) == told
    assert pool.wait_s == pool.acquire_s


def test_a_first_look_has_no_rates() -> None:
    pool = derive(None, sample(10.0, ROW)).pools["orders"]

    assert (pool.in_use, pool.utilization_ratio) == (5, 0.1)
    assert (pool.acquire_s, pool.acquires_per_s, pool.timeouts_per_s) == (None, None, None)


def test_several_pools_of_one_application_have_their_own_names() -> None:
    another = msgspec.structs.replace(ROW, name="reports")
    unnamed = msgspec.structs.replace(ROW, name="")

    assert list(derive(None, sample(1.0, ROW, another)).pools) == ["orders/HikariPool-1", "orders/reports"]
    assert list(derive(None, sample(1.0, ROW, unnamed)).pools) == ["orders/HikariPool-1", "orders/hikaricp"]
