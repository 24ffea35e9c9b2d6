"""The console over a real server: a blocker found, ended, and its waiters free."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot

from perftui.clients.clock import SystemClock
from perftui.clients.own_postgres import OwnPostgres
from perftui.commands.act_log import ActLog
from perftui.commands.sources import machine, postgres_sources
from perftui.pipeline.feed import LiveFeed
from perftui.pipeline.live import LivePlayer
from perftui.pipeline.loop import Judge
from perftui.pipeline.pg_actions import PostgresActions
from perftui.tui.app import Console
from perftui.tui.options import Theme
from perftui.tui.terminal import Look
from tests.servers import Clients, dsn, execute, until
from tests.tui.console import options


class Screen:
    def __init__(self, console: Console, pilot: Pilot[None]) -> None:
        self.console = console
        self.pilot = pilot

    @property
    def text(self) -> str:
        lines = self.console.canvas.render_lines(self.console.canvas.size.region)
        return "\n".join(strip.text for strip in lines)

    async def shows(self, words: str) -> None:
        async def found() -> bool:
            await self.pilot.pause(0.02)
            return words in self.text

        try:
            await until(found, 15)
        except AssertionError:
            raise AssertionError(f"no {words!r} in\n{self.text}") from None

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


@asynccontextmanager
async def watching(server: OwnPostgres, folder: Path, changes_allowed: bool = True) -> AsyncIterator[Screen]:
    wired = postgres_sources(dsn(server))
    player = LivePlayer(LiveFeed(wired.sources, SystemClock(), 0.5), Judge(machine=machine()), at_end=wired.aclose)
    assert wired.control is not None
    log: Callable[..., None] = ActLog(folder).write
    actions = PostgresActions(
        wired.control, call=player.call, mark=player.mark, log=log, changes_allowed=changes_allowed
    )
    look = Look(Theme.COLOUR, False)
    console = Console(player, msgspec.structs.replace(options(folder), actions=actions), look)
    player.warm_up()
    player.start(console.publish)
    try:
        async with console.run_test(size=(120, 36)) as pilot:
            yield Screen(console, pilot)
    finally:
        player.stop()
    assert player.failure is None


async def test_a_blocker_is_terminated_from_the_tree(postgres: OwnPostgres, clients: Clients, tmp_path: Path) -> None:
    await execute(
        postgres,
        "create table goods (id int)",
        "insert into goods values (1)",
        "create role seller login",
        "grant all on goods to seller",
    )
    blocker = await clients.new("orders-api", user="seller")
    await blocker.execute("begin; update goods set id = 2")
    pid = blocker.get_server_pid()
    for _ in range(3):
        clients.start(await clients.new("waiter", user="seller"), "update goods set id = 3")
    async with watching(postgres, tmp_path / "state") as screen:
        await screen.shows(f"{pid} idle in tx")
        await screen.press(key_of(screen, "Locks"), "down", "k")
        await screen.shows("behind it wait 3")
        await screen.shows(f"type terminate {pid} and Enter")
        await screen.press(*"terminate", "space", *str(pid), "enter")
        await screen.shows(f"terminated {pid}: it is gone after")
        await screen.press("escape")
        await screen.shows("nobody waits")
        await screen.shows(f"terminated {pid} orders-api")
    log = tmp_path / "state" / "acts.jsonl"
    (line,) = [json.loads(each) for each in log.read_text().splitlines()]
    assert (line["verb"], line["pid"], line["name"]) == ("terminate", pid, "orders-api")
    assert log.stat().st_mode & 0o777 == 0o600
    assert "update" not in log.read_text()
    await clients.close()
    await execute(postgres, "drop table goods", "drop role seller")


def key_of(screen: Screen, title: str) -> str:
    """The number before a pane's title."""
    before = screen.text.split(f" {title}")[0]
    return before[-1]


async def test_a_statement_is_opened_and_explained(postgres: OwnPostgres, clients: Clients, tmp_path: Path) -> None:
    await execute(
        postgres,
        "create extension pg_stat_statements",
        "create table goods (id int primary key)",
        "select pg_stat_statements_reset()",
    )
    busy = await clients.new("shop")
    async with watching(postgres, tmp_path, changes_allowed=False) as screen:

        async def listed() -> bool:
            await busy.fetch("select id, pg_sleep(0.05) from (values (1)) v (one), goods where id = 7 or one = 1")
            await busy.fetch("select count(*), pg_sleep(0.02) from goods")
            await screen.pilot.pause(0.02)
            return "select count(*)" in screen.text

        await until(listed, 20)
        await screen.press(key_of(screen, "Slow statements"), "slash", *"count(", "enter", "enter")
        await screen.shows(" Statement ")
        await screen.press("e")
        await screen.shows("Aggregate")
        await screen.press("E")
        await screen.shows("--allow-changes")
        await screen.press("y")
        assert "Aggregate" in screen.console.clipboard
        await screen.press("escape")
        await screen.shows("filter 'count('")
    await execute(postgres, "drop table goods", "drop extension pg_stat_statements")


@pytest.mark.parametrize("key", ["c", "k"])
async def test_without_the_flag_nothing_is_ended(
    key: str, postgres: OwnPostgres, clients: Clients, tmp_path: Path
) -> None:
    session = await clients.new("orders-api")
    await session.execute("begin; select 1")
    async with watching(postgres, tmp_path, changes_allowed=False) as screen:
        await screen.shows("Connections")
        await screen.press(key_of(screen, "Connections"))
        await screen.shows("orders-api")
        await screen.press("down", key)
        await screen.shows("start perftui with --allow-changes")
    assert await session.fetchval("select 1") == 1
