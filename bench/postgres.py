"""What watching a Postgres costs: the server's time, round trips, our CPU and the wait, for each tick of a second.

    python -m bench.postgres [--ticks 30]

The server is the embedded one. Its time is what pg_stat_statements counts for the statements of a role. First our sources
alone, against the budgets; then the whole console, beside pg_activity at its refresh of a second where that is installed, each
in a terminal of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from bench.postgres_screens import Cost, cost, watchers
from perftui.clients.clock import SystemClock
from perftui.clients.own_postgres import OwnPostgres
from perftui.clients.postgres import Postgres
from perftui.model.failure import SourceError
from perftui.sources.pg_columns import PgColumns
from perftui.sources.pg_counters import PgCounters
from perftui.sources.pg_followers import PgReplication
from perftui.sources.pg_session import PgActivity
from perftui.sources.pg_statements import PgStatements
from perftui.sources.pg_tables import PgTables
from perftui.sources.pg_vacuum import PgVacuum
from perftui.sources.pg_wal import PgWal

SETTINGS = {"max_connections": "420", "autovacuum": "off", "pg_stat_statements.max": "6000"}
SPENT = """
select coalesce(sum(calls), 0)::float8 as calls, coalesce(sum(total_exec_time), 0) as ms
  from pg_stat_statements where userid = '{role}'::regrole
"""
BUDGETS_MS = {"base": 0.5, "300 idle backends": 1.5, "and 5,000 statements": 2.2}
"""Of the server's time for each tick."""

connect: Any = asyncpg.connect


class Counted(Postgres):
    """Counts round trips."""

    asked = 0

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        self.asked += 1
        return await super().rows(sql)


async def ours(server: OwnPostgres, administrator: Any, ticks: int) -> dict[str, float]:
    """Each of `ticks` is one second's work: activity and counters, about a fifth of the times statements, vacuum, replication
    and log, a fifteenth of the times the tables."""
    clock = SystemClock()
    client = Counted(place(server, "watcher"), clock.mono)
    fast = (PgActivity(client, clock), PgCounters(client, clock))
    slow, columns = PgStatements(client, clock), PgColumns(client)
    medium = (PgVacuum(client, clock), PgReplication(client, clock, columns), PgWal(client, clock, columns))
    tables = PgTables(client, clock)
    while client.connections == 0:
        with contextlib.suppress(SourceError):
            await client.rows("select 1")
        await asyncio.sleep(0.01)
    for source in (*fast, slow, *medium, tables) * 2:
        await source.sample()
    before = await administrator.fetchrow(SPENT.format(role="watcher"))
    client.asked = 0
    cpu_ms, wall_ms, slow_ms, rest_ms, due = [], [], [], 0.0, 0.0
    for tick in range(ticks):
        began, spent = time.perf_counter(), time.process_time()
        for source in fast:
            await source.sample()
        wall_ms.append((time.perf_counter() - began) * 1e3)
        cpu_ms.append((time.process_time() - spent) * 1e3)
        if tick >= due:
            due += slow.interval_s
            spent = time.process_time()
            await slow.sample()
            slow_ms.append((time.process_time() - spent) * 1e3)
        spent = time.process_time()
        for source in (*(medium if tick % 5 == 0 else ()), *((tables,) if tick % 15 == 0 else ())):
            await source.sample()
        rest_ms += (time.process_time() - spent) * 1e3
    after = await administrator.fetchrow(SPENT.format(role="watcher"))
    asked = client.asked
    await client.close()
    return {
        "server ms": (after["ms"] - before["ms"]) / ticks,
        "statements": asked / ticks,
        "client CPU ms": median(cpu_ms) + sum(slow_ms) / ticks + rest_ms / ticks,
        "wait ms": median(wall_ms),
        "one reading of statements, CPU ms": median(slow_ms),
    }


def place(server: OwnPostgres, user: str) -> str:
    return f"postgresql://{user}@127.0.0.1:{server.port}/postgres"


async def many_statements(administrator: Any, count: int) -> None:
    """Entries of half a kilobyte each; other constants make no other statement, other types do."""
    for number in range(count):
        columns = ",".join(f"1::{'int8' if number >> bit & 1 else 'int4'}" for bit in range(13))
        await administrator.execute(f"select {columns} /* {'orders page ' * 30}*/")


async def measure(ticks: int) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="perftui-bench-") as folder,
        OwnPostgres(Path(folder) / "pg", settings=SETTINGS) as server,
    ):
        administrator = await connect(place(server, "postgres"))
        for sql in (
            "create extension pg_stat_statements",
            "create role watcher login in role pg_monitor",
            "create role console login in role pg_monitor",
            "create role peer login in role pg_monitor",
        ):
            await administrator.execute(sql)
        print(
            f"{'our sources, a tick':24}{'server ms':>10}{'budget':>8}{'statements':>12}{'client CPU ms':>15}{'wait ms':>9}"
        )
        idle = []
        seen: dict[tuple[str, str], Cost] = {}
        for case, budget_ms in BUDGETS_MS.items():
            if case.startswith("300"):
                idle = [await connect(place(server, "postgres")) for _ in range(300)]
                for session in idle:
                    await session.fetch("select 1")
            if case.startswith("and"):
                await many_statements(administrator, 5000)
            report(case, budget_ms, await ours(server, administrator, ticks))
            for watcher in watchers(server.port):
                seen[case, watcher.name] = await cost(watcher, administrator, Path(folder))
        for session in (*idle, administrator):
            session.terminate()
    side_by_side(seen)


def report(case: str, budget_ms: float, figures: dict[str, float]) -> None:
    row = (
        f"{figures['server ms']:10.2f}{budget_ms:8.1f}{figures['statements']:12.1f}"
        f"{figures['client CPU ms']:15.2f}{figures['wait ms']:9.1f}"
    )
    print(f"{case:24}{row}")
    once = "one reading of statements, CPU ms"
    print(f"{'':24}{once}: {figures[once]:.1f}")


def side_by_side(seen: dict[tuple[str, str], Cost]) -> None:
    """The whole programs."""
    print(
        f"\n{'a refresh of':24}{'':12}{'statements':>12}{'server ms':>11}{'each s':>8}{'CPU ms/s':>10}{'PSS MB':>8}{'first s':>9}"
    )
    for (case, name), one in seen.items():
        print(
            f"{case:24}{name:12}{one.statements:12.1f}{one.server_ms:11.2f}{1 / one.refreshes_per_s:8.2f}"
            f"{one.cpu_ms:10.1f}{one.pss_bytes / 1e6:8.1f}{one.first_s:9.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=30)
    asyncio.run(measure(parser.parse_args().ticks))


if __name__ == "__main__":
    main()
