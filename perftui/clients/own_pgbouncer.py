"""A PgBouncer of our own, for drills and tests: all in a folder of ours, before a Postgres on the loopback."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from perftui.clients.own_postgres import as_ordinary_user, end_with_parent, free_port
from perftui.model.failure import FailureKind, SourceError

PASSWORDS = {"postgres": "pw", "admin": "adm1n", "stats": "s3cret"}
"""An empty password is refused at login. They guard nothing: the server behind it trusts whoever reaches it."""
READY_S = 10.0


def pgbouncer_program() -> str | None:
    """Where it is installed; None where it is not."""
    return shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/bin:/usr/local/bin")


class OwnPgBouncer:
    """One pooler on the loopback. Users are `postgres` (through the pools), `admin` and `stats` (the console)."""

    def __init__(
        self,
        folder: Path,
        postgres_port: int,
        program: Sequence[str],
        databases: Mapping[str, str],
        settings: Mapping[str, str] = {},
    ) -> None:
        """Prepare it.

        Args:
            program: The command that is PgBouncer.
            databases: Each pool's name with its options.
            settings: Beside or instead of the usual ones of section [pgbouncer].
        """
        self.port = free_port()
        self.postgres_port = postgres_port
        self.folder = folder
        self._command = [*as_ordinary_user(), *end_with_parent(), *program]
        self._databases = databases
        self._settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "plain",
            "auth_file": str(folder / "userlist.txt"),
            "admin_users": "admin",
            "stats_users": "stats",
            "pool_mode": "transaction",
            "max_client_conn": "100",
            "logfile": str(folder / "pgbouncer.log"),
            "ignore_startup_parameters": "extra_float_digits",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def ini(self) -> Path:
        return self.folder / "pgbouncer.ini"

    def dsn(self, database: str = "app", user: str = "postgres") -> str:
        return f"postgresql://{user}:{PASSWORDS[user]}@127.0.0.1:{self.port}/{database}"

    def console(self, user: str = "stats") -> str:
        """The DSN of the admin console."""
        return self.dsn("pgbouncer", user)

    def start(self) -> Self:
        """Write its files, start it and wait until it listens.

        Raises:
            SourceError: UNREACHABLE with the end of what it said.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = f"host=127.0.0.1 port={self.postgres_port} dbname=postgres user=postgres"
        pools = [f"{name} = {server} {options}" for name, options in self._databases.items()]
        settings = [f"{name} = {value}" for name, value in self._settings.items()]
        self.ini.write_text("\n".join(["[databases]", *pools, "[pgbouncer]", *settings, ""]))
        users = "".join(f'"{user}" "{password}"\n' for user, password in PASSWORDS.items())
        (self.folder / "userlist.txt").write_text(users)
        if self._command[0] == "setpriv":
            subprocess.run(["chown", "-R", "nobody:", self.folder], check=True)
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [*self._command, "-q", str(self.ini)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._wait_until_it_listens()
        return self

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + READY_S
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.01)
            else:
                return
        said = (self.folder / "output").read_text(errors="replace")[-300:].strip().replace("\n", " | ")
        raise SourceError(FailureKind.UNREACHABLE, f"PgBouncer did not start: {said}")

    def stop(self) -> None:
        """At once; which other signal means that differs between versions."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
