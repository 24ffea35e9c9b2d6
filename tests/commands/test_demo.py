"""The demo's own server: it works, and nothing of it stays, even after a kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from perftui.clients.own_postgres import server_lives
from perftui.commands.demo import PREFIX, loaded_server, remove_leftovers
from tests.servers import until


def test_the_server_works_under_a_load_and_is_gone_afterwards(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short_path))
    with loaded_server() as dsn:
        (folder,) = short_path.glob(f"{PREFIX}*")
        assert server_lives(folder / "pg")
        assert dsn.startswith("postgresql://postgres@127.0.0.1:")

    assert list(short_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="only util-linux's setpriv ends a server with its parent")
async def test_a_killed_demo_leaves_no_server_and_the_next_one_takes_its_folder_away(short_path: Path) -> None:
    program = "from perftui.commands.demo import loaded_server\nwith loaded_server(): print(flush=True); input()"
    environment = {**os.environ, "TMPDIR": str(short_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as demo:
        assert demo.stdout is not None
        demo.stdout.readline()
        (folder,) = short_path.glob(f"{PREFIX}*")
        assert server_lives(folder / "pg")
        demo.send_signal(signal.SIGKILL)

    await until(lambda: not server_lives(folder / "pg"))
    remove_leftovers(short_path)
    assert folder.exists(), "it is too young to be told from a demo that begins"
    os.utime(folder, (0, 0))
    remove_leftovers(short_path)
    assert not folder.exists()
