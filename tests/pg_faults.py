"""Real faults of a real Postgres, each a context manager that undoes itself; bounded in time and in what they write."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from perftui.clients.own_postgres import OwnPostgres


class Client(Protocol):
    """What is used of asyncpg's connection."""

    async def execute(self, sql: str) -> str: ...
    async def fetch(self, sql: str) -> list[Any]: ...
    async def close(self) -> None: ...
    def terminate(self) -> None: ...


connect: Callable[..., Awaitable[Client]] = asyncpg.connect
Fault = Callable[[OwnPostgres], AbstractAsyncContextManager[object]]


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


@contextlib.asynccontextmanager
async def one_row_at_a_time(server: OwnPostgres) -> AsyncIterator[None]:
    """A page that asks for each of its rows by itself, ten pages a second."""
    async with clients(server) as new:
        shop = await new("shop")

        async def pages() -> None:
            while True:
                await shop.execute("begin")
                for row in range(1, 61):
                    await shop.fetch(f"select state from orders where id = {row}")
                await shop.execute("commit")
                await asyncio.sleep(0.1)

        async with Busy() as busy:
            busy.start(pages())
            yield


@contextlib.asynccontextmanager
async def lookups(server: OwnPostgres) -> AsyncIterator[None]:
    """A healthy program that finds its rows by an index."""
    async with clients(server) as new:
        shop, administrator = await new("shop"), await new("migration")
        await administrator.execute(
            "create table items as select g as id, md5(g::text) as note from generate_series(1, 40000) g"
        )
        await administrator.execute("create index items_note on items (note); analyze items")

        async def look() -> None:
            for row in range(10**6):
                await shop.fetch(f"select id from items where note = md5('{row % 40000}')")
                await asyncio.sleep(0.01)

        async with Busy() as busy:
            busy.start(look())
            yield


@contextlib.asynccontextmanager
async def dropped_index(server: OwnPostgres) -> AsyncIterator[None]:
    """The index of `lookups` goes and comes back."""
    client = await connect(server.dsn)
    await client.execute("drop index items_note")
    try:
        yield
    finally:
        await client.execute("create index items_note on items (note)")
        await client.close()


@contextlib.asynccontextmanager
async def nothing(server: OwnPostgres) -> AsyncIterator[None]:
    yield


@contextlib.asynccontextmanager
async def unread_results(server: OwnPostgres) -> AsyncIterator[None]:
    """Five clients that ask for much and read nothing of it: their statements never end."""
    query = b"select repeat('x', 1000) from generate_series(1, 1000000)"
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(unread(server, query))
        yield


@contextlib.contextmanager
def unread(server: OwnPostgres, query: bytes) -> Iterator[None]:
    """A session on a socket of its own: drivers read what they asked for."""
    names = b"user\0postgres\0database\0postgres\0application_name\0export\0\0"
    startup = struct.pack("!ii", len(names) + 8, 196608) + names
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        link.sendall(startup)
        answer = b""
        while not answer.endswith(b"Z\0\0\0\x05I"):
            answer += link.recv(4096)
        link.sendall(b"Q" + struct.pack("!i", len(query) + 5) + query + b"\0")
        yield


@contextlib.asynccontextmanager
async def frozen(server: OwnPostgres) -> AsyncIterator[None]:
    """Every process of the server is stopped, as under a hypervisor that pauses: it takes connections and answers nothing."""
    pids = [server.pid, *_children(server.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
