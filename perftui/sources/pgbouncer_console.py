"""Reads the consoles of one or more PgBouncers: the pools each second, who waits and holds more slowly."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from perftui.model.failure import Failed, FailureKind, SourceError
from perftui.sources.files import Clock
from perftui.sources.pgbouncer import (
    FOUND_HERE,
    DatabaseRow,
    LinkRow,
    PgBouncerSample,
    Pooler,
    PoolRow,
    StatsRow,
    long_holds,
)
from perftui.sources.text import printable

Cells = Sequence[str | None]

POOLS = (
    *("database", "user", "cl_active", "cl_waiting", "sv_active", "sv_active_cancel", "sv_being_canceled"),
    *("sv_idle", "sv_used", "sv_tested", "sv_login", "maxwait", "maxwait_us", "pool_mode"),
)
DATABASES = (
    *("name", "database", "force_user", "pool_size", "reserve_pool", "reserve_pool_size", "max_connections"),
    *("current_connections", "paused", "disabled"),
)
STATS = ("database", "total_xact_count", "total_query_count", "total_wait_time", "total_server_assignment_count")
CLIENTS = (
    *("ptr", "database", "user", "application_name", "addr", "port", "state", "wait", "wait_us"),
    *("request_time", "link"),
)
SERVERS = ("ptr", "database", "user", "state", "request_time", "link", "remote_pid")

CONSOLE = "pgbouncer"
"""Its own database, of which it tells as of a pool."""
SETTINGS_S = 60.0
LINKS_S = 2.0
LINKS_SHARE = 0.01
"""Of the time: a pooler with thousands of clients is asked who they are less often."""
MOST_POOLS = 60
MOST_LINKS = 6
"""Of each pool: so many that wait and so many that hold, the longest first."""
MOST_LINKS_OF_ALL = 120


class Console(Protocol):
    """One kept connection to a console; answers at once with a SourceError while there is none."""

    connections: int

    async def rows(self, command: str, columns: Sequence[str]) -> Sequence[Cells]: ...


class PgBouncers:
    """Reads one or more consoles; those that fail don't hold up the others."""

    name = "pgbouncer"
    interval_s = 1.0
    deadline_s = 3.0

    def __init__(
        self,
        consoles: Mapping[str, Console],
        clock: Clock,
        cpu_s: Callable[[], float],
        instances: Mapping[str, int] = {},
    ) -> None:
        """Prepare it.

        Args:
            consoles: By the name in the config; one that was found by itself has the empty name.
            cpu_s: CPU time of the calling thread.
            instances: How many poolers like it there are, where there are several.
        """
        self._clock = clock
        self._instances = dict(instances)
        self._poolers = {name: _Pooler(console, clock, cpu_s) for name, console in consoles.items()}

    async def sample(self) -> PgBouncerSample:
        """Read all of them at the same time.

        Raises:
            SourceError: none could be read; as the client tells it of the first.
        """
        asked = await asyncio.gather(*(pooler.read() for pooler in self._poolers.values()), return_exceptions=True)
        read: dict[str, Pooler] = {}
        failed: dict[str, Failed] = {}
        for name, outcome in zip(self._poolers, asked, strict=True):
            if isinstance(outcome, Pooler):
                read[name] = outcome
            elif isinstance(outcome, SourceError):
                failed[name] = outcome.failed()
            else:
                raise outcome
        if not read:
            first, *more = failed.items()
            named = f"{first[0]}: " if more else ""
            how = "" if first[0] else f" ({FOUND_HERE})"
            raise SourceError(first[1].kind, f"{named}{first[1].detail}{how}")
        return PgBouncerSample(mono=self._clock.mono(), poolers=read, failed=failed, instances=self._instances)


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What changes only when an administrator changes it."""

    max_clients: int | None = None
    default_pool_size: int | None = None
    user_pool_sizes: dict[str, int] = {}


class _Pooler:
    """One console and what is kept between two looks at it."""

    def __init__(self, console: Console, clock: Clock, cpu_s: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._cpu_s = cpu_s
        self._known_connection = -1
        self._settings = _Settings()
        self._settings_due = self._links_due = float("-inf")
        self._links: tuple[LinkRow, ...] = ()
        self._long_holds: dict[str, int] | None = None
        self._tells_state = True

    async def read(self) -> Pooler:
        ask = self._console.rows
        rows = [row for row in await ask("SHOW POOLS", POOLS) if row[0] != CONSOLE]
        databases = [_database(row) for row in await ask("SHOW DATABASES", DATABASES) if row[0] != CONSOLE]
        stats = [_stats(row) for row in await ask("SHOW STATS", STATS) if row[0] != CONSOLE]
        mono = self._clock.mono()
        lists = _pairs(await ask("SHOW LISTS", ("list", "items")))
        if self._known_connection != self._console.connections:
            self._known_connection = self._console.connections
            self._settings_due, self._tells_state = float("-inf"), True
        if mono >= self._settings_due:
            self._settings = await self._read_settings()
            self._settings_due = mono + SETTINGS_S
        if mono >= self._links_due:
            await self._read_links(mono, {row.name: row.force_user for row in databases if row.force_user})
        pools = sorted((_pool(row) for row in rows), key=lambda row: (-row.waiting_clients, -row.active_servers))
        kept = pools[:MOST_POOLS]
        names = {row.database for row in kept}
        return Pooler(
            mono=mono,
            pools=tuple(kept),
            databases=tuple(row for row in databases if row.name in names),
            stats=tuple(row for row in stats if row.database in names),
            used_clients=_number(lists.get("used_clients")),
            max_clients=self._settings.max_clients,
            default_pool_size=self._settings.default_pool_size,
            user_pool_sizes=self._settings.user_pool_sizes,
            paused=await self._paused(),
            links=self._links,
            long_holds=self._long_holds,
            more_pools=len(pools) - len(kept),
        )

    async def _paused(self) -> bool | None:
        """SHOW STATE came with 1.19."""
        if not self._tells_state:
            return None
        try:
            found = _pairs(await self._console.rows("SHOW STATE", ("key", "value")))
        except SourceError as exc:
            if exc.kind is not FailureKind.UNSUPPORTED:
                raise
            self._tells_state = False
            return None
        return "yes" in (found.get("paused"), found.get("suspended"))

    async def _read_settings(self) -> _Settings:
        config = _pairs(await self._console.rows("SHOW CONFIG", ("key", "value")))
        users = await self._console.rows("SHOW USERS", ("name", "pool_size"))
        return _Settings(
            max_clients=_number(config.get("max_client_conn")),
            default_pool_size=_number(config.get("default_pool_size")),
            user_pool_sizes={_text(name): size for name, text in users if (size := _number(text))},
        )

    async def _read_links(self, mono: float, forced: Mapping[str, str]) -> None:
        began = self._cpu_s()
        servers = await self._console.rows("SHOW SERVERS", SERVERS)
        clients = await self._console.rows("SHOW CLIENTS", CLIENTS)
        found = links(clients, servers, forced)
        self._links, self._long_holds = longest(found), long_holds(found)
        self._links_due = mono + max(LINKS_S, (self._cpu_s() - began) / LINKS_SHARE) - LINKS_S / 20


def links(clients: Sequence[Cells], servers: Sequence[Cells], forced: Mapping[str, str]) -> list[LinkRow]:
    """Clients that wait, and clients with the server connection they hold; others are left out.

    Times of requests are the pooler's local ones to the second. Now is the latest of them, that of our own question.

    Args:
        forced: Users that databases force upon their clients: the pool is theirs, whoever the client is.
    """
    asked_at = [_moment(row[9]) for row in clients]
    now = max((moment for moment in asked_at if moment), default=None)
    held = {row[0]: row for row in servers if row[5]}
    found = []
    for row, asked in zip(clients, asked_at, strict=True):
        ptr, database, user, application, address, port, client_state, wait, wait_us, _, link = row
        server = held.get(link) if link else None
        waits = (client_state or "").startswith("waiting")
        if database == CONSOLE or (server is None and not waits) or (server is not None and server[5] != ptr):
            continue
        found.append(
            LinkRow(
                database=_text(database),
                user=forced.get(database or "") or _text(user),
                application=_text(application),
                address="unix" if (address or "").startswith("unix") else f"{_text(address)}:{_text(port)}",
                state=_text(client_state),
                waited_s=_fraction(wait, wait_us) if waits else None,
                held_s=(now - asked).total_seconds() if server and asked and now else None,
                backend_pid=(_number(server[6]) or None) if server else None,
            )
        )
    return found


def longest(found: Sequence[LinkRow]) -> tuple[LinkRow, ...]:
    """Of each pool the longest waits and the longest holds."""
    kept: dict[tuple[str, str, bool], list[LinkRow]] = defaultdict(list)
    for link in sorted(found, key=lambda each: -(each.waited_s or each.held_s or 0.0)):
        group = kept[link.database, link.user, link.waited_s is not None]
        if len(group) < MOST_LINKS:
            group.append(link)
    return tuple(link for group in kept.values() for link in group)[:MOST_LINKS_OF_ALL]


def _pool(row: Cells) -> PoolRow:
    database, user, active, waiting, *servers, wait, wait_us, mode = row
    lent = [_count(cell) for cell in servers[:3]]
    idle = [_count(cell) for cell in servers[3:6]]
    return PoolRow(
        database=_text(database),
        user=_text(user),
        active_clients=_count(active),
        waiting_clients=_count(waiting),
        active_servers=sum(lent),
        idle_servers=sum(idle),
        login_servers=_count(servers[6]),
        wait_s=_fraction(wait, wait_us),
        mode=_text(mode),
    )


def _database(row: Cells) -> DatabaseRow:
    name, database, user, size, reserve, reserve_size, most, connections, paused, disabled = row
    return DatabaseRow(
        name=_text(name),
        server_database=_text(database),
        force_user=_text(user),
        pool_size=_count(size),
        reserve_size=_count(reserve_size or reserve),  # renamed in 1.24
        max_connections=_count(most),
        connections=_count(connections),
        paused=_count(paused) > 0,
        disabled=_count(disabled) > 0,
    )


def _stats(row: Cells) -> StatsRow:
    database, transactions, queries, wait_us, assignments = row
    return StatsRow(
        database=_text(database),
        transactions=_number(transactions),
        queries=_number(queries),
        wait_us=_number(wait_us),
        assignments=_number(assignments),
    )


def _text(cell: str | None) -> str:
    return printable(cell or "", 64)


def _number(cell: str | None) -> int | None:
    return int(cell) if cell and cell.isdigit() else None


def _count(cell: str | None) -> int:
    """A column that this version does not have counts nothing."""
    return _number(cell) or 0


def _fraction(seconds: str | None, microseconds: str | None) -> float:
    return _count(seconds) + _count(microseconds) * 1e-6


def _moment(text: str | None) -> datetime | None:
    """`2026-11-22 10:13:58 UTC`, whatever the zone: only differences of two of them mean something."""
    try:
        return datetime.fromisoformat((text or "")[:19])
    except ValueError:
        return None


def _pairs(rows: Sequence[Cells]) -> dict[str, str | None]:
    """Answers that are a list of names with a value each."""
    return {name or "": value for name, value in rows}
