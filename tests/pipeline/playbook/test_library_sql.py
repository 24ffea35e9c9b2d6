"""Every statement of the shipped playbooks on real servers of all majors, while one session holds another up.

What a statement gives has the columns that the fixtures say, and what acts on a session acts on that one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from math import inf
from typing import Any

import pytest

from perftui.clients.own_postgres import OwnPostgres
from perftui.pipeline.catalogue import catalogue
from perftui.playbooks.document import Effect, Playbook, Step
from perftui.playbooks.fixture import Fixture, fixture_files, load_fixture
from perftui.playbooks.load import load, walk
from perftui.playbooks.steps import effect_of
from perftui.playbooks.steps.ask import Ask
from perftui.playbooks.steps.sql import Sql, numbered
from perftui.playbooks.trust import shipped_folder
from perftui.playbooks.values import StepId
from perftui.playbooks.vocabulary import Vocabulary
from tests.clients.pair import Pair, pair
from tests.servers import Clients, dsn, execute, until

SHIPPED = sorted(shipped_folder().glob("*.yaml"))


def statements() -> list[tuple[Playbook, Step]]:
    found = [(load(path).playbook, step) for path in SHIPPED for _, step in walk(load(path).playbook)]
    return [(playbook, step) for playbook, step in found if isinstance(step.do, Sql)]


STEPS = statements()
CHANGES = [(playbook, step) for playbook, step in STEPS if effect_of(step) is Effect.CHANGE]
SLOT = "left_behind"
NOTHING_THERE = {
    ("db-lock-contention", "cancel"): "the holder is idle: there is no statement to cancel",
    ("db-replication-lag", "resume"): "a primary replays nothing",
}
READS = [(playbook, step) for playbook, step in STEPS if effect_of(step) is Effect.READ]


@pytest.fixture
async def held_up(postgres: OwnPostgres, clients: Clients) -> AsyncIterator[Pair]:
    """A session that is idle in its transaction, one that waits for it, and a slot that nobody reads."""
    setup = ("create extension if not exists pg_stat_statements", "create table held (id int primary key, n int)")
    slot = f"select pg_create_physical_replication_slot('{SLOT}', true)"
    await execute(postgres, *setup, "insert into held select 1, 0", slot)
    try:
        holder, victim, looker = [await clients.new(name) for name in ("holder", "victim", "looker")]
        await holder.execute("begin")
        await holder.execute("update held set n = 1 where id = 1")
        clients.start(victim, "update held set n = 2 where id = 1")
        waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and now() - query_start > '0.15 s'"
        await until(lambda: looker.fetch(waiting))
        async with pair(dsn(postgres)) as both:
            yield both
    finally:
        await clients.close()
        drop = f"select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '{SLOT}'"
        await execute(postgres, "drop table held", "drop extension pg_stat_statements", drop)


def source_of(playbook: Playbook, name: str) -> Step:
    """The step whose table a picked row comes from."""
    asks = [step.do for _, step in walk(playbook) if isinstance(step.do, Ask)]
    source = next(str(var.source) for ask in asks for key, var in ask.inputs.items() if key == name)
    return next(step for _, step in walk(playbook) if step.id == source.removeprefix("steps."))


async def rows(both: Pair, playbook: Playbook, step: Step) -> list[Mapping[str, Any]]:
    """What a step's statement gives, its parameters taken from thresholds and picked rows; one row of nothing where none."""
    assert isinstance(step.do, Sql)
    text, names = numbered(step.do.statement)
    args = [await value(both, playbook, step.do.params[StepId(name)]) for name in names]
    answer = await both.control.query(text, tuple(args), read_only=effect_of(step) is not Effect.CHANGE)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows] or [dict.fromkeys(answer.columns)]


async def value(both: Pair, playbook: Playbook, bound: str | float) -> Any:
    if not isinstance(bound, str):
        return bound
    root, name, *column = bound.split(".")
    if root == "t":
        # How long the counters are watched decides nothing here.
        return min(playbook.thresholds[StepId(name)].value.value, 0.1 if name == "watched" else inf)
    if not column:
        return 10.0
    source = source_of(playbook, name)
    wanted = "victim" if source.id == "now" else "holder"
    if column == ["slot"]:
        return SLOT
    picked = await rows(both, playbook, source)
    return next(row for row in picked if row["application_name"] == wanted)[column[0]]


@cache
def fixtures(playbook_id: str) -> tuple[Fixture, ...]:
    vocabulary = Vocabulary((entry.name, entry.unit, entry.text) for entry in catalogue())
    files = fixture_files(shipped_folder() / f"{playbook_id}.yaml")
    return tuple(load_fixture(file, vocabulary).fixture for file in files)


def told(playbook: Playbook, step: Step) -> Iterator[Mapping[str, Any]]:
    """What the fixtures say that a step gives."""
    for fixture in fixtures(playbook.id):
        if step.id in fixture.answers:
            yield from fixture.answers[step.id].rows[:1]


async def test_what_reads_runs_and_gives_what_its_fixtures_say(held_up: Pair) -> None:
    for playbook, step in READS:
        first = (await rows(held_up, playbook, step))[0]

        assert [list(row) for row in told(playbook, step) if list(row) != list(first)] == [], (playbook.id, step.id)


@pytest.mark.parametrize(("playbook", "step"), CHANGES, ids=[f"{playbook.id}/{step.id}" for playbook, step in CHANGES])
async def test_what_acts_meets_the_session_that_was_picked(held_up: Pair, playbook: Playbook, step: Step) -> None:
    first = (await rows(held_up, playbook, step))[0]

    assert list(first.values()) == [None if (playbook.id, step.id) in NOTHING_THERE else True]


def named(playbook_id: str, step_id: str) -> tuple[Playbook, Step]:
    return next((playbook, step) for playbook, step in READS if (playbook.id, step.id) == (playbook_id, step_id))


async def test_a_statement_that_is_called_for_each_row_is_found(held_up: Pair, clients: Clients) -> None:
    shop = await clients.new("shop")
    asking = True

    async def ask_one_at_a_time() -> None:
        while asking:
            await shop.fetchval("select n from held where id = $1", 1)

    busy = asyncio.ensure_future(ask_one_at_a_time())
    try:
        (worst, *_) = await rows(held_up, *named("n-plus-one", "top"))
    finally:
        asking = False
        await busy

    # Ten requests a second are told to the statement.
    assert worst["query"] == "select n from held where id = $1" and worst["rows_per_call"] == 1.0
    assert worst["calls_per_s"] > 100 and worst["calls_per_request"] == pytest.approx(worst["calls_per_s"] / 10, 0.02)


async def test_a_table_of_dead_rows_and_who_keeps_them_are_found(postgres: OwnPostgres, held_up: Pair) -> None:
    fill = "insert into stale select i from generate_series(1, 12000) i"
    await execute(postgres, "create table stale (n int)", fill, "update stale set n = n + 1")

    async def found() -> list[Mapping[str, Any]]:
        return [row for row in await rows(held_up, *named("db-table-bloat", "tables")) if row["relation"]]

    try:
        (table,) = await until(found)
        holders = await rows(held_up, *named("db-table-bloat", "holders"))
    finally:
        await execute(postgres, "drop table stale")

    assert (table["relation"], table["dead_ratio"], table["switched_off"]) == ("public.stale", 0.5, 0)
    oldest = next(row for row in holders if row["application_name"] == "holder")
    assert (oldest["kind"], oldest["name"]) == ("session", "idle in transaction") and oldest["age"] >= 1


def test_there_are_statements() -> None:
    assert len(READS) >= 10 and len(CHANGES) >= 4
