"""A real PgBouncer of several versions in front of a real Postgres."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from perftui.clients.own_pgbouncer import OwnPgBouncer, pgbouncer_program
from perftui.clients.own_postgres import OwnPostgres, shipped_binaries
from tests.servers import Session, connect, kept_in_cache

VERSIONS = ("1.18", "1.24")
DEBIAN_13 = (
    *("pgbouncer", "libc6", "libcares2", "libevent-2.1-7t64", "libssl3t64", "libsystemd0", "libpam0g"),
    *("libaudit1", "libcap-ng0", "libcap2", "libzstd1", "zlib1g"),
)
"""PgBouncer and the libraries that Debian 12 has older."""
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def program(version: str) -> list[str]:
    """The command that is PgBouncer of a version: 1.18 is Debian 12's, 1.24 is Debian 13's, unpacked in the user's cache and
    run through its own loader.

    Skips the test, with the reason, where it can't be had.
    """
    if version == "1.18":
        found = pgbouncer_program()
        if found is None:
            pytest.skip("PgBouncer is not installed; run tests/install-tools")
        return [found]
    if sys.platform != "linux" or os.uname().machine != "x86_64" or not shutil.which("apt-get"):
        pytest.skip("PgBouncer 1.24 is unpacked from a package of Debian for x86_64")
    root = kept_in_cache("pgbouncer-1.24", _unpack_from_debian_13)
    return [
        str(root / LIBRARIES / "ld-linux-x86-64.so.2"),
        "--library-path",
        str(root / LIBRARIES),
        str(root / "usr/sbin/pgbouncer"),
    ]


def _unpack_from_debian_13(folder: Path) -> None:
    """Packages of the next release, fetched by apt with lists of its own and never installed."""
    scratch = folder.parent / "apt"
    for name in ("lists/partial", "cache/archives/partial", "sources", "packages"):
        (scratch / name).mkdir(parents=True)
    (scratch / "sources" / "debian-13.sources").write_text(
        "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
    options = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": scratch / "sources",
        "Dir::State::lists": scratch / "lists",
        "Dir::Cache": scratch / "cache",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-qq", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    for command in ([*apt, "update"], [*apt, "download", *DEBIAN_13]):
        done = subprocess.run(command, cwd=scratch / "packages", capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            pytest.skip(f"PgBouncer 1.24 can't be fetched: {done.stderr.strip().splitlines()[-1:]}")
    for package in (scratch / "packages").glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, folder], check=True, capture_output=True, timeout=60)


class PgBouncer(OwnPgBouncer):
    """One of a named version."""

    def __init__(
        self,
        folder: Path,
        postgres_port: int,
        version: str = "1.18",
        databases: Mapping[str, str] = {"app": "pool_size=3"},
        **settings: str,
    ) -> None:
        super().__init__(folder, postgres_port, program(version), databases, settings)

    def restart(self) -> None:
        self.stop()
        self.start()

    def ask(self, command: str, user: str = "admin") -> list[dict[str, str]]:
        """The rows that psql gets from the console for one command, by column."""
        psql = [str(shipped_binaries() / "psql"), "-X", "--csv", "-c", command, self.console(user)]
        done = subprocess.run(psql, capture_output=True, text=True, timeout=10)
        assert done.returncode == 0, done.stderr
        return list(csv.DictReader(io.StringIO(done.stdout)))


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda version: f"pgbouncer{version}")
def pgbouncer_version(request: pytest.FixtureRequest) -> Iterator[str]:
    version: str = request.param
    program(version)
    yield version


@pytest.fixture(scope="session")
def pooled_postgres() -> Iterator[OwnPostgres]:
    """The server behind the poolers; of which release it is does not matter to them."""
    with (
        tempfile.TemporaryDirectory(prefix="perftui-pooled-") as folder,
        OwnPostgres(Path(folder) / "pg", shipped_binaries(), {"max_connections": "70"}) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def pooler(pgbouncer_version: str, pooled_postgres: OwnPostgres) -> Iterator[PgBouncer]:
    """A pooler of each version that a module's tests share: they leave it as they found it. Its pool `app` has three
    connections."""
    with (
        tempfile.TemporaryDirectory(prefix="perftui-pooler-") as folder,
        PgBouncer(Path(folder) / "pool", pooled_postgres.port, pgbouncer_version) as found,
    ):
        yield found


async def through(pooler: PgBouncer, application: str = "orders-api", database: str = "app") -> Session:
    """An ordinary client of a pool."""
    return await connect(
        pooler.dsn(database), statement_cache_size=0, server_settings={"application_name": application}, timeout=10
    )


@contextlib.asynccontextmanager
async def clients_at_work(pooler: PgBouncer, count: int, seconds: float = 60.0) -> AsyncIterator[list[Session]]:
    """So many clients that all run a statement at the same time; those beyond the pool's size wait."""
    sessions = [await through(pooler, f"api-{number}") for number in range(count)]
    busy = [asyncio.ensure_future(session.execute(f"select pg_sleep({seconds})")) for session in sessions]
    try:
        yield sessions
    finally:
        for session in sessions:
            session.terminate()
        await asyncio.gather(*busy, return_exceptions=True)
