"""Real faults of a real PgBouncer before a real Postgres: each gives its verdict soon, and is gone after it was undone.

The whole path runs as in the console: live sources, the one loop, the rules. A pool that is full is the drill `pooler-full`;
these two are no drills.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.own_postgres import OwnPostgres
from perftui.clients.pgbouncer import PgBouncer as Console
from perftui.clients.postgres import Postgres
from perftui.commands.sources import host_sources, machine
from perftui.model.finding import Constraint, Severity
from perftui.model.frame import Frame
from perftui.pipeline.feed import LiveFeed
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.kind import Source
from perftui.sources.pg_counters import PgCounters
from perftui.sources.pg_session import PgActivity
from perftui.sources.pgbouncer_console import PgBouncers
from tests.keep_tape import keep
from tests.poolers import PgBouncer, pooled_postgres, through

__all__ = ["pooled_postgres"]

pytestmark = pytest.mark.fault

QUIET_S = 2.0
WITHIN_S = 10.0
CLEARED_S = 12.0


@pytest.fixture
def pooler(pooled_postgres: OwnPostgres) -> Iterator[PgBouncer]:
    with (
        tempfile.TemporaryDirectory(prefix="pt-pool-") as folder,
        PgBouncer(Path(folder) / "pool", pooled_postgres.port, "1.24") as found,
    ):
        yield found


@contextlib.asynccontextmanager
async def idle_holder(pooler: PgBouncer) -> AsyncIterator[None]:
    """A client locks a row and forgets to commit; four more want it, of whom two get a connection to wait on."""
    culprit = await through(pooler, "culprit")
    await culprit.execute("create table if not exists accounts as select 1 as id")
    await culprit.execute("begin")
    await culprit.execute("update accounts set id = id")
    victims = [await through(pooler, "orders-api") for _ in range(4)]
    waiting = [asyncio.ensure_future(each.execute("update accounts set id = id")) for each in victims]
    try:
        yield
    finally:
        for each in (culprit, *victims):
            each.terminate()
        await asyncio.gather(*waiting, return_exceptions=True)


@contextlib.asynccontextmanager
async def killed(pooler: PgBouncer) -> AsyncIterator[None]:
    """The pooler dies and is started again."""
    pooler.stop()
    try:
        yield
    finally:
        pooler.start()


class Case(msgspec.Struct, frozen=True, kw_only=True):
    fault: Callable[[PgBouncer], AbstractAsyncContextManager[object]]
    constraint: Constraint
    chain: tuple[str, ...]
    words: tuple[str, ...]
    """In the verdict's one line."""


CASES = {
    "idle-holder": Case(
        fault=idle_holder,
        constraint=Constraint.LOCK_BOUND,
        chain=("pg.idle_in_transaction", "pool.exhausted"),
        words=("2 backends wait for pid", "idle in transaction", "culprit"),
    ),
    "killed-pooler": Case(
        fault=killed,
        constraint=Constraint.POOL_BOUND,
        chain=("pool.unreachable",),
        words=("PgBouncer does not answer any more", "is it running there?"),
    ),
}


class Watch:
    """What the console would have shown, second by second."""

    def __init__(self, pooler: PgBouncer, server: OwnPostgres, *more: Source) -> None:
        clock = SystemClock()
        self._console = Console(pooler.console(), clock.mono)
        self._postgres = Postgres(server.dsn, clock.mono)
        sources = [
            *host_sources(),
            PgActivity(self._postgres, clock),
            PgCounters(self._postgres, clock),
            PgBouncers({"": self._console}, clock, time.thread_time),
            *more,
        ]
        self._feed = aiter(LiveFeed(sources, clock))
        self._judge, self._store = Judge(machine=machine()), new_store()
        self.frames: list[Frame] = []
        self.seen: list[Snapshot] = []

    async def until(self, true: Callable[[Snapshot], bool], within_s: float) -> float | None:
        """Seconds until a snapshot is so; None when none was in time."""
        began = time.monotonic()
        while time.monotonic() - began < within_s:
            self.frames.append(await anext(self._feed))
            self.seen.append(self._judge.snapshot(self._store.push(self.frames[-1])))
            if true(self.seen[-1]):
                return time.monotonic() - began
        return None

    async def close(self) -> None:
        await self._console.close()
        await self._postgres.close()


def of_pools(snapshot: Snapshot) -> list[str]:
    """What is said of pools and of the server behind them; the host may have other work."""
    found = (f for f in snapshot.findings if f.severity > Severity.INFO)
    return [f.title for f in found if f.rule.startswith(("pool.", "pg."))]


@pytest.mark.parametrize("name", CASES)
async def test_a_real_fault_gives_its_verdict_soon(name: str, pooler: PgBouncer, pooled_postgres: OwnPostgres) -> None:
    case = CASES[name]
    (await through(pooler)).terminate()
    watch = Watch(pooler, pooled_postgres)
    try:
        await found_and_gone(name, case, pooler, watch)
    finally:
        await watch.close()


async def found_and_gone(name: str, case: Case, pooler: PgBouncer, watch: Watch) -> None:
    read = await watch.until(lambda snapshot: snapshot.history.value("pool.in_use") is not None, 5)
    assert read is not None
    await watch.until(lambda snapshot: False, QUIET_S)
    assert [titles for each in watch.seen if (titles := of_pools(each))] == []

    async with case.fault(pooler):
        reached = await watch.until(lambda snapshot: snapshot.verdict.chain == case.chain, 2 * WITHIN_S)
        found = watch.seen[-1]
    gone = await watch.until(lambda snapshot: not of_pools(snapshot), CLEARED_S)
    keep(f"pool-{name}", watch.frames)

    assert reached is not None, [(s.verdict.chain, s.verdict.summary) for s in watch.seen]
    print(f"{name}: {reached:.1f} s: {found.verdict.summary}")
    assert reached <= WITHIN_S
    assert found.verdict.constraint is case.constraint
    assert found.verdict.severity is Severity.CRITICAL
    assert all(words in found.verdict.summary for words in case.words), found.verdict.summary
    assert gone is not None, of_pools(watch.seen[-1])
