"""Where drills are played: a Postgres, a PgBouncer where one is installed, a shop with a pool, and load on all of them.

All of it is real, listens on the loopback, lies in one folder, and ends with its keeper, however that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from perftui.clients.own_pgbouncer import OwnPgBouncer, pgbouncer_program
from perftui.clients.own_postgres import OwnPostgres, free_port
from perftui.clients.workload import Session, session
from perftui.drills.certificates import Authority, openssl_is_here
from perftui.drills.marks import die_with_us
from perftui.drills.needs import CGROUP
from perftui.drills.pages import ask, serve
from perftui.drills.shop import ITEMS, Habit
from perftui.model.failure import FailureKind, SourceError

ORDERS = 8_000
POOL_SIZE = 12
MAX_CONNECTIONS = 50
OUTSTANDING = 60
"""Requests of the load at a time; those beyond are not made, as visitors leave who find a page that hangs."""
TABLES = f"""
create extension if not exists pg_stat_statements;
create role app login;
grant create on schema public to app;
set role app;
create table orders as
  select g as id, 'new' as state, md5(g::text) as reference, repeat('x', 60) as address from generate_series(1, {ORDERS}) g;
alter table orders add primary key (id);
create index orders_reference on orders (reference);
create table items as
  select g as id, g / {ITEMS} as order_id, md5(g::text) as note from generate_series(1, {ORDERS * ITEMS}) g;
alter table items add primary key (id);
create index items_order on items (order_id);
create table customers as select g as id, md5(g::text) as name from generate_series(1, 1000) g;
alter table customers add primary key (id);
"""


class Work:
    """Work in the background, ended with whatever it runs into."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    def count(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # taken note of: what a fault does to those who work beside it is its purpose

    async def __aenter__(self) -> Work:
        return self

    async def __aexit__(self, *exc: object) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Payments:
    """The service that the shop asks."""

    def __init__(self) -> None:
        self.delay_s = 0.015

    async def page(self, path: str) -> tuple[int, str]:
        await asyncio.sleep(self.delay_s if path == "/charge" else self.delay_s / 3)
        return 200, "charged\n"


class Stage:
    """What a fault can reach."""

    def __init__(self, folder: Path, server: OwnPostgres, pooler: OwnPgBouncer | None, payments: Payments) -> None:
        self.folder = folder
        self.postgres = server
        self.pgbouncer = pooler
        self.payments = payments
        self.deploys = folder / "deploys.jsonl"
        self.shop_port = 0
        self.payments_port = 0
        self.shop: subprocess.Popen[bytes] | None = None
        self.tls_port = 0
        self.ca_file: Path | None = None
        self.authority: Authority | None = None
        """Gives the shop's front its certificates; None where openssl is missing."""

    @property
    def dsn(self) -> str:
        """As the programs of the stage log in: an ordinary role, whose sessions may be ended without a second thought."""
        return self.postgres.dsn.replace("postgres@", "app@")

    def become(self, habit: Habit) -> None:
        """Have the shop work as another release of it does."""
        assert self.shop is not None, "the shop is not open"
        assert self.shop.stdin is not None, "it is told through its standard input"
        self.shop.stdin.write(f"{habit}\n".encode())
        self.shop.stdin.flush()

    def move_shop(self, group: Path) -> Path:
        """Put its process into a cgroup v1 group; gives the group of that controller where it was."""
        assert self.shop is not None, "the shop is not open"
        controller = group.relative_to(CGROUP).parts[0]
        lines = Path(f"/proc/{self.shop.pid}/cgroup").read_text().splitlines()
        paths = {name: path for line in lines for _, names, path in [line.split(":", 2)] for name in names.split(",")}
        (group / "cgroup.procs").write_text(str(self.shop.pid))
        return CGROUP / controller / paths[controller].lstrip("/")

    def deployed(self, version: str, previous: str) -> None:
        """Tell it as a pipeline would, in the file of deploys that the console reads."""
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "service": "shop",
            "version": version,
            "previous": previous,
            "kind": "deploy",
            "status": "succeeded",
        }
        with self.deploys.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")

    @contextlib.asynccontextmanager
    async def sessions(self) -> AsyncIterator[Opened]:
        """Opens sessions by application name; all are cut at the end."""
        opened = Opened(self.dsn)
        try:
            yield opened
        finally:
            await opened.cut()

    def settings(self) -> dict[str, Any]:
        """What the console is configured with: as an operator's config file would name it."""
        shop = f"http://127.0.0.1:{self.shop_port}"
        probes: dict[str, Any] = {
            "shop": {"url": f"{shop}/orders/7", "every_s": 1.0, "timeout_s": 5.0},
            "payments": {
                "url": f"http://127.0.0.1:{self.payments_port}/charge",
                "every_s": 1.0,
                "timeout_s": 5.0,
                "external": True,
            },
        }
        if self.ca_file is not None:
            probes["checkout"] = {
                "url": f"https://localhost:{self.tls_port}/health",
                "every_s": 2.0,
                "timeout_s": 5.0,
                "ca_file": str(self.ca_file),
            }
        pools: dict[str, Any] = {"shop": {"metrics": f"{shop}/metrics"}}
        if self.pgbouncer is not None:
            pools["bouncer"] = {"dsn": self.pgbouncer.console()}
        return {"pools": pools, "probes": probes, "deploys": {"file": str(self.deploys), "packages": False}}


class Opened:
    """Sessions of one fault."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._made: list[Session] = []

    async def new(self, application: str, dsn: str | None = None) -> Session:
        made = await session(dsn or self._dsn, application, cached=dsn is None)
        self._made.append(made)
        return made

    async def cut(self) -> None:
        """Hang up. A backend that waits for a lock notices when it gets it, which is at once: its blocker is cut as well."""
        for each in self._made:
            each.leave()


@contextlib.asynccontextmanager
async def stage(folder: Path, requests_per_s: float) -> AsyncIterator[Stage]:
    """The stage with its load.

    Raises:
        SourceError: something of it does not start.
    """
    with contextlib.ExitStack() as stack:
        settings = {
            "max_connections": str(MAX_CONNECTIONS),
            "max_prepared_transactions": "2",
            "wal_level": "replica",
            "max_wal_size": "256MB",
        }
        server = stack.enter_context(OwnPostgres(folder / "pg", settings=settings))
        server.run(TABLES)
        server.run("vacuum analyze")
        program = pgbouncer_program()
        pooler = None
        if program is not None:
            made = OwnPgBouncer(folder / "bouncer", server.port, [program], {"reports": "pool_size=4"})
            pooler = stack.enter_context(made)
        payments = Payments()
        found = Stage(folder, server, pooler, payments)
        found.deploys.touch()
        async with serve(payments.page) as found.payments_port, _front(found), Work() as work:
            found.shop_port = free_port()
            found.shop = stack.enter_context(_shop(found))
            await _until_it_answers(found)
            work.start(visitors(found, work, requests_per_s))
            work.start(_reports(found))
            yield found


@contextlib.contextmanager
def _shop(found: Stage) -> Any:
    """The shop as a process of its own, ended by the end of its input."""
    package = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [
            *die_with_us(),
            *(sys.executable, "-m", "perftui.drills.shop"),
            *(str(found.shop_port), found.dsn, str(POOL_SIZE), str(found.payments_port)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=(found.folder / "shop.log").open("wb"),
        env={**os.environ, "PYTHONPATH": package},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


async def _until_it_answers(found: Stage) -> None:
    deadline = asyncio.get_running_loop().time() + 15
    while asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(OSError, TimeoutError):
            if await ask(found.shop_port, "/health", 1.0) == 200:
                return
        await asyncio.sleep(0.05)
    raise SourceError(
        FailureKind.UNREACHABLE, f"the drill's shop did not start: {_last_line(found.folder / 'shop.log')}"
    )


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "it said nothing"


@contextlib.asynccontextmanager
async def _front(found: Stage) -> AsyncIterator[None]:
    """The shop's address with TLS, where openssl can make a certificate."""
    if not openssl_is_here():
        yield
        return

    async def page(path: str) -> tuple[int, str]:
        try:
            return await ask(found.shop_port, path, 4.0), "passed on\n"
        except (OSError, TimeoutError):
            return 504, "no answer\n"

    authority = Authority(found.folder)
    found.ca_file = authority.root
    async with serve(page, tls=authority.context) as found.tls_port:
        found.authority = authority
        yield


async def visitors(found: Stage, work: Work, requests_per_s: float) -> None:
    """They come at their own pace, whatever the shop does: three of four look at orders, one pays or searches."""
    chance = random.Random(7)
    paths = ("/orders/{}",) * 6 + ("/pay/{}", "/find/{}")

    async def visit(path: str) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            await ask(found.shop_port, path, 8.0)

    while True:
        if work.count < OUTSTANDING:
            work.start(visit(chance.choice(paths).format(chance.randint(1, ORDERS))))
        await asyncio.sleep(chance.expovariate(requests_per_s))


async def _reports(found: Stage) -> None:
    """A colleague's program that counts now and then, through the pooler where there is one."""
    while True:
        try:
            through = found.pgbouncer.dsn("reports") if found.pgbouncer else None
            one = await session(through or found.dsn, "reports", cached=through is None)
            try:
                await one.over_and_over("select state, count(*) from orders where id < 500 group by state", 0.5)
            finally:
                one.leave()
        except SourceError:
            await asyncio.sleep(1.0)
