"""Real faults behind a real HTTP service that a probe asks: each gives its verdict soon, and is gone after it was undone.

The service serves each request with one statement through a real PgBouncer, so that the whole chain of the incident that this
program is made for stands in one run: a forgotten transaction, a lock, a pool, a page.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.http_probe import HttpProbe
from perftui.clients.own_postgres import OwnPostgres
from perftui.model.finding import Constraint, Severity
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.probes import Probes, ProbeTarget
from tests.keep_tape import keep
from tests.poolers import PgBouncer, pooled_postgres, through
from tests.services import Behaviour, Service, answer, says, service
from tests.test_real_pool_faults import CLEARED_S, QUIET_S, WITHIN_S, Watch

__all__ = ["pooled_postgres"]

pytestmark = pytest.mark.fault

TIMEOUT_S = 2.0
UPDATE = "update stock set id = id"


@pytest.fixture
def pooler(pooled_postgres: OwnPostgres) -> Iterator[PgBouncer]:
    """Five connections: one for who forgets to commit, four that wait for it."""
    with (
        tempfile.TemporaryDirectory(prefix="pt-probe-") as folder,
        PgBouncer(Path(folder) / "pool", pooled_postgres.port, "1.24", {"app": "pool_size=5"}) as found,
    ):
        yield found


def orders(pooler: PgBouncer) -> Behaviour:
    """Each request is one statement through the pool."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = await through(pooler)
        try:
            await session.execute(UPDATE)
        finally:
            session.terminate()
        await says(answer())(reader, writer)

    return act


async def _never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def hung(shop: Service, pooler: PgBouncer) -> AsyncIterator[None]:
    """The service takes requests and answers none."""
    well, shop.behaviour = shop.behaviour, _never
    try:
        yield
    finally:
        shop.behaviour = well


@contextlib.asynccontextmanager
async def forgotten_commit(shop: Service, pooler: PgBouncer) -> AsyncIterator[None]:
    """A client locks the row that every request wants and forgets to commit; six requests are under way."""
    culprit = await through(pooler, "culprit")
    await culprit.execute("begin")
    await culprit.execute(UPDATE)
    victims = [await through(pooler) for _ in range(6)]
    waiting: list[Awaitable[str]] = [asyncio.ensure_future(each.execute(UPDATE)) for each in victims]
    try:
        yield
    finally:
        for each in (culprit, *victims):
            each.terminate()
        await asyncio.gather(*waiting, return_exceptions=True)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    fault: Callable[[Service, PgBouncer], AbstractAsyncContextManager[None]]
    constraint: Constraint
    chain: tuple[str, ...]
    words: tuple[str, ...]
    """In the verdict's one line."""


CASES = {
    "hung-service": Case(
        fault=hung,
        constraint=Constraint.UNKNOWN,
        chain=("probe.failing",),
        words=("probe shop: no answer for 2.0 s before the first byte, 2 in a row",),
    ),
    "forgotten-commit": Case(
        fault=forgotten_commit,
        constraint=Constraint.LOCK_BOUND,
        chain=("pg.idle_in_transaction", "pg.lock_pileup", "pool.exhausted", "probe.failing"),
        words=("4 backends wait for pid", "idle in transaction", "culprit"),
    ),
}


def of_layers(snapshot: Snapshot) -> list[str]:
    """What is said of the service and of what serves it; the host may have other work."""
    found = (f for f in snapshot.findings if f.severity > Severity.INFO)
    return [f.title for f in found if f.rule.startswith(("probe.", "slo.", "pool.", "pg."))]


@pytest.mark.parametrize("name", CASES)
async def test_a_real_fault_gives_its_verdict_soon(name: str, pooler: PgBouncer, pooled_postgres: OwnPostgres) -> None:
    case = CASES[name]
    first = await through(pooler)
    await first.execute("create table if not exists stock as select 1 as id")
    first.terminate()
    async with service(orders(pooler)) as shop:
        url = f"http://127.0.0.1:{shop.port}/health"
        clock = SystemClock()
        target = ProbeTarget(url=url, every_s=1.0, timeout_s=TIMEOUT_S, p95_s=1.0, error_ratio=0.005)
        probes = Probes({"shop": (target, HttpProbe(url, clock.mono, timeout_s=TIMEOUT_S))}, clock)
        watch = Watch(pooler, pooled_postgres, probes)
        try:
            await found_and_gone(name, case, shop, pooler, watch)
        finally:
            await watch.close()


async def found_and_gone(name: str, case: Case, shop: Service, pooler: PgBouncer, watch: Watch) -> None:
    read = await watch.until(lambda snapshot: snapshot.history.value("probe.up") == 1, 8)
    assert read is not None
    await watch.until(lambda snapshot: False, QUIET_S)
    assert [titles for each in watch.seen if (titles := of_layers(each))] == []

    async with case.fault(shop, pooler):
        reached = await watch.until(lambda snapshot: snapshot.verdict.chain == case.chain, 2 * WITHIN_S)
        found = watch.seen[-1]
    gone = await watch.until(lambda snapshot: not of_layers(snapshot), CLEARED_S)
    keep(f"probe-{name}", watch.frames)

    assert reached is not None, [(s.verdict.chain, s.verdict.summary) for s in watch.seen]
    print(f"{name}: {reached:.1f} s: {found.verdict.summary}")
    assert reached <= WITHIN_S
    assert found.verdict.constraint is case.constraint
    assert found.verdict.severity is Severity.CRITICAL
    assert all(words in found.verdict.summary for words in case.words), found.verdict.summary
    assert gone is not None, of_layers(watch.seen[-1])
