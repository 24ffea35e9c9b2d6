"""PgBouncer's pools: real ones under load, paused, disabled, and what follows from their numbers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.pgbouncer import PgBouncer as Console
from perftui.model.failure import Failed, FailureKind, SourceError
from perftui.sources.pgbouncer import (
    FOUND_HERE,
    DatabaseRow,
    LinkRow,
    PgBouncerSample,
    Pooler,
    PoolRow,
    StatsRow,
    derive,
    long_holds,
)
from perftui.sources.pgbouncer_console import MOST_LINKS, PgBouncers, links, longest
from perftui.sources.pool import PoolReading, PoolState
from tests.poolers import PgBouncer, clients_at_work, pgbouncer_version, pooled_postgres, pooler, through
from tests.servers import until

__all__ = ["pgbouncer_version", "pooled_postgres", "pooler"]


class Watched:
    """A source on a real console, and its last sample."""

    def __init__(self, source: PgBouncers) -> None:
        self._source = source
        self._previous: PgBouncerSample | None = None

    async def pools(self) -> dict[str, PoolReading]:
        """The readings of a new sample."""

        async def sample() -> PgBouncerSample | None:
            try:
                return await self._source.sample()
            except SourceError as exc:
                assert "connecting…" in exc.detail, exc.detail
                return None

        sampled: PgBouncerSample = await until(sample)
        part = derive(self._previous, sampled)
        self._previous = sampled
        return part.pools

    async def pool(self, name: str = "app/postgres") -> PoolReading | None:
        return (await self.pools()).get(name)

    async def when(self, **wanted: Any) -> PoolReading:
        """The pool as soon as it is so."""

        async def seen() -> PoolReading | None:
            found = await self.pool()
            fits = found and all(getattr(found, field) == value for field, value in wanted.items())
            return found if fits else None

        found: PoolReading = await until(seen)
        return found


@pytest.fixture
async def watched(pooler: PgBouncer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    monkeypatch.setattr("perftui.sources.pgbouncer_console.LINKS_S", 0.0)
    monkeypatch.setattr("perftui.sources.pgbouncer_console.LINKS_SHARE", 100.0)
    clock = SystemClock()
    console = Console(pooler.console(), clock.mono)
    yield Watched(PgBouncers({"": console}, clock, time.thread_time))
    await console.close()


async def test_a_full_pool_tells_who_waits_how_long_and_who_holds_what(pooler: PgBouncer, watched: Watched) -> None:
    async with clients_at_work(pooler, 8) as sessions:
        full = await watched.when(in_use=3, waiting=5)
        again = await watched.pool()

        assert (full.max_size, full.idle, full.utilization_ratio, full.state) == (3, 0, 1.0, PoolState.CRITICAL)
        assert again is not None and full.wait_s is not None and again.wait_s is not None
        assert 0 < full.wait_s < again.wait_s < 10
        waiting = [client for client in again.clients if client.waited_s is not None]
        holding = [client for client in again.clients if client.backend_pid is not None]
        assert {client.application for client in (*waiting, *holding)} == {f"api-{n}" for n in range(len(sessions))}
        assert max(client.waited_s or 0 for client in waiting) == pytest.approx(again.wait_s, abs=0.5)
        assert len({client.backend_pid for client in holding}) == 3


async def test_the_backends_of_held_connections_are_those_of_the_server(pooler: PgBouncer, watched: Watched) -> None:
    session = await through(pooler, "holder")
    try:
        await session.execute("begin")
        pid = await session.fetchval("select pg_backend_pid()")
        pool = await watched.when(in_use=1)
        (client,) = pool.clients
    finally:
        session.terminate()

    assert (client.application, client.backend_pid, client.state) == ("holder", pid, "active")
    assert client.address.startswith("127.0.0.1:")
    assert pool.leaked == 0


async def test_rates_and_waits_are_those_of_the_interval(pooler: PgBouncer, watched: Watched) -> None:
    session = await through(pooler)
    try:
        await session.fetchval("select 1")
        outer = time.monotonic()
        first = await watched.pool()
        before = time.monotonic()
        for _ in range(20):
            await session.fetchval("select 1")
        # Counters are told as they are, averages of the console only each minute.
        least = time.monotonic() - before
        pool = await watched.pool()
        most = time.monotonic() - outer
    finally:
        session.terminate()

    assert first is not None and pool is not None
    assert (first.queries_per_s, first.acquire_s) == (None, None)
    assert pool.transactions_per_s is not None
    assert 20 / most <= pool.transactions_per_s <= 20 / least
    assert pool.acquire_s is not None and 0 <= pool.acquire_s < 0.1
    assert pool.database == "postgres"


async def test_what_an_administrator_shut_is_told_as_shut(
    pooler: PgBouncer, watched: Watched, pgbouncer_version: str
) -> None:
    session = await through(pooler)
    session.terminate()
    await watched.when(shut="")
    for close, reopen, word in (
        ("PAUSE app", "RESUME app", "paused"),
        ("DISABLE app", "ENABLE app", "disabled"),
        *([("PAUSE", "RESUME", "paused")] if pgbouncer_version != "1.18" else []),
    ):
        pooler.ask(close)
        try:
            shut = await watched.pool()
        finally:
            pooler.ask(reopen)
        assert shut is not None
        assert (shut.shut, shut.state) == (word, PoolState.CRITICAL)
    assert (await watched.when(shut="")).state is PoolState.HEALTHY


async def test_the_slots_for_clients_are_a_pool_too(pooler: PgBouncer, watched: Watched) -> None:
    async with clients_at_work(pooler, 4):
        await watched.when(in_use=3)
        slots = (await watched.pools())["pgbouncer/clients"]

        assert (slots.max_size, slots.in_use) == (100, 5)  # and our own


async def test_a_pooler_that_is_down_does_not_hide_another(pooler: PgBouncer) -> None:
    clock = SystemClock()
    up, down = Console(pooler.console(), clock.mono), Console("postgresql://stats:s3cret@127.0.0.1:1", clock.mono)
    both = Watched(PgBouncers({"edge": up, "core": down}, clock, time.thread_time))
    try:
        await until(lambda: _connected(up))
        found = await until(lambda: _told(both))
        with pytest.raises(SourceError, match="is it running there") as told:
            await until(lambda: _raises(PgBouncers({"core": down}, clock, time.thread_time)))
    finally:
        await up.close()
        await down.close()

    assert (found["core"].state, found["core"].in_use) == (PoolState.UNKNOWN, None)
    assert "edge/clients" in found
    assert "s3cret" not in f"{found['core'].problem} {told.value}"


@pytest.mark.parametrize("name", ["", "core"])
async def test_one_that_was_found_by_itself_says_so_when_it_can_t_be_read(name: str) -> None:
    clock = SystemClock()
    down = Console("postgresql://stats@127.0.0.1:1", clock.mono)
    try:
        with pytest.raises(SourceError, match="is it running there") as told:
            await until(lambda: _raises(PgBouncers({name: down}, clock, time.thread_time)))
    finally:
        await down.close()

    assert (FOUND_HERE in told.value.detail) == (name == "")


async def _connected(console: Console) -> bool:
    try:
        return bool(await console.rows("SHOW VERSION", ("version",)))
    except SourceError:
        return False


async def _told(both: Watched) -> dict[str, PoolReading] | None:
    pools = await both.pools()
    return pools if "is it running there" in pools["core"].problem else None


async def _raises(source: PgBouncers) -> None:
    try:
        await source.sample()
    except SourceError as exc:
        if "connecting…" not in exc.detail:
            raise


def pooler_now(mono: float = 10.0, **seen: Any) -> Pooler:
    row = PoolRow("orders", "app", 3, 0, 3, 1, 0, 0.0, "transaction")
    database = DatabaseRow("orders", "orders", "", 10, 0, 0, 4, False, False)
    given: dict[str, Any] = {
        "pools": (row,),
        "databases": (database,),
        "stats": (StatsRow("orders", 1000, 3000, 5_000_000, None),),
        "used_clients": 12,
        "max_clients": 100,
        "default_pool_size": 20,
        "long_holds": {},
    }
    return Pooler(mono=mono, **{**given, **seen})


def changed(record: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(record, **fields)


ROW, DATABASE = pooler_now().pools[0], pooler_now().databases[0]


def reading(now: Pooler, before: Pooler | None = None, prefix: str = "") -> PoolReading:
    def sample(pooler: Pooler) -> PgBouncerSample:
        return PgBouncerSample(mono=pooler.mono, poolers={prefix: pooler})

    pools = derive(sample(before) if before else None, sample(now)).pools
    return next(pool for name, pool in pools.items() if not name.endswith("/clients"))


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({}, {"max_size": 10, "in_use": 3, "idle": 1, "utilization_ratio": 0.3, "state": "healthy", "leaked": 0}),
        ({"databases": ()}, {"max_size": 20, "database": None}),
        ({"databases": (), "default_pool_size": None}, {"max_size": None, "state": "unknown"}),
        ({"user_pool_sizes": {"app": 4}}, {"max_size": 4, "utilization_ratio": 0.75}),
        ({"databases": (changed(DATABASE, max_connections=6, connections=5),)}, {"max_size": 5}),
        ({"databases": (changed(DATABASE, max_connections=4, connections=9),)}, {"max_size": 4}),
        ({"pools": (changed(ROW, active_servers=12),)}, {"utilization_ratio": 1.0, "reserve_in_use": 3}),
        ({"pools": (changed(ROW, waiting_clients=11),)}, {"state": "warning"}),
        ({"pools": (changed(ROW, waiting_clients=2, wait_s=1.5),)}, {"state": "healthy", "wait_s": 1.5}),
        ({"paused": True}, {"shut": "paused", "state": "critical"}),
        ({"databases": (changed(DATABASE, disabled=True, paused=True),)}, {"shut": "disabled"}),
        ({"long_holds": {"orders/app": 2}}, {"leaked": 2}),
        ({"long_holds": None}, {"leaked": None}),
        ({"pools": (changed(ROW, mode="session"),)}, {"leaked": None, "acquires_per_s": None}),
    ],
)
def test_what_follows_from_one_look(seen: dict[str, Any], told: dict[str, Any]) -> None:
    found = reading(pooler_now(**seen))

    assert {field: getattr(found, field) for field in told} == told


@pytest.mark.parametrize(
    ("stats", "told"),
    [
        (StatsRow("orders", 1100, 3300, 6_000_000, None), (50.0, 150.0, 0.5, 50.0, 0.01)),
        (StatsRow("orders", 1000, 3000, 5_000_000, None), (0.0, 0.0, 0.0, 0.0, None)),
        (StatsRow("orders", 5, 9, 100, None), (None, None, None, None, None)),
        (StatsRow("orders", None, None, None, None), (None, None, None, None, None)),
        (StatsRow("another", 2000, 6000, 0, None), (None, None, None, None, None)),
    ],
    ids=["work", "no work", "started again", "not told", "a new database"],
)
def test_rates_over_two_seconds(stats: StatsRow, told: tuple[float | None, ...]) -> None:
    found = reading(pooler_now(12.0, stats=(stats,)), pooler_now())

    assert (
        found.transactions_per_s, found.queries_per_s, found.wait_s_per_s, found.acquires_per_s, found.acquire_s,
    ) == told  # fmt: skip


def test_connections_lent_are_counted_from_1_23_on() -> None:
    before = pooler_now(stats=(StatsRow("orders", 0, 0, 0, 100),))
    now = pooler_now(12.0, stats=(StatsRow("orders", 10, 10, 4_000_000, 140),))

    assert reading(now, before).acquire_s == 0.1
    assert reading(now, before).acquires_per_s == 20


def test_names_tell_the_pooler_where_the_config_names_it() -> None:
    part = derive(None, PgBouncerSample(mono=1.0, poolers={"edge": pooler_now()}))

    assert list(part.pools) == ["edge/orders/app", "edge/clients"]


def test_one_that_failed_is_unknown_with_the_reason() -> None:
    why = Failed(kind=FailureKind.TIMED_OUT, detail="pgbouncer: no answer in time")
    part = derive(None, PgBouncerSample(mono=1.0, poolers={"edge": pooler_now()}, failed={"core": why}))

    assert part.pools["core"].state is PoolState.UNKNOWN
    assert part.pools["core"].problem == "timed out: pgbouncer: no answer in time"


NOW = "2026-11-22 10:00:00 CET"


def client(ptr: str, state: str = "active", link: str = "", request: str = NOW, **seen: str) -> Sequence[str]:
    cells = {"database": "orders", "user": "me", "application": "api", "address": "10.0.0.9", "port": "5000", **seen}
    waits = ("7", "500000") if state.startswith("waiting") else ("0", "0")
    return (ptr, *cells.values(), state, *waits, request, link)


def server(ptr: str, link: str, pid: str = "4242") -> Sequence[str]:
    return (ptr, "orders", "app", "active", NOW, link, pid)


ASKING = client("c0", database="pgbouncer")


def test_clients_are_joined_with_the_connections_they_hold() -> None:
    clients = [
        ASKING,
        client("c1", link="s1", request="2026-11-22 09:58:30 CET"),
        client("c2", state="waiting"),
        client("c3"),
        client("c4", link="s9"),
        client("c5", link="s2", address="unix(1234)@pgbouncer", application="\x1b[31mred"),
    ]
    found = links(clients, [server("s1", "c1"), server("s2", "c5", "0"), server("s3", "")], {})

    assert found == [
        LinkRow("orders", "me", "api", "10.0.0.9:5000", "active", None, 90.0, 4242),
        LinkRow("orders", "me", "api", "10.0.0.9:5000", "waiting", 7.5, None, None),
        LinkRow("orders", "me", "?[31mred", "unix", "active", None, 0.0, None),
    ]
    assert long_holds(found) == {"orders/me": 1}


def test_the_pool_is_that_of_the_user_that_the_database_forces() -> None:
    (found,) = links([ASKING, client("c1", link="s1")], [server("s1", "c1")], {"orders": "app"})

    assert found.user == "app"


def test_moments_that_are_none_give_no_hold() -> None:
    (found,) = links([client("c1", link="s1", request="")], [server("s1", "c1")], {})

    assert found.held_s is None


def test_of_thousands_the_longest_of_each_pool_are_kept() -> None:
    many = [
        LinkRow(f"db{n % 3}", "app", "api", f"10.0.0.9:{n}", "waiting", float(n), None, None) for n in range(3000)
    ] + [LinkRow("db0", "app", "api", f"10.0.0.8:{n}", "active", None, float(n), n) for n in range(50)]
    kept = longest(many)

    assert len(kept) == 4 * MOST_LINKS
    assert [link.waited_s for link in kept if link.database == "db2"] == [2999.0 - 3 * n for n in range(MOST_LINKS)]
    assert max(link.held_s or 0 for link in kept) == 49
