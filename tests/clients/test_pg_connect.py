"""Connecting as psql does, to a real server with TLS and SCRAM, to several hosts, and through a real PgBouncer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.own_postgres import OwnPostgres, free_port
from perftui.clients.pg_connect import Opened, opened
from perftui.clients.pg_link import settings
from perftui.clients.pg_place import place
from perftui.clients.postgres import Postgres
from perftui.model.failure import FailureKind, SourceError
from perftui.recording.codec import encode_frame
from perftui.recording.reader import Tape
from perftui.sources.pg_counters import PgCounters
from perftui.sources.pg_session import PgActivity
from tests.clients.pair import pair
from tests.poolers import PgBouncer
from tests.servers import binaries, connect, dsn, execute, until

SECRET = "s3cr3t"
ME = pwd.getpwuid(os.geteuid()).pw_name
HBA = """
hostssl all crypt 127.0.0.1/32 scram-sha-256
hostnossl all plain 127.0.0.1/32 scram-sha-256
host all postgres 127.0.0.1/32 trust
local all app scram-sha-256
local all all trust
"""


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str) -> None:
    what = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    made = ["-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "30"]
    openssl(folder, "req", "-x509", *made, "-subj", f"/CN={name}", *what)


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    """Postgres 15, whose build has OpenSSL: one role only with TLS, one only without."""
    with tempfile.TemporaryDirectory(prefix="perftui-tls-") as name:
        folder = Path(name)
        authority(folder, "ca")
        authority(folder, "stranger")
        openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "s.key", "-out", "s.csr", "-subj", "/CN=db")
        (folder / "names").write_text("subjectAltName=DNS:localhost")
        signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "names"]
        openssl(folder, "x509", "-req", "-in", "s.csr", "-out", "s.crt", *signed)
        tls = {"ssl": "on", "ssl_cert_file": str(folder / "s.crt"), "ssl_key_file": str(folder / "s.key")}
        own = OwnPostgres(folder / "pg", binaries(15), {**tls, "password_encryption": "scram-sha-256"})
        with own:
            roles = [f"create role {role} login password '{SECRET}'" for role in ("crypt", "plain", "app")]
            asyncio.run(execute(own, *roles))
            (own.folder / "db" / "pg_hba.conf").write_text(HBA)
            os.kill(own.pid, signal.SIGHUP)
            time.sleep(0.2)
            yield own


async def at(dsn: str | None, environment: dict[str, str], folders: tuple[str, ...] = ()) -> Opened:
    found = place(dsn, {"HOME": "/nonexistent", **environment}, folders)
    return await opened(found, settings(1500), 2.0)


@contextlib.asynccontextmanager
async def connected(dsn: str | None, folders: tuple[str, ...] = (), **environment: str) -> AsyncIterator[Any]:
    found = await at(dsn, environment, folders)
    try:
        yield found.connection
    finally:
        found.connection.terminate()


async def refused(dsn: str | None, folders: tuple[str, ...] = (), **environment: str) -> SourceError:
    with pytest.raises(SourceError) as told:
        await at(dsn, environment, folders)
    # A transport whose handshake failed is closed by the driver only once the peer has read on.
    await asyncio.sleep(0.05)
    assert told.value.detail.isprintable() and len(told.value.detail) < 330
    assert SECRET not in told.value.detail
    return told.value


async def answers(connection: Any, sql: str) -> Any:
    ((found,),) = await connection.fetch(sql, timeout=2)
    return found


WHO = "select session_user || '@' || current_database()"
ENCRYPTED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"


@pytest.mark.parametrize("form", ["uri", "pairs", "variables", "service", "service variable", "socket", "pgpass"])
async def test_each_way_to_name_a_server(form: str, server: OwnPostgres, tmp_path: Path) -> None:
    port, folder = str(server.port), str(server.folder)
    service = f"[prod]\nhost=localhost\nport={port}\nuser=crypt\ndbname=postgres\npassword={SECRET}\n"
    (tmp_path / "services").write_text(service)
    (tmp_path / "pass").write_text(f"localhost:{port}:postgres:crypt:{SECRET}\n")
    (tmp_path / "pass").chmod(0o600)
    usual = {"PGHOST": "localhost", "PGPORT": port, "PGUSER": "crypt", "PGDATABASE": "postgres"}
    file = {"PGSERVICEFILE": str(tmp_path / "services")}
    forms: dict[str, tuple[str | None, dict[str, str]]] = {
        "uri": (f"postgresql://crypt:{SECRET}@localhost:{port}/postgres", {}),
        "pairs": (f"host=localhost port={port} user=crypt password='{SECRET}' dbname=postgres", {}),
        "variables": (None, {**usual, "PGPASSWORD": SECRET}),
        "service": ("service=prod", file),
        "service variable": (None, {"PGSERVICE": "prod", **file}),
        "socket": (None, {**usual, "PGHOST": folder}),
        "pgpass": ("postgres", {**usual, "PGPASSFILE": str(tmp_path / "pass")}),
    }
    named, environment = forms[form]

    async with connected(named, (), **environment) as connection:
        assert await answers(connection, WHO) == "crypt@postgres"
        assert await answers(connection, ENCRYPTED) is (form != "socket")


MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
ENCRYPTS = {"crypt": MODES[1:], "plain": ()}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("role", ["crypt", "plain"])
async def test_tls_modes(role: str, mode: str, server: OwnPostgres) -> None:
    ca = server.folder.parent / "ca.crt"
    named = f"host=localhost port={server.port} user={role} password={SECRET} dbname=postgres sslmode={mode}"
    named += f" sslrootcert={ca}" if mode.startswith("verify") else ""

    if (role == "crypt" and mode == "disable") or (role == "plain" and MODES.index(mode) > 2):
        told = await refused(named)
        assert told.kind is FailureKind.DENIED and "no pg_hba.conf entry" in told.detail
        return

    async with connected(named) as connection:
        assert await answers(connection, ENCRYPTED) is (mode in ENCRYPTS[role])


@pytest.mark.parametrize(
    ("host", "options", "words"),
    [
        ("localhost", "sslmode=verify-ca sslrootcert={folder}/stranger.crt", ["not trusted", "sslrootcert"]),
        ("localhost", "sslmode=require sslrootcert={folder}/stranger.crt", ["not trusted", "sslrootcert"]),
        ("localhost", "sslmode=verify-full sslrootcert=system", ["not trusted", "sslrootcert"]),
        ("127.0.0.1", "sslmode=verify-full sslrootcert={folder}/ca.crt", ["not trusted", "as its certificate does"]),
        ("localhost", "sslmode=verify-full", ["needs the certificate of the CA"]),
    ],
)
async def test_certificates_that_do_not_fit(host: str, options: str, words: list[str], server: OwnPostgres) -> None:
    named = f"host={host} port={server.port} user=crypt password={SECRET} dbname=postgres "

    told = await refused(named + options.format(folder=server.folder.parent))

    assert all(word in told.detail for word in words), told.detail
    assert told.kind in (FailureKind.DENIED, FailureKind.MISSING)


async def test_a_server_without_tls(postgres: OwnPostgres) -> None:
    async with connected(f"{dsn(postgres)}?sslmode=prefer"):
        pass
    if postgres.binaries == binaries(18):
        told = await refused(f"{dsn(postgres)}?sslmode=require")
        assert told.kind is FailureKind.DENIED and "offers no TLS and sslmode=require" in told.detail


async def test_a_password_file_that_was_passed_over_is_told(server: OwnPostgres, short_path: Path) -> None:
    file = short_path / "pass"
    file.write_text(f"*:*:*:*:{SECRET}\n")
    file.chmod(0o640)

    told = await refused(f"postgresql://crypt@localhost:{server.port}/postgres", PGPASSFILE=str(file))

    assert told.kind is FailureKind.DENIED and f"chmod 600 {file}" in told.detail


async def test_nobody_named_is_the_socket_here_with_names_each_server_has(server: OwnPostgres) -> None:
    """As root in a container: no such role, no such database; psql -U postgres would do."""
    async with connected(None, (str(server.folder),)) as connection:
        assert await answers(connection, WHO) == "postgres@postgres"
    await execute(server, f'create role "{ME}" login')
    try:
        async with connected(None, (str(server.folder),)) as connection:
            assert await answers(connection, WHO) == f"{ME}@postgres"
    finally:
        await execute(server, f'drop role "{ME}"')


async def test_where_the_socket_tells_people_apart_the_way_in_is_told(server: OwnPostgres) -> None:
    """Debian's default: the operating system's user is the role."""
    hba = server.folder / "db" / "pg_hba.conf"
    hba.write_text("local all postgres reject\nlocal all all trust\nhost all postgres 127.0.0.1/32 trust\n")
    os.kill(server.pid, signal.SIGHUP)
    try:
        told = await until(lambda: _no_role(server), 5)
    finally:
        hba.write_text(HBA)
        os.kill(server.pid, signal.SIGHUP)

    assert f'role "{ME}" does not exist' in told.detail
    assert f"sudo -u postgres psql -c 'create role \"{ME}\" login in role pg_monitor'" in told.detail


async def _no_role(server: OwnPostgres) -> SourceError | None:
    try:
        found = await at(f"host={server.folder} port={server.port}", {})
    except SourceError as exc:
        return exc
    found.connection.terminate()
    return None


async def test_a_named_role_or_database_is_not_replaced(server: OwnPostgres) -> None:
    where = f"host={server.folder} port={server.port}"

    assert 'role "absent" does not exist' in (await refused(f"{where} user=absent")).detail
    assert '"absent" does not exist' in (await refused(f"{where} user=postgres dbname=absent")).detail


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """A port where somebody listens and nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


async def test_the_next_host_is_tried_after_one_that_is_down_or_silent(server: OwnPostgres) -> None:
    with silent() as port:
        hosts = f"host=127.0.0.1,localhost,127.0.0.1 port={free_port()},{port},{server.port} connect_timeout=1"
        told = await refused(f"{hosts} user=postgres dbname=postgres target_session_attrs=standby")

    assert "refused" in told.detail
    assert "no answer in time" in told.detail and "is a primary" in told.detail


@pytest.mark.parametrize("wanted", ["any", "primary", "read-write", "prefer-standby"])
async def test_a_primary_is_one(wanted: str, postgres: OwnPostgres) -> None:
    async with connected(f"{dsn(postgres)}?target_session_attrs={wanted}") as connection:
        assert await answers(connection, "select current_setting('transaction_read_only')") == "on"


async def test_a_name_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    told = await refused("host=no-such-host.invalid")
    assert "no-such-host.invalid is not known" in told.detail or "no answer in time" in told.detail


async def test_a_dead_resolver_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the system's resolver: no name server that hangs can be had here without changing the machine."""
    hanging = time.monotonic() + 3.0

    def hangs(*address: Any, **options: Any) -> list[Any]:
        time.sleep(max(0.0, hanging - time.monotonic()))
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    client = Postgres("postgresql://db.example.com/shop?connect_timeout=2", SystemClock().mono)
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(SourceError, match="connecting…"):
            await client.rows("select 1")
        await asyncio.sleep(0)
    await client.close()

    assert time.monotonic() - began < 0.2


def test_options_of_psql_that_only_tune_its_transport_are_no_obstacle(server: OwnPostgres) -> None:
    async def look() -> None:
        named = "channel_binding=prefer&keepalives=1&gssencmode=disable&application_name=mine&options=-c%20geqo%3Doff"
        async with connected(f"{dsn(server)}?{named}") as connection:
            assert await answers(connection, "select current_setting('geqo')") == "off"
            assert (await answers(connection, "select current_setting('application_name')")).startswith("perftui/")

    asyncio.run(look())


def test_no_failure_puts_a_secret_on_a_tape_or_into_the_command_line(server: OwnPostgres, tmp_path: Path) -> None:
    where = f"localhost:{server.port}"
    (tmp_path / "services").write_text(f"[bad]\nhost=localhost\nport=nan\npassword={SECRET}\n")
    places = (
        f"postgresql://crypt:wrong{SECRET}@{where}/postgres",
        f"postgresql://crypt:{SECRET}@{where}/absent",
        f"postgresql://crypt:{SECRET}@localhost:{free_port()}/postgres",
        f"host=localhost port={server.port} user=crypt password={SECRET} sslmode=disable",
        f"host=localhost port={server.port} user=crypt sslmode=verify-full sslrootcert=/none sslpassword={SECRET}",
        "service=bad",
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment["PGSERVICEFILE"] = str(tmp_path / "services")
    with contextlib.ExitStack() as stack:
        programs = []
        for number, named in enumerate(places):
            tape = tmp_path / f"{number}.ptape"
            command = [sys.executable, "-m", "perftui", "record", "--for", "1.5s", "--dsn", named, str(tape)]
            program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
            programs.append((stack.enter_context(program), tape))
        for program, tape in programs:
            told, _ = program.communicate(timeout=30)
            kept = b"".join(encode_frame(frame) for frame in Tape(tape).frames())
            shown = b"".join(encode_frame(frame) for frame in Tape(tape).frames() if "pg_activity" in frame.failed)

            assert program.returncode == 0, told
            assert shown.count(b"postgres: ") and SECRET.encode() not in told + kept


def test_a_dsn_that_can_not_be_understood_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "perftui", "record", f"--dsn=host=h password='{SECRET}", str(tmp_path / "tape")]

    done = subprocess.run(command, capture_output=True, text=True, timeout=20)

    assert done.returncode == 64
    assert done.stderr.startswith("perftui: --dsn: expected name=value pairs; expected postgresql://")
    assert done.stderr.count("\n") == 1 and SECRET not in done.stderr


@pytest.fixture(scope="module", params=["1.18", "1.24"])
def pooler(request: pytest.FixtureRequest) -> Iterator[PgBouncer]:
    """Transaction pooling of three connections to a server of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="perftui-pool-") as folder,
        OwnPostgres(Path(folder) / "pg") as own,
        PgBouncer(Path(folder) / "pool", own.port, request.param) as found,
    ):
        yield found


async def test_through_a_pooler_all_is_read_and_nothing_is_left_behind(pooler: PgBouncer) -> None:
    clock = SystemClock()
    client = Postgres(pooler.dsn(), clock.mono)
    activity, counters = PgActivity(client, clock), PgCounters(client, clock)
    others = [await connect(pooler.dsn(), statement_cache_size=0) for _ in range(6)]

    async def sampled() -> Any:
        with contextlib.suppress(SourceError):
            return await activity.sample()

    try:
        sample = await until(sampled)
        for _ in range(20):
            sample = await activity.sample()
            assert (await counters.sample()).commits > 0
            left = [await other.fetch("select current_setting('statement_timeout')") for other in others]
            assert [value for ((value,),) in left] == ["0"] * 6
        with pytest.raises(SourceError, match="read-only transaction"):
            await client.rows("create table never ()")
        with pytest.raises(SourceError, match="statement timeout"):
            await client.rows("select pg_sleep(3)")
        names = await client.rows("select count(*) from pg_prepared_statements")
    finally:
        await client.close()
        for other in others:
            other.terminate()

    assert client.pooled and client.connections == 1
    assert names == [(0,)]
    assert sample.server.version_num > 180000


async def test_a_pooler_that_swallows_our_settings_is_known_by_the_pid(pooler: PgBouncer) -> None:
    ours = ",".join(settings(1500))
    swallowing = PgBouncer(
        pooler.folder.parent / "swallows", pooler.postgres_port, "1.18", ignore_startup_parameters=ours
    )
    with swallowing:
        found = await at(swallowing.dsn(), {})
        found.connection.terminate()

    assert found.pooled


async def test_the_poolers_own_console_is_no_server(pooler: PgBouncer) -> None:
    told = await refused(pooler.console())

    assert "console" in told.detail and told.kind is FailureKind.UNSUPPORTED


async def test_a_pool_that_is_used_up_is_told_as_one(pooler: PgBouncer) -> None:
    holders = [await connect(pooler.dsn(), statement_cache_size=0) for _ in range(3)]
    client = Postgres(pooler.dsn(), SystemClock().mono)
    try:
        for holder in holders:
            await holder.execute("begin; select 1")

        async def told() -> str | None:
            with contextlib.suppress(SourceError):
                return str(await client.rows("select 1"))
            try:
                await client.rows("select 1")
            except SourceError as exc:
                return exc.detail if "connecting" not in exc.detail else None
            return "answered"

        said = await until(told, 12)
    finally:
        await client.close()
        for holder in holders:
            holder.terminate()

    assert "no answer in time" in said and "pooler" in said


async def test_through_a_pooler_requests_are_answered_and_nothing_is_left_behind(pooler: PgBouncer) -> None:
    other = await connect(pooler.dsn(), statement_cache_size=0)
    async with pair(pooler.dsn()) as both:
        for _ in range(6):
            assert (await both.control.query("select $1::text, current_setting('lock_timeout')", ("it",))).rows == (
                ("it", "1s"),
            )
            assert await both.control.rows("select current_setting('statement_timeout')") == [("5s",)]
            assert await other.fetchval("select current_setting('statement_timeout')") == "0"
        assert await both.control.rows("select count(*) from pg_prepared_statements") == [(0,)]
    other.terminate()
