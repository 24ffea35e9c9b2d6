"""The second connection: one request at a time, nothing written, and a goodbye at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest

from perftui.clients.own_postgres import OwnPostgres
from perftui.model.failure import FailureKind, SourceError
from tests.clients.pair import Pair, failed, pair, succeeds
from tests.servers import Clients, dsn, execute, until


@pytest.fixture
async def both(postgres: OwnPostgres) -> AsyncIterator[Pair]:
    async with pair(dsn(postgres)) as found:
        yield found


async def test_two_connections_and_no_more(both: Pair, clients: Clients) -> None:
    await both.control.query("select 1")
    observer = await clients.new()

    rows = await observer.fetch("select 1 from pg_stat_activity where application_name like 'perftui/%'")

    assert len(rows) == 2


async def test_gives_plain_values_without_control_characters(both: Pair) -> None:
    answer = await both.control.query(
        "select 1::int8 as number, 1.5::numeric as part, 2::numeric as whole, null as none, true as yes,"
        " e'a\\x1b[2Jb\\nc' as words, interval '90 s' as span, timestamptz '2026-02-11 10:00:00+02' as at,"
        " '\\x00ff'::bytea as raw, array[1, 2] as list, '10.0.0.1'::inet as place, $1::text as given",
        ("it",),
    )

    assert answer.columns[:2] == ("number", "part")
    assert answer.rows == (
        (
            *(1, 1.5, 2, None, True, "a?[2Jb\nc", 90.0, "2026-02-11T08:00:00+00:00"),
            *("\\x00ff", [1, 2], "10.0.0.1", "it"),
        ),
    )
    assert not answer.cut


async def test_gives_so_many_rows_and_says_when_there_are_more(both: Pair) -> None:
    answer = await both.control.query("select generate_series(1, 100000)", rows=3)

    assert (answer.rows, answer.cut) == (((1,), (2,), (3,)), True)
    assert not (await both.control.query("select 1 where false", rows=1)).rows


@pytest.mark.parametrize(
    ("sql", "kind", "words"),
    [
        ("create table never ()", FailureKind.UNSUPPORTED, "create is not allowed"),
        ("select pg_reload_conf()", FailureKind.UNSUPPORTED, "pg_reload_conf() acts"),
        ("with a as (delete from kept returning 1) select * from a", FailureKind.DENIED, "read-only transaction"),
        ("select pg_sleep(9)", FailureKind.TIMED_OUT, "longer than it may"),
        ("select nothing", FailureKind.MALFORMED, 'column "nothing" does not exist'),
        ("select $1::int", FailureKind.MALFORMED, "do not fit the parameters"),
    ],
)
async def test_a_statement_that_fails_leaves_the_connection_as_it_was(
    both: Pair, postgres: OwnPostgres, sql: str, kind: FailureKind, words: str
) -> None:
    await execute(postgres, "create table kept ()")
    problem = await failed(both.control.query(sql, timeout_s=0.3))
    await execute(postgres, "drop table kept")

    assert (problem.kind, words in problem.detail) == (kind, True), problem.detail
    assert (await both.control.query("select 1")).rows == ((1,),)
    assert await both.control.rows("select current_setting('statement_timeout')") == [("5s",)]


async def test_what_was_read_goes_back_as_a_parameter(both: Pair) -> None:
    sql = "select pid, backend_start, backend_start::text as written, 1.5::numeric as part, age(xact_start) as span, true as yes"
    ((pid, start, written, part, span, yes),) = (
        await both.control.query(f"{sql} from pg_stat_activity where pid = pg_backend_pid()")
    ).rows

    answer = await both.control.query(
        "select pid from pg_stat_activity where pid = $1 and backend_start = $2 and backend_start = $3"
        " and 1.5 = $4 and interval '9 h' > $5 and $6",
        (float(pid), start, written, part, span, str(yes)),
    )

    assert answer.rows == ((pid,),)


async def test_writes_only_where_it_was_asked_to(both: Pair, postgres: OwnPostgres, clients: Clients) -> None:
    await execute(postgres, "create sequence steps")

    first = await both.control.query("select nextval('public.steps')", read_only=False)
    second = await both.control.query("select nextval('public.steps')", read_only=False)

    assert second.rows[0][0] == first.rows[0][0] + 1
    assert (await failed(both.control.query("select nextval('public.steps')"))).kind is FailureKind.UNSUPPORTED
    await execute(postgres, "drop sequence steps")


async def test_a_short_request_waits_neither_behind_a_long_one_nor_behind_the_sampler(both: Pair) -> None:
    long = asyncio.create_task(both.control.query("select pg_sleep(0.6)"))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await both.control.rows("select 1")
    assert time.monotonic() - began < 0.4
    await long

    sampling = asyncio.create_task(both.sampler.rows("select pg_sleep(0.6)"))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await both.control.rows("select 1")
    assert time.monotonic() - began < 0.4
    await sampling


async def test_a_request_that_is_given_up_leaves_nothing_open(both: Pair) -> None:
    task = asyncio.create_task(both.control.query("select pg_sleep(4)"))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await both.opened()

    assert (await both.control.query("select 1")).rows == ((1,),)


async def test_where_one_connection_is_let_in_it_does_both_and_says_so(postgres: OwnPostgres) -> None:
    await execute(postgres, "create role few login connection limit 1")
    try:
        found = Pair(dsn(postgres, user="few"))
        await until(lambda: succeeds(found.sampler.rows("select 1")))

        async def refused() -> SourceError | None:
            problem = await failed(found.control.ready())
            return None if "connecting…" in problem.detail else problem

        problem = await until(refused)

        assert "too many connections for role" in problem.detail
        assert "pg_use_reserved_connections" in problem.detail
        assert (await found.control.query("select 1")).rows == ((1,),)
        await found.close()
    finally:
        await execute(postgres, "drop role few")


async def test_the_server_hears_a_goodbye(postgres: OwnPostgres) -> None:
    log = postgres.folder / "log"
    before = len(log.read_text())
    async with pair(dsn(postgres)):
        pass

    await asyncio.sleep(0.3)
    assert not [line for line in log.read_text()[before:].splitlines() if "unexpected EOF" in line or "reset" in line]


async def test_a_server_that_hangs_does_not_hold_up_the_end(both: Pair) -> None:
    pids = [(await both.control.rows("select pg_backend_pid()"))[0][0]]
    pids.append((await both.sampler.rows("select pg_backend_pid()"))[0][0])
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        asking = asyncio.create_task(both.sampler.rows("select 1"))
        await asyncio.sleep(0)
        began = time.monotonic()
        await both.close()
        assert time.monotonic() - began < 0.4
        await asyncio.gather(asking, return_exceptions=True)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
