"""Sessions that are really ended, and those that are left alone."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator

import pytest

from perftui.clients.own_postgres import OwnPostgres
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.pg_backend import Target, Verb, backend, end, protection
from tests.clients.pair import Pair, failed, pair
from tests.servers import Clients, Session, dsn, end_all_sessions, execute, until

START_SQL = "select extract(epoch from backend_start)::float8 from pg_stat_get_activity({})"


@pytest.fixture
async def both(postgres: OwnPostgres) -> AsyncIterator[Pair]:
    await execute(
        postgres,
        "create table held (id int)",
        "insert into held values (1)",
        "create role seller login",
        "create role watcher login",
        "grant all on held to seller",
    )
    async with pair(dsn(postgres)) as found:
        yield found
    await end_all_sessions(postgres)
    await execute(postgres, "drop table held", "drop role seller", "drop role watcher")


async def target_of(both: Pair, session: Session) -> Target:
    pid = session.get_server_pid()
    ((start,),) = await both.control.rows(START_SQL.format(pid))
    return Target(pid=pid, backend_start_at=start)


async def blocked(both: Pair, clients: Clients) -> tuple[Session, Target]:
    """An idle transaction of an application that holds up two others."""
    blocker = await clients.new("orders-api", user="seller")
    await blocker.execute("begin; update held set id = 2")
    for _ in range(2):
        clients.start(await clients.new("waiter", user="seller"), "update held set id = 3")
    await until(lambda: waiting(both, 2))
    return blocker, await target_of(both, blocker)


async def waiting(both: Pair, count: int) -> bool:
    return await both.control.rows("select count(*) from pg_locks where not granted") == [(count,)]


async def test_the_session_as_it_is(both: Pair, clients: Clients) -> None:
    _, target = await blocked(both, clients)

    found = await backend(both.control, target)

    assert found is not None
    assert (found.user, found.application, found.state) == ("seller", "orders-api", "idle in transaction")
    assert found.query == "begin; update held set id = ?"
    assert found.transaction_s is not None and 0 <= found.transaction_s < 10
    assert found.protected == ""


async def test_terminating_the_blocker_frees_its_waiters(both: Pair, clients: Clients) -> None:
    _, target = await blocked(both, clients)

    outcome = await end(both.control, Verb.TERMINATE, target)

    assert outcome.signalled and outcome.worked
    assert outcome.words.startswith(f"terminated {target.pid}: it is gone after ")
    await until(lambda: waiting(both, 0))
    again = await end(both.control, Verb.TERMINATE, target)
    assert not again.signalled
    assert "gone already" in again.words


async def test_cancelling_ends_the_statement_and_not_the_session(both: Pair, clients: Clients) -> None:
    busy = await clients.new(user="seller")
    target = await target_of(both, busy)
    clients.start(busy, "select pg_sleep(60)")

    async def sleeps() -> bool:
        found = await backend(both.control, target)
        return found is not None and found.state == "active"

    await until(sleeps)
    outcome = await end(both.control, Verb.CANCEL, target)

    assert outcome.worked, outcome.words
    assert f"cancelled {target.pid}: its statement has ended" in outcome.words
    assert await backend(both.control, target) is not None


async def test_where_nothing_runs_there_is_nothing_to_cancel(both: Pair, clients: Clients) -> None:
    _, target = await blocked(both, clients)

    outcome = await end(both.control, Verb.CANCEL, target)

    assert not outcome.signalled
    assert "idle in transaction" in outcome.words


async def test_a_pid_that_belongs_to_another_session_is_left_alone(both: Pair, clients: Clients) -> None:
    session = await clients.new(user="seller")
    target = await target_of(both, session)

    for verb in Verb:
        outcome = await end(both.control, verb, Target(pid=target.pid, backend_start_at=target.backend_start_at - 1))
        assert not outcome.signalled
        assert "another session" in outcome.words
    assert await session.fetchval("select 1") == 1


async def test_a_superuser_is_ended_only_when_it_is_said_twice(both: Pair, clients: Clients) -> None:
    target = await target_of(both, await clients.new())

    outcome = await end(both.control, Verb.TERMINATE, target)
    assert not outcome.signalled
    assert "superuser" in outcome.words
    assert (await end(both.control, Verb.TERMINATE, target, override=True)).worked


async def test_own_connections_are_protected(both: Pair) -> None:
    ((pid, start),) = await both.control.rows(
        "select pid, extract(epoch from backend_start)::float8 from pg_stat_get_activity(pg_backend_pid())"
    )

    outcome = await end(both.control, Verb.TERMINATE, Target(pid=pid, backend_start_at=start))

    assert "perftui's own" in outcome.words


@pytest.mark.parametrize(
    ("kind", "query", "superuser", "words"),
    [
        ("client backend", b"select 1", False, ""),
        ("autovacuum worker", b"autovacuum: VACUUM public.t", False, ""),
        ("autovacuum worker", b"autovacuum: VACUUM public.t (to prevent wraparound)", False, "wraparound"),
        ("walsender", b"START_REPLICATION", False, "walsender"),
        ("checkpointer", b"", False, "no client's session"),
        ("client backend", b"select 1", True, "superuser"),
        ("client backend", b"select 1", None, "can't be looked up"),
        (None, b"<insufficient privilege>", False, ""),
    ],
)
def test_who_is_protected(kind: str | None, query: bytes, superuser: bool | None, words: str) -> None:
    found = protection(kind, query, superuser)

    assert words in found if words else found == ""


async def test_without_the_right_it_says_which_grant(both: Pair, postgres: OwnPostgres, clients: Clients) -> None:
    _, target = await blocked(both, clients)
    async with pair(dsn(postgres, user="watcher")) as watcher:
        for right, words in (
            ("pg_monitor", "grant pg_monitor and pg_signal_backend"),
            ("pg_signal_backend", "grant pg_signal_backend or role seller to this role"),
        ):
            problem = await failed(end(watcher.control, Verb.TERMINATE, target))
            assert problem.kind is FailureKind.DENIED
            assert words in problem.detail
            await execute(postgres, f"grant {right} to watcher")

        assert (await end(watcher.control, Verb.TERMINATE, target)).worked


async def test_a_backend_that_does_not_obey_is_told(
    both: Pair, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perftui.sources.pg_backend.WATCH_S", 0.3)
    target = await target_of(both, await clients.new(user="seller"))
    os.kill(target.pid, signal.SIGSTOP)
    try:
        outcome = await end(both.control, Verb.TERMINATE, target)
    finally:
        os.kill(target.pid, signal.SIGCONT)

    assert (outcome.signalled, outcome.worked) == (True, False)
    assert "still there" in outcome.words


async def test_a_server_that_hangs_is_told_in_time(both: Pair, clients: Clients) -> None:
    target = await target_of(both, await clients.new(user="seller"))
    ((own,),) = await both.control.rows("select pg_backend_pid()")
    both.control._own._statement_ms = 200
    os.kill(own, signal.SIGSTOP)
    try:
        with pytest.raises(SourceError, match="no answer in time"):
            await end(both.control, Verb.TERMINATE, target)
    finally:
        os.kill(own, signal.SIGCONT)
