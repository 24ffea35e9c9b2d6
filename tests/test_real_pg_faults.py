"""Real faults of a real Postgres: each gives its verdict within 10 s and is gone soon after it was undone.

The whole path runs as in the console: live sources of the host and of the server, the one loop, the rules.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.own_postgres import OwnPostgres, shipped_binaries
from perftui.clients.postgres import Postgres
from perftui.commands.sources import host_sources, machine
from perftui.findings import RULES
from perftui.model.failure import SourceError
from perftui.model.finding import Constraint, Finding, Severity
from perftui.model.frame import Frame
from perftui.pipeline.feed import LiveFeed
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pg_counters import PgCounters
from perftui.sources.pg_session import PgActivity
from perftui.sources.pg_statements import PgStatements
from tests.keep_tape import keep

pytestmark = pytest.mark.fault

QUIET_S = 3.0
WITHIN_S = 10.0
CLEARED_S = 15.0
CONNECTIONS = 40


class Client(Protocol):
    """What is used of asyncpg's connection."""

    async def execute(self, sql: str) -> str: ...
    async def fetch(self, sql: str) -> list[Any]: ...
    async def close(self) -> None: ...
    def terminate(self) -> None: ...


connect: Callable[..., Awaitable[Client]] = asyncpg.connect
Fault = Callable[[OwnPostgres], AbstractAsyncContextManager[object]]


@pytest.fixture
def server() -> Iterator[OwnPostgres]:
    """A server of this test, with the extension; not in pytest's folder, since a socket's path may have 107 bytes."""
    try:
        shipped_binaries()
    except SourceError as exc:
        pytest.skip(exc.detail)
    folder = Path(tempfile.mkdtemp(prefix="pt-pg-"))
    own = OwnPostgres(folder, settings={"max_connections": str(CONNECTIONS), "max_prepared_transactions": "2"})
    try:
        yield own.start()
    finally:
        own.remove()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def clients(server: OwnPostgres) -> AsyncIterator[Callable[[str], Awaitable[Client]]]:
    """Opens sessions by application name; all are cut at the end."""
    opened: list[Client] = []

    async def new(application: str) -> Client:
        made = await connect(server.dsn, server_settings={"application_name": application})
        opened.append(made)
        return made

    try:
        yield new
    finally:
        for one in opened:
            one.terminate()


class Busy:
    """Work in the background, ended with whatever it runs into."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[object]] = []

    async def __aenter__(self) -> Busy:
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def queue(self, look: Client, work: Coroutine[Any, Any, object]) -> None:
        """Start it and see it wait for a lock: who queues behind whom must not be left to chance."""
        ((before,),) = await look.fetch(WAITING)
        self.start(work)
        async with asyncio.timeout(5):
            while await look.fetch(WAITING) == [(before,)]:
                await asyncio.sleep(0.01)


WAITING = "select count(*) from pg_locks where not granted"


async def over_and_over(client: Client, sql: str) -> None:
    while True:
        await client.fetch(sql)


@contextlib.asynccontextmanager
async def lock_chain(server: OwnPostgres) -> AsyncIterator[None]:
    """One forgot to commit; behind it an update, behind both a DDL, behind that readers."""
    async with clients(server) as new:
        forgetful = await new("orders-api")
        await forgetful.execute("begin; update orders set state = 'paid' where id = 1")
        look = await new("test")
        async with Busy() as busy:
            await busy.queue(look, (await new("billing")).execute("update orders set state = 'sent' where id = 1"))
            await busy.queue(look, (await new("migration")).execute("alter table orders add column note text"))
            for _ in range(3):
                await busy.queue(look, (await new("report")).execute("select count(*) from orders"))
            yield


@contextlib.asynccontextmanager
async def orphaned_transaction(server: OwnPostgres) -> AsyncIterator[None]:
    """A prepared transaction that nobody commits, and those who want its row."""
    async with clients(server) as new:
        first = await new("batch")
        await first.execute("begin; update orders set state = 'x' where id = 2; prepare transaction 'orphan'")
        async with Busy() as busy:
            for _ in range(4):
                await busy.queue(first, (await new("billing")).execute("update orders set state = 'y' where id = 2"))
            yield
        await first.execute("rollback prepared 'orphan'")


@contextlib.asynccontextmanager
async def deadlock(server: OwnPostgres) -> AsyncIterator[None]:
    """Two take two rows in different order."""
    update = "update orders set state = 'd' where id = {}"
    async with clients(server) as new:

        async def second(client: Client, row: int) -> None:
            try:
                await client.execute(update.format(row))
            except asyncpg.DeadlockDetectedError:
                await client.execute("rollback")

        one, other = await new("one"), await new("other")
        await one.execute(f"begin; {update.format(1)}")
        await other.execute(f"begin; {update.format(2)}")
        async with Busy() as busy:
            busy.start(second(one, 2))
            busy.start(second(other, 1))
            yield


@contextlib.asynccontextmanager
async def too_many_clients(server: OwnPostgres) -> AsyncIterator[None]:
    """A pool without a limit: connections until the server refuses."""
    async with clients(server) as new:
        with contextlib.suppress(asyncpg.TooManyConnectionsError):
            while True:
                await new("greedy")
        yield


@contextlib.asynccontextmanager
async def temp_spill(server: OwnPostgres) -> AsyncIterator[None]:
    """A sort that does not fit its memory."""
    async with clients(server) as new:
        reports = [await new("report") for _ in range(2)]
        for each in reports:
            await each.execute("set work_mem = '64kB'")
        sort = "select count(*) from (select md5(g::text) from generate_series(1, 600000) g order by 1 offset 0) sorted"
        async with Busy() as busy:
            for each in reports:
                busy.start(over_and_over(each, sort))
            yield


@contextlib.asynccontextmanager
async def slow_statement(server: OwnPostgres) -> AsyncIterator[None]:
    """A statement that works for a third of a second each time, for one client."""
    async with clients(server) as new:
        report = await new("report")
        count = "select count(*) from generate_series(1, 400000) g where md5(repeat(g::text, 40)) like '%perf%'"
        async with Busy() as busy:
            busy.start(over_and_over(report, count))
            yield


@contextlib.asynccontextmanager
async def killed(server: OwnPostgres) -> AsyncIterator[None]:
    """kill -9 of the server; at the end it is started again and recovers."""
    server.stop(signal.SIGKILL)
    try:
        yield
    finally:
        await asyncio.to_thread(server.start)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    fault: Fault
    constraint: Constraint
    chain: tuple[str, ...]
    words: tuple[str, ...]
    """In the verdict's one line."""
    subject: tuple[tuple[str, object], ...] = ()
    clears: bool = True
    """It is not remembered after its end."""


CASES = {
    "lock-chain": Case(
        fault=lock_chain,
        constraint=Constraint.LOCK_BOUND,
        chain=("pg.idle_in_transaction", "pg.lock_pileup"),
        words=("5 backends wait for pid", "· idle in transaction", "· orders-api"),
        subject=(("application", "orders-api"), ("relation", "public.orders"), ("user", "postgres")),
    ),
    "orphaned-transaction": Case(
        fault=orphaned_transaction,
        constraint=Constraint.LOCK_BOUND,
        chain=("pg.lock_pileup",),
        words=("4 backends wait for prepared transaction orphan", "· postgres"),
        subject=(("pid", 0),),
    ),
    "deadlock": Case(
        fault=deadlock,
        constraint=Constraint.LOCK_BOUND,
        chain=("pg.deadlocks",),
        words=("1 deadlock",),
        clears=False,
    ),
    "too-many-clients": Case(
        fault=too_many_clients,
        constraint=Constraint.POOL_BOUND,
        chain=("pg.connections_exhausted",),
        words=("of 40 connections are used", "of them greedy"),
        subject=(("application", "greedy"),),
    ),
    "temp-spill": Case(
        fault=temp_spill,
        constraint=Constraint.QUERY_BOUND,
        chain=("pg.temp_spill",),
        words=("spill into temporary files",),
    ),
    "slow-statement": Case(
        fault=slow_statement,
        constraint=Constraint.QUERY_BOUND,
        chain=("pg.slow_statements",),
        words=("mean", "select count(*) from generate_series"),
    ),
    "killed-server": Case(
        fault=killed,
        constraint=Constraint.EXTERNAL_BOUND,
        chain=("pg.unreachable",),
        words=("does not answer any more",),
    ),
}


class Watch:
    """The console's own loop without its screen."""

    def __init__(self, server: OwnPostgres) -> None:
        clock = SystemClock()
        self._postgres = Postgres(server.dsn, clock.mono)
        sources = [kind(self._postgres, clock) for kind in (PgActivity, PgCounters, PgStatements)]
        self._frames = aiter(LiveFeed([*host_sources(), *sources], clock))
        # How full this machine's disks are is not what is tested.
        rules = tuple(rule for rule in RULES if rule.name != "host.disk_filling")
        self._judge, self._store = Judge(machine=machine(), rules=rules), new_store()
        self.frames: list[Frame] = []
        self.seen: list[Snapshot] = []

    async def until(self, done: Callable[[Snapshot], bool], within_s: float) -> float | None:
        """Seconds until a snapshot was so; None when none was in time."""
        began = SystemClock().mono()
        async for frame in self._frames:
            self.frames.append(frame)
            self.seen.append(self._judge.snapshot(self._store.push(frame)))
            took = frame.mono - began
            if done(self.seen[-1]):
                return max(0.0, took)
            if took > within_s:
                break
        return None

    async def close(self) -> None:
        await self._postgres.close()

    async def rest(self, seconds: float) -> None:
        await self.until(lambda snapshot: False, seconds)


@pytest.fixture
async def watch(server: OwnPostgres) -> AsyncIterator[Watch]:
    made = Watch(server)
    yield made
    await made.close()


async def prepare(server: OwnPostgres) -> None:
    client = await connect(server.dsn)
    await client.execute("create extension pg_stat_statements")
    await client.execute("create table orders as select g as id, 'new' as state from generate_series(1, 100) g")
    await client.close()


def of_postgres(snapshot: Snapshot) -> list[Finding]:
    return [f for f in snapshot.findings if f.rule.startswith("pg.") and f.severity > Severity.INFO]


@pytest.mark.parametrize("name", CASES)
async def test_a_real_fault_gives_its_verdict_within_ten_seconds(name: str, server: OwnPostgres, watch: Watch) -> None:
    case = CASES[name]
    await prepare(server)
    connected = await watch.until(lambda snapshot: snapshot.history.latest(PgActivityPart) is not None, 5)
    assert connected is not None, "the server is read before anything happens to it"
    await watch.rest(QUIET_S)
    assert [f.title for each in watch.seen for f in of_postgres(each)] == []

    async with case.fault(server):
        reached = await watch.until(lambda snapshot: snapshot.verdict.chain == case.chain, 2 * WITHIN_S)
        found = watch.seen[-1]
        await watch.rest(2)
    keep(name, watch.frames)

    assert reached is not None, [(s.verdict.chain, s.verdict.summary) for s in watch.seen]
    print(f"{name}: {reached:.1f} s: {found.verdict.summary}")
    assert reached <= WITHIN_S
    assert found.verdict.constraint is case.constraint
    assert all(words in found.verdict.summary for words in case.words), found.verdict.summary
    cause = next(f for f in found.findings if f.rule == case.chain[0])
    assert dict(case.subject).items() <= cause.subject.items()
    assert cause.evidence
    if case.clears:
        gone = await watch.until(lambda snapshot: not of_postgres(snapshot), CLEARED_S)
        assert gone is not None, [f.title for f in of_postgres(watch.seen[-1])]


async def test_a_server_that_was_never_there_is_a_warning_and_then_found_without_a_key(
    server: OwnPostgres, watch: Watch
) -> None:
    await prepare(server)
    server.stop()

    told = await watch.until(lambda snapshot: bool(of_postgres(snapshot)), WITHIN_S)
    assert told is not None
    (finding,) = of_postgres(watch.seen[-1])
    assert (finding.rule, finding.severity) == ("pg.unreachable", Severity.WARNING)
    assert "refused" in finding.title or "Connect call failed" in finding.title
    server.start()
    assert await watch.until(lambda snapshot: not of_postgres(snapshot), CLEARED_S) is not None
