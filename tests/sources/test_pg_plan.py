"""Texts and plans of statements that a real server keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from perftui.clients.own_postgres import OwnPostgres
from perftui.model.failure import FailureKind
from perftui.sources.pg_plan import How, StatementKey, plan, whole_text
from tests.clients.pair import Pair, failed, pair
from tests.servers import dsn, execute


@pytest.fixture
async def both(postgres: OwnPostgres) -> AsyncIterator[Pair]:
    await execute(
        postgres,
        "create extension if not exists pg_stat_statements",
        "create schema shop",
        "create table shop.goods (id int primary key, name text)",
        "create role seller login",
        "grant usage on schema shop to seller",
        "grant all on shop.goods to seller",
        "alter role seller set search_path = shop",
        "select pg_stat_statements_reset()",
    )
    async with pair(dsn(postgres)) as found:
        yield found
    await execute(
        postgres,
        "drop schema shop cascade",
        "drop owned by seller",
        "drop role seller",
        "drop extension pg_stat_statements",
    )


async def ran(postgres: OwnPostgres, both: Pair, sql: str, database: str = "postgres") -> StatementKey:
    """Have the seller run it, and find its entry."""
    from tests.servers import connect

    session = await connect(dsn(postgres, database, "seller"))
    await session.execute(sql)
    await session.close()
    rows = await both.control.rows(
        "select queryid, dbid::int8, userid::int8 from public.pg_stat_statements s"
        " where userid = 'seller'::regrole order by length(query) desc limit 1"
    )
    return StatementKey(queryid=rows[0][0], database_oid=rows[0][1], user_oid=rows[0][2])


async def test_the_whole_text_as_it_was_written(both: Pair, postgres: OwnPostgres) -> None:
    key = await ran(postgres, both, "select name\n  from goods\n where name like 'a%' -- why\x1b[2J\n and id in (1, 2)")

    found = await whole_text(both.control, key)

    assert found.text.splitlines()[0:2] == ["select name", "  from goods"]
    assert "$1" in found.text
    assert "\x1b" not in found.text
    assert not found.cut


async def test_literals_are_masked_unless_they_are_asked_for(both: Pair, postgres: OwnPostgres) -> None:
    key = await ran(postgres, both, "set application_name = 'secret of theirs'")

    literal = (await whole_text(both.control, key, literals=True)).text
    assert "secret" not in (await whole_text(both.control, key)).text
    assert "secret" in literal or "$1" in literal  # 18 replaces it itself


async def test_a_long_text_is_cut_and_says_so(both: Pair, postgres: OwnPostgres) -> None:
    key = await ran(postgres, both, f"select id /* {'y' * 70000} */ from goods")

    found = await whole_text(both.control, key)

    assert found.cut
    assert 65000 < len(found.text) <= 65536
    assert "longer than 64 KiB" in (await failed(plan(both.control, key))).detail


async def test_the_plan_of_a_statement_with_parameters(both: Pair, postgres: OwnPostgres) -> None:
    key = await ran(postgres, both, "update goods set name = 'x' where id = 7")

    found = await plan(both.control, key)
    again = await plan(both.control, key)

    assert found == again
    assert found.how is How.GENERIC
    assert any("Index Scan using goods_pkey" in line for line in found.lines)
    assert any("$" in line for line in found.lines)
    assert found.search_path == "shop"


async def test_the_plan_of_a_statement_without_parameters(both: Pair, postgres: OwnPostgres) -> None:
    key = await ran(postgres, both, "select count(*) from goods")

    assert (await plan(both.control, key)).how is How.PLAIN
    analyzed = await plan(both.control, key, analyze=True)
    assert analyzed.how is How.ANALYZE
    assert any("actual time" in line for line in analyzed.lines)


async def test_a_plan_changes_nothing(both: Pair, postgres: OwnPostgres) -> None:
    key = await ran(postgres, both, "delete from goods")

    problem = await failed(plan(both.control, key, analyze=True))

    assert "delete is not allowed" in problem.detail
    assert (await plan(both.control, key)).lines[0].startswith("Delete on goods")


@pytest.mark.parametrize(
    ("sql", "words"),
    [("vacuum goods", "only SELECT"), ("select 1 from goods where id = 1", "values of its parameters are not known")],
)
async def test_no_plan_comes_with_the_reason(both: Pair, postgres: OwnPostgres, sql: str, words: str) -> None:
    key = await ran(postgres, both, sql)

    problem = await failed(plan(both.control, key, analyze=True))

    assert problem.kind is FailureKind.UNSUPPORTED
    assert words in problem.detail


async def test_a_statement_of_another_database_is_told(both: Pair, postgres: OwnPostgres) -> None:
    await execute(postgres, "drop database if exists other", "create database other")
    try:
        key = await ran(postgres, both, "select 1, 2, 3", "other")
        problem = await failed(plan(both.control, key))
        assert "it ran in database other, and perftui is connected to postgres" in problem.detail
    finally:
        await execute(postgres, "drop database other with (force)")


async def test_a_relation_that_is_not_on_the_path(both: Pair, postgres: OwnPostgres) -> None:
    key = await ran(postgres, both, "select count(*) from goods")
    await execute(postgres, "alter role seller set search_path = elsewhere")

    problem = await failed(plan(both.control, key))

    assert 'relation "goods" does not exist; it was looked for in elsewhere' in problem.detail


async def test_a_plan_needs_the_rights_of_its_run(both: Pair, postgres: OwnPostgres) -> None:
    key = await ran(postgres, both, "select count(*) from goods")
    await execute(
        postgres,
        "create role guest login",
        "grant pg_monitor to guest",
        "grant usage on schema shop to guest",
    )
    async with pair(dsn(postgres, user="guest")) as guest:
        problem = await failed(plan(guest.control, key))

    assert problem.kind is FailureKind.DENIED
    assert "permission denied for table goods; a plan needs the rights of its run: grant " in problem.detail
    await execute(postgres, "drop owned by guest", "drop role guest")


async def test_an_entry_that_is_gone(both: Pair) -> None:
    problem = await failed(whole_text(both.control, StatementKey(queryid=1, database_oid=1, user_oid=1)))

    assert "evicted or reset" in problem.detail


async def test_a_text_that_is_no_statement_any_more(both: Pair, postgres: OwnPostgres) -> None:
    key = await ran(postgres, both, "select interval '1 day' + now(), id from goods")

    problem = await failed(plan(both.control, key))

    assert "a parameter where none may stand" in problem.detail
