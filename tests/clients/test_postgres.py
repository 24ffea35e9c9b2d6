"""The client against servers that are not there, refuse, stop, die and come back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.own_postgres import OwnPostgres, free_port
from perftui.clients.postgres import Postgres
from perftui.model.failure import FailureKind, Overrun, SourceError, Unasked
from perftui.recording.codec import encode_frame
from perftui.recording.reader import Tape
from perftui.sources.pg_activity import PgActivitySample
from perftui.sources.pg_counters import PgCounters, PgCountersSample, derive
from perftui.sources.pg_session import PgActivity
from perftui.sources.pg_statements import PgStatements
from tests.faults import need
from tests.servers import Clients, dsn, execute, until

SECRET = "s3cr3t/p@ss"
ESCAPED = "s3cr3t%2Fp%40ss"


class Watched:
    """A client with the three sources on it, and what they said last."""

    def __init__(self, place: str) -> None:
        self.clock = SystemClock()
        self.client = Postgres(place, self.clock.mono)
        self.activity = PgActivity(self.client, self.clock)
        self.counters = PgCounters(self.client, self.clock)
        self.statements = PgStatements(self.client, self.clock)
        self.said: list[SourceError] = []

    async def look(self) -> PgActivitySample | None:
        """A sample, or None after a failure; anything but a SourceError ends the test."""
        try:
            return await self.activity.sample()
        except SourceError as exc:
            self.said.append(exc)
            return None

    async def works(self) -> PgActivitySample:
        found: PgActivitySample = await until(self.look, 15)
        return found

    async def fails(self, kind: FailureKind, *words: str) -> SourceError:
        """The first failure from now on of that kind and with all the words."""
        self.said.clear()

        async def failed() -> SourceError | None:
            await self.look()
            fitting = (exc for exc in self.said if exc.kind is kind and all(word in exc.detail for word in words))
            return next(fitting, None)

        try:
            found: SourceError = await until(failed, 6)
        except AssertionError:
            raise AssertionError({(each.kind, each.detail) for each in self.said}) from None
        line_for_an_operator(found)
        return found


def line_for_an_operator(exc: SourceError) -> None:
    assert exc.detail.isprintable() and len(exc.detail) < 320
    assert exc.detail.startswith(("postgres: ", "pg_stat_statements "))
    assert SECRET not in exc.detail and "s3cr3t" not in exc.detail


@contextlib.asynccontextmanager
async def watching(place: str) -> AsyncIterator[Watched]:
    before = asyncio.all_tasks()
    watched = Watched(place)
    try:
        yield watched
    finally:
        await watched.client.close()
    await until(lambda: not asyncio.all_tasks() - before - {asyncio.current_task()}, 5)


@pytest.fixture
async def watched(postgres: OwnPostgres) -> AsyncIterator[Watched]:
    async with watching(dsn(postgres)) as found:
        yield found


async def test_the_first_call_answers_at_once(watched: Watched) -> None:
    began = time.perf_counter()

    assert await watched.look() is None

    assert time.perf_counter() - began < 0.05
    assert watched.said[0].detail == "postgres: connecting…"
    await watched.works()
    assert {each.detail for each in watched.said} == {"postgres: connecting…"}


async def test_it_is_one_named_session_that_can_write_nothing(
    watched: Watched, postgres: OwnPostgres, clients: Clients
) -> None:
    await watched.works()
    for source in (watched.counters, watched.statements):
        with contextlib.suppress(SourceError):  # the extension is not in this database
            await source.sample()
    observer = await clients.new()

    async def counted() -> bool:  # a session of the test before may take a moment to end
        sql = "select count(*) from pg_stat_activity where application_name ~ '^perftui/'"
        return [tuple(row) for row in await observer.fetch(sql)] == [(1,)]

    await until(counted)
    with pytest.raises(SourceError, match="read-only transaction"):
        await watched.client.rows("create table never ()")
    ((statement_timeout, lock_timeout),) = await watched.client.rows(
        "select current_setting('statement_timeout'), current_setting('lock_timeout')"
    )
    assert (statement_timeout, lock_timeout) == ("1500ms", "200ms")


async def test_a_fast_tick_is_two_round_trips(watched: Watched) -> None:
    await watched.works()
    asked: list[str] = []
    rows = watched.client.rows

    async def counted(sql: str) -> list[tuple[Any, ...]]:
        asked.append(sql)
        return await rows(sql)

    watched.client.rows = counted  # type: ignore[method-assign]
    await watched.activity.sample()
    await watched.counters.sample()

    assert len(asked) == 2


async def test_nobody_listens() -> None:
    async with watching(f"postgresql://postgres@127.0.0.1:{free_port()}/postgres") as watched:
        await watched.fails(FailureKind.UNREACHABLE, "connection refused by 127.0.0.1:", "is the server running")


async def test_no_socket(tmp_path: Path) -> None:
    async with watching(f"host={tmp_path} user=postgres") as watched:
        await watched.fails(FailureKind.UNREACHABLE, f"no socket {tmp_path}/.s.PGSQL.5432")


async def test_a_server_that_starts_later_is_found(postgres: OwnPostgres) -> None:
    postgres.stop()
    try:
        async with watching(dsn(postgres)) as watched:
            await watched.fails(FailureKind.UNREACHABLE)
            postgres.start()
            await watched.works()
    finally:
        if not running(postgres):
            postgres.start()


def running(server: OwnPostgres) -> bool:
    return Path(f"/proc/{server.pid}/stat").exists() and " Z " not in Path(f"/proc/{server.pid}/stat").read_text()


async def test_killed_and_restarted_it_recovers_without_a_spike(watched: Watched, postgres: OwnPostgres) -> None:
    await watched.works()
    await execute(postgres, *["select 1"] * 200)
    before = await watched.counters.sample()

    postgres.stop(signal.SIGKILL)
    try:
        await watched.fails(FailureKind.UNREACHABLE)
    finally:
        await until(lambda: started(postgres))
    after_sample = await watched.works()
    after = await watched.counters.sample()

    assert after_sample.server.uptime_s < 15
    assert after_sample.server.change == "restarted"
    assert derive(before, after).transactions_per_s is None
    again: PgCountersSample = await watched.counters.sample()
    rate = derive(after, again).transactions_per_s
    assert rate is not None and rate >= 0


def started(server: OwnPostgres) -> bool:
    """Children of a killed postmaster hold its memory for a moment."""
    try:
        server.start()
    except SourceError:
        return False
    return True


async def test_a_backend_killed_takes_all_sessions_with_it(watched: Watched, clients: Clients) -> None:
    await watched.works()
    victim = await clients.new()
    os.kill(victim.get_server_pid(), signal.SIGKILL)

    await watched.fails(FailureKind.UNREACHABLE)
    found = await watched.works()

    assert watched.client.connections == 2
    assert found.server.change == "crashed and recovered"


async def test_a_session_ended_by_an_administrator(watched: Watched, postgres: OwnPostgres) -> None:
    await watched.works()
    await execute(
        postgres, "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'perftui/%'"
    )

    await watched.fails(FailureKind.UNREACHABLE, "clos")
    await watched.works()


@pytest.mark.parametrize("how", ["statement timeout", "cancelled by an administrator"])
async def test_a_statement_that_is_ended_costs_no_connection(how: str, watched: Watched, clients: Clients) -> None:
    await watched.works()
    ((backend,),) = await watched.client.rows("select pg_backend_pid()")
    slow = asyncio.create_task(watched.client.rows("select pg_sleep(9)"))
    if how != "statement timeout":
        administrator = await clients.new()
        ended = "select pg_cancel_backend(pid) from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'"

        async def cancelled() -> bool:
            return bool(await administrator.fetch(ended, backend))

        await until(cancelled)

    with pytest.raises(Overrun, match="does not answer in time") as told:
        await slow

    assert told.value.kind is FailureKind.TIMED_OUT
    assert await watched.client.rows("select pg_backend_pid()") == [(backend,)]


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_stopped_backend_is_given_up_and_found_again(watched: Watched) -> None:
    await watched.works()
    ((backend,),) = await watched.client.rows("select pg_backend_pid()")
    with stopped(backend):
        began = time.monotonic()
        both = await asyncio.gather(watched.activity.sample(), watched.counters.sample(), return_exceptions=True)
        took_s = time.monotonic() - began
        await watched.works()  # a new connection, since the postmaster lives

    assert 1.5 < took_s < 2.5
    assert [type(each) for each in both] == [SourceError, Unasked]
    assert isinstance(both[0], SourceError) and both[0].kind is FailureKind.TIMED_OUT


async def test_a_stopped_server_is_given_up_and_found_again(watched: Watched, postgres: OwnPostgres) -> None:
    await watched.works()
    ((backend,),) = await watched.client.rows("select pg_backend_pid()")
    with stopped(postgres.pid):
        assert await watched.look(), "an open connection does not need the postmaster"
        with stopped(backend):
            await watched.fails(FailureKind.TIMED_OUT, "no answer in time")
            began = time.perf_counter()
            assert await watched.look() is None
            assert time.perf_counter() - began < 0.05

    await watched.works()


async def test_too_many_clients(postgres: OwnPostgres, clients: Clients) -> None:
    await execute(postgres, "create role plain login", "create role few login connection limit 1")
    try:
        for _ in range(67):
            await clients.new("crowd")
        async with watching(dsn(postgres, user="plain")) as watched:
            await watched.fails(FailureKind.FULL, "connection slots are reserved", "pg_use_reserved_connections")
        for _ in range(3):
            await clients.new("crowd")
        async with watching(dsn(postgres)) as watched:
            await watched.fails(FailureKind.FULL, "too many clients", "pg_use_reserved_connections")
    finally:
        await clients.close()
        await execute(postgres, "drop role plain", "drop role few")


@pytest.fixture(scope="session")
def guarded(postgres: OwnPostgres, request: pytest.FixtureRequest) -> Iterator[OwnPostgres]:
    """The server while it asks for passwords."""
    hba = postgres.folder / "db" / "pg_hba.conf"
    usual = hba.read_text()

    def reload(text: str) -> None:
        hba.write_text(text)
        os.kill(postgres.pid, signal.SIGHUP)

    asyncio.run(
        execute(postgres, "set password_encryption = 'scram-sha-256'", f"create role vault login password '{SECRET}'")
    )
    reload("host all vault 127.0.0.1/32 scram-sha-256\nhost all shut 127.0.0.1/32 reject\n" + usual)
    time.sleep(0.3)
    yield postgres
    reload(usual)


@pytest.mark.parametrize(
    ("place", "kind", "words"),
    [
        ("vault:wrong@{at}/postgres", FailureKind.DENIED, ["password authentication failed", "PGPASSWORD"]),
        ("vault@{at}/postgres", FailureKind.DENIED, ["password", "PGPASSWORD"]),
        ("nobody_here@{at}/postgres", FailureKind.DENIED, ["nobody_here", "check user"]),
        ("shut@{at}/postgres", FailureKind.DENIED, ["pg_hba.conf"]),
        ("postgres@{at}/missing", FailureKind.MISSING, ['"missing" does not exist', "--dsn"]),
        ("vault:" + ESCAPED + "@{at}/missing", FailureKind.MISSING, ["does not exist"]),
    ],
)
async def test_refused(place: str, kind: FailureKind, words: list[str], guarded: OwnPostgres) -> None:
    async with watching("postgresql://" + place.format(at=f"127.0.0.1:{guarded.port}")) as watched:
        await watched.fails(kind, *words)


@pytest.mark.parametrize("password", [ESCAPED, SECRET], ids=["escaped", "not escaped"])
async def test_a_password_in_the_dsn_lets_in_and_is_told_to_nobody(password: str, guarded: OwnPostgres) -> None:
    async with watching(f"postgresql://vault:{password}@127.0.0.1:{guarded.port}/postgres") as watched:
        sample = await watched.works()

    assert "s3cr3t" not in repr(sample)


@pytest.mark.parametrize(
    "place", ["http://x", "postgresql://h:port/d", "host=h port=nan", "host='open", "postgresql://h/d?sslmode=odd"]
)
async def test_a_dsn_that_can_not_be_read(place: str) -> None:
    async with watching(place) as watched:
        await watched.fails(FailureKind.MISSING, "expected postgresql://")


async def test_a_server_that_shuts_down(watched: Watched, postgres: OwnPostgres, clients: Clients) -> None:
    await clients.new()
    os.kill(postgres.pid, signal.SIGTERM)  # waits for that client
    try:
        await watched.fails(FailureKind.NOT_READY, "shutting down")
    finally:
        await clients.leave()
        await until(lambda: not running(postgres) or None)
        postgres.stop()
        postgres.start()
    await watched.works()


@pytest.mark.fault
@pytest.mark.parametrize(
    ("target", "kind", "words"),
    [
        (["DROP"], FailureKind.TIMED_OUT, "no answer in time"),
        (["REJECT", "--reject-with", "tcp-reset"], FailureKind.UNREACHABLE, "connection refused by"),
    ],
    ids=["silent", "refused"],
)
async def test_a_network_that_is_parted(
    target: list[str], kind: FailureKind, words: str, watched: Watched, postgres: OwnPostgres
) -> None:
    need("iptables")
    before = await watched.works()
    with parted(postgres.port, target):
        began = time.monotonic()
        await watched.fails(kind, words)
        assert time.monotonic() - began < 2.6

    after = await watched.works()
    assert after.server.started_at == before.server.started_at and after.server.change is None


@contextlib.contextmanager
def parted(port: int, target: list[str]) -> Iterator[None]:
    rule = ["INPUT", "-i", "lo", "-p", "tcp", "--dport", str(port), "-m", "comment", "--comment", "perftui-fault"]

    def change(how: str) -> None:
        subprocess.run(["iptables", how, *rule, "-j", *target], check=True, capture_output=True)

    change("-I")
    try:
        yield
    finally:
        change("-D")


def test_a_password_given_on_the_command_line_is_gone_from_ps_and_tape(guarded: OwnPostgres, tmp_path: Path) -> None:
    at = f"127.0.0.1:{guarded.port}"
    places = (
        f"--dsn=postgresql://vault:{ESCAPED}@{at}/postgres",
        f"--dsn=postgresql://{at}/postgres?user=vault&password={ESCAPED}",
        f"--dsn=host=127.0.0.1 port={guarded.port} user=vault dbname=postgres password='{SECRET}'",
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    with contextlib.ExitStack() as stack:
        programs = []
        for number, place in enumerate(places):
            tape = tmp_path / f"{number}.ptape"
            command = [sys.executable, "-m", "perftui", "record", "--for", "3s", place, str(tape)]
            program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
            programs.append((stack.enter_context(program), tape))
        time.sleep(1.5)
        command_lines = [Path(f"/proc/{program.pid}/cmdline").read_bytes() for program, _ in programs]
        for (program, tape), shown in zip(programs, command_lines, strict=True):
            told, _ = program.communicate(timeout=20)

            assert program.returncode == 0, told
            kept = b"".join(encode_frame(frame) for frame in Tape(tape).frames())
            assert b'"pg_activity":{' in kept, told
            assert b"--dsn" in shown
            for text in (shown, told, kept):
                assert b"s3cr3t" not in text
