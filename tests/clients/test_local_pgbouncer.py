"""Where the PgBouncer of this host is, and whom to ask it as."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perftui.clients import local_pgbouncer
from perftui.clients.local_pgbouncer import local_console
from perftui.clients.own_postgres import OwnPostgres
from tests.poolers import VERSIONS, PgBouncer, pooled_postgres

__all__ = ["pooled_postgres"]


@pytest.fixture
def sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host on which nothing is installed, where sockets would lie in one folder."""
    monkeypatch.setattr(local_pgbouncer, "DEFAULT_INI", tmp_path / "none.ini")
    monkeypatch.setattr(local_pgbouncer, "SOCKET_FOLDERS", (str(tmp_path),))
    monkeypatch.delenv("PGUSER", raising=False)
    return tmp_path


def runs(folder: Path, ini: str | None, *arguments: str, name: str = "pgbouncer") -> Path:
    """A folder like /proc with one process; a real one is looked at below."""
    process = folder / "proc" / "42"
    (process / "root").mkdir(parents=True)
    (folder / "proc" / "self").mkdir()
    (process / "comm").write_text(f"{name}\n")
    (process / "cmdline").write_text("\0".join(["/usr/sbin/pgbouncer", *arguments, "/etc/p.ini", ""]))
    (folder / ".s.PGSQL.6432").touch()
    if ini is not None:
        (process / "root" / "etc").mkdir()
        (process / "root" / "etc" / "p.ini").write_text(ini)
    return folder / "proc"


@pytest.mark.parametrize(
    ("ini", "query"),
    [
        ("[pgbouncer]\nunix_socket_dir = \nstats_users = watcher, other\n", "host=127.0.0.1&port=6432&user=watcher"),
        ("[pgbouncer]\nunix_socket_dir=\nlisten_addr = 10.0.0.7, ::1\nlisten_port=7000\n", "host=10.0.0.7&port=7000"),
        ("[pgbouncer]\nunix_socket_dir=\nlisten_addr = *\nadmin_users = root\n", "host=127.0.0.1&port=6432&user=root"),
        (
            "[databases]\nadmin_users = no\n[pgbouncer]\n; stats_users = no\nunix_socket_dir=\nadmin_users=a b\n",
            "host=127.0.0.1&port=6432&user=a%20b",
        ),
        ("[pgbouncer]\n%include more.ini\n", "host=127.0.0.1&port=6432&user=included"),
    ],
    ids=["stats before admins", "an address", "any address", "other sections and comments", "an include"],
)
def test_the_settings_tell_where_and_as_whom(sockets: Path, ini: str, query: str) -> None:
    proc = runs(sockets, ini, "-d")
    (proc / "42" / "root" / "etc" / "more.ini").write_text("stats_users = included\nunix_socket_dir =\n")

    assert local_console(proc) == f"postgresql://?{query}"


def test_a_local_socket_is_preferred(sockets: Path) -> None:
    proc = runs(sockets, f"[pgbouncer]\nunix_socket_dir = {sockets}\nlisten_addr = *\nadmin_users=admin\n")

    assert local_console(proc) == f"postgresql://?host={str(sockets).replace('/', '%2F')}&port=6432&user=admin"


def test_the_operator_chooses_among_the_users_that_may(sockets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proc = runs(sockets, "[pgbouncer]\nunix_socket_dir=\nstats_users = stats\nadmin_users = me\n")
    monkeypatch.setenv("PGUSER", "me")
    chosen = local_console(proc)
    monkeypatch.setenv("PGUSER", "stranger")

    assert (chosen or "").endswith("user=me")
    assert (local_console(proc) or "").endswith("user=stats")


def test_settings_that_may_not_be_read_leave_the_usual_place(sockets: Path) -> None:
    found = local_console(runs(sockets, None))

    assert found == f"postgresql://?host={str(sockets).replace('/', '%2F')}&port=6432"


def test_without_a_process_there_is_none(sockets: Path) -> None:
    assert local_console(runs(sockets, "", name="postgres")) is None
    (sockets / ".s.PGSQL.6432").unlink()
    assert local_console(sockets / "proc") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="as another user its file may not be readable")
def test_a_real_one_is_found_by_its_process(
    sockets: Path, monkeypatch: pytest.MonkeyPatch, pooled_postgres: OwnPostgres
) -> None:
    # Debian 13's is run through its loader, so its process has another name.
    with PgBouncer(sockets / "pool", pooled_postgres.port, VERSIONS[0]) as pooler:
        (sockets / ".s.PGSQL.6432").touch()
        wanted = f"postgresql://?host=127.0.0.1&port={pooler.port}&user=stats"
        others = {each.name for each in Path("/proc").iterdir() if each.name.isdigit()} - {str(pooler.pid)}
        listed = [str(pooler.pid), *sorted(others)[:20], "self"]
        monkeypatch.setattr(os, "listdir", lambda folder: listed)

        assert local_console() == wanted
