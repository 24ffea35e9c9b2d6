"""Real faults of a real Postgres: each gives its verdict within 10 s and is gone soon after it was undone.

The whole path runs as in the console: live sources of the host and of the server, the one loop, the rules.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.own_postgres import OwnPostgres, shipped_binaries
from perftui.clients.postgres import Postgres
from perftui.commands.sources import host_sources, machine
from perftui.findings import RULES
from perftui.findings.pg_statement_regressed import PgStatementRegressedLimits
from perftui.findings.rule import ChosenLimits
from perftui.model.failure import SourceError
from perftui.model.finding import Constraint, Finding, Severity
from perftui.model.frame import Frame
from perftui.pipeline.feed import LiveFeed
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.kind import Source
from perftui.sources.pg_activity import PgActivityPart
from perftui.sources.pg_counters import PgCounters
from perftui.sources.pg_session import PgActivity
from perftui.sources.pg_statements import PgStatements
from tests import pg_faults
from tests.keep_tape import keep

pytestmark = pytest.mark.fault

QUIET_S = 3.0
WITHIN_S = 10.0
CLEARED_S = 15.0
CONNECTIONS = 40


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


class Case(msgspec.Struct, frozen=True, kw_only=True):
    fault: pg_faults.Fault
    constraint: Constraint
    chain: tuple[str, ...]
    words: tuple[str, ...]
    """In the verdict's one line."""
    subject: tuple[tuple[str, object], ...] = ()
    clears: bool = True
    """It is not remembered after its end."""
    before: pg_faults.Fault = pg_faults.nothing
    """What the server does before, and goes on with."""
    quiet_s: float = QUIET_S
    within_s: float = WITHIN_S
    statements_s: float = 5.0
    """How often statements are read."""
    limits: ChosenLimits = {}


CASES = {
    "lock-chain": Case(
        fault=pg_faults.lock_chain,
        constraint=Constraint.LOCK_BOUND,
        chain=("pg.idle_in_transaction", "pg.lock_pileup"),
        words=("5 backends wait for pid", "· idle in transaction", "· orders-api"),
        subject=(("application", "orders-api"), ("relation", "public.orders"), ("user", "postgres")),
    ),
    "orphaned-transaction": Case(
        fault=pg_faults.orphaned_transaction,
        constraint=Constraint.LOCK_BOUND,
        chain=("pg.lock_pileup",),
        words=("4 backends wait for prepared transaction orphan", "· postgres"),
        subject=(("pid", 0),),
    ),
    "deadlock": Case(
        fault=pg_faults.deadlock,
        constraint=Constraint.LOCK_BOUND,
        chain=("pg.deadlocks",),
        words=("1 deadlock",),
        clears=False,
    ),
    "too-many-clients": Case(
        fault=pg_faults.too_many_clients,
        constraint=Constraint.POOL_BOUND,
        chain=("pg.connections_exhausted",),
        words=("of 40 connections are used", "of them greedy"),
        subject=(("application", "greedy"),),
    ),
    "temp-spill": Case(
        fault=pg_faults.temp_spill,
        constraint=Constraint.QUERY_BOUND,
        chain=("pg.temp_spill",),
        words=("spill into temporary files",),
    ),
    "slow-statement": Case(
        fault=pg_faults.slow_statement,
        constraint=Constraint.QUERY_BOUND,
        chain=("pg.slow_statements",),
        words=("mean", "select count(*) from generate_series"),
    ),
    "killed-server": Case(
        fault=pg_faults.killed,
        constraint=Constraint.EXTERNAL_BOUND,
        chain=("pg.unreachable",),
        words=("does not answer any more",),
    ),
    "frozen-server": Case(
        fault=pg_faults.frozen,
        constraint=Constraint.EXTERNAL_BOUND,
        chain=("pg.unreachable",),
        words=("does not answer any more", "no answer"),
    ),
    "unread-results": Case(
        fault=pg_faults.unread_results,
        constraint=Constraint.QUERY_BOUND,
        chain=("pg.long_statement",),
        words=("5 backends run one statement", "· export ·", "select repeat"),
        subject=(("application", "export"), ("user", "postgres")),
    ),
    "n-plus-one": Case(
        fault=pg_faults.one_row_at_a_time,
        constraint=Constraint.QUERY_BOUND,
        chain=("pg.n_plus_one",),
        words=("calls per transaction for one row each", "select state from orders"),
        within_s=16.0,
        statements_s=2.0,
    ),
    "dropped-index": Case(
        before=pg_faults.lookups,
        fault=pg_faults.dropped_index,
        constraint=Constraint.QUERY_BOUND,
        chain=("pg.statement_regressed",),
        words=("x as slow as before", "blocks for the same rows", "select id from items"),
        quiet_s=9.0,
        statements_s=1.0,
        limits={"pg.statement_regressed": PgStatementRegressedLimits(window_s=4.0, baseline_s=5.0)},
    ),
}


class Watch:
    """The console's own loop without its screen."""

    def __init__(self, server: OwnPostgres, case: Case) -> None:
        clock = SystemClock()
        self._postgres = Postgres(server.dsn, clock.mono)
        sources: list[Source] = [
            PgActivity(self._postgres, clock),
            PgCounters(self._postgres, clock),
            PgStatements(self._postgres, clock, every_s=case.statements_s),
        ]
        self._frames = aiter(LiveFeed([*host_sources(), *sources], clock))
        # How full this machine's disks are is not what is tested.
        rules = tuple(rule for rule in RULES if rule.name != "host.disk_filling")
        self._judge, self._store = Judge(machine=machine(), rules=rules, limits=case.limits), new_store()
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


@contextlib.asynccontextmanager
async def watching(server: OwnPostgres, case: Case) -> AsyncIterator[Watch]:
    made = Watch(server, case)
    try:
        yield made
    finally:
        await made.close()


async def prepare(server: OwnPostgres) -> None:
    client = await pg_faults.connect(server.dsn)
    await client.execute("create extension pg_stat_statements")
    await client.execute("create table orders as select g as id, 'new' as state from generate_series(1, 100) g")
    await client.close()


def of_postgres(snapshot: Snapshot) -> list[Finding]:
    return [f for f in snapshot.findings if f.rule.startswith("pg.") and f.severity > Severity.INFO]


@pytest.mark.parametrize("name", CASES)
async def test_a_real_fault_gives_its_verdict_soon(name: str, server: OwnPostgres) -> None:
    case = CASES[name]
    await prepare(server)
    async with case.before(server), watching(server, case) as watch:
        await found_and_gone(name, case, server, watch)


async def found_and_gone(name: str, case: Case, server: OwnPostgres, watch: Watch) -> None:
    connected = await watch.until(lambda snapshot: snapshot.history.latest(PgActivityPart) is not None, 5)
    assert connected is not None, "the server is read before anything happens to it"
    await watch.rest(case.quiet_s)
    assert [f.title for each in watch.seen for f in of_postgres(each)] == []

    async with case.fault(server):
        reached = await watch.until(lambda snapshot: snapshot.verdict.chain == case.chain, 2 * case.within_s)
        found = watch.seen[-1]
        await watch.rest(2)
    keep(f"pg-{name}", watch.frames)

    assert reached is not None, [(s.verdict.chain, s.verdict.summary) for s in watch.seen]
    print(f"{name}: {reached:.1f} s: {found.verdict.summary}")
    assert reached <= case.within_s
    assert found.verdict.constraint is case.constraint
    assert all(words in found.verdict.summary for words in case.words), found.verdict.summary
    cause = next(f for f in found.findings if f.rule == case.chain[0])
    assert dict(case.subject).items() <= cause.subject.items()
    assert cause.evidence
    if case.clears:
        gone = await watch.until(lambda snapshot: not of_postgres(snapshot), CLEARED_S)
        assert gone is not None, [f.title for f in of_postgres(watch.seen[-1])]


async def test_a_server_that_was_never_there_is_a_warning_and_then_found_without_a_key(server: OwnPostgres) -> None:
    await prepare(server)
    server.stop()
    async with watching(server, CASES["killed-server"]) as watch:
        await told_and_found(server, watch)


async def told_and_found(server: OwnPostgres, watch: Watch) -> None:
    told = await watch.until(lambda snapshot: bool(of_postgres(snapshot)), WITHIN_S)
    assert told is not None
    (finding,) = of_postgres(watch.seen[-1])
    assert (finding.rule, finding.severity) == ("pg.unreachable", Severity.WARNING)
    assert "refused" in finding.title or "Connect call failed" in finding.title
    server.start()
    assert await watch.until(lambda snapshot: not of_postgres(snapshot), CLEARED_S) is not None
