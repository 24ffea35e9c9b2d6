"""What a command loads: the price of an import is paid by who needs it."""

import subprocess
import sys

import pytest

DRIVERS = {"asyncpg", "httpx", "psutil"}
SCREEN = {"textual", "rich", "plotext"}

HEAVY = {
    "--version": DRIVERS | SCREEN | {"asyncio", "zstandard"},
    "--help": DRIVERS | SCREEN,
    "snapshot --for 100ms": DRIVERS | SCREEN,
    "snapshot --for 100ms --json": DRIVERS | SCREEN,
    "playbook": DRIVERS | SCREEN,
    "playbook lint triage-60s": DRIVERS | SCREEN,
    "playbook plan triage-60s": DRIVERS | SCREEN,
    "load facts": DRIVERS | SCREEN,
    "readings": DRIVERS | SCREEN,
    "report": DRIVERS | SCREEN,
    "report {tape}": DRIVERS | SCREEN,
    "doctor": DRIVERS | SCREEN,
    "record --for 100ms {tape}": DRIVERS | SCREEN,
    "replay --headless {tape}": DRIVERS | SCREEN,
    "nonsense": DRIVERS | SCREEN | {"asyncio"},
    "snapshot --nonsense": DRIVERS | SCREEN,
}


@pytest.mark.parametrize("command", HEAVY)
def test_a_headless_command_loads_no_screen_and_no_driver(
    command: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "imports"
    folder.mkdir(exist_ok=True)
    tape = folder / "short.ptape"
    if command.startswith(("replay", "report {")) and not tape.exists():
        subprocess.run(
            [sys.executable, "-m", "perftui", "record", "--for", "100ms", tape], check=True, capture_output=True
        )
    elif "record" in command:
        tape.unlink(missing_ok=True)
    words = command.format(tape=tape).split()
    program = f"""
import sys
import perftui.clients.local_pgbouncer
from perftui.commands import main
# A host with a pooler needs the driver: what this machine happens to run is no matter of the command.
perftui.clients.local_pgbouncer.local_console = lambda: None
try:
    main({words!r})
except SystemExit:
    pass
print("LOADED", *sorted({{name.partition(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    assert "perftui" in loaded, done.stderr
    assert loaded & HEAVY[command] == set()


UNASKED = {
    "perftui.clients.forge",
    "perftui.clients.http",
    "perftui.clients.kubernetes",
    "perftui.sources.deploy_capistrano",
    "perftui.sources.deploy_git",
    "perftui.sources.deploy_github",
    "perftui.sources.deploy_gitlab",
    "perftui.sources.deploy_kubernetes",
    "perftui.sources.forges",
    "perftui.sources.kubernetes_changes",
    "perftui.sources.kubernetes_objects",
    "perftui.sources.pg_followers",
    "perftui.sources.pg_session",
    "perftui.sources.pgbouncer_console",
    "perftui.sources.pool_dialects",
}
"""What reads places that nothing names and that are not here."""


def test_who_reads_what_is_not_there_is_not_loaded() -> None:
    program = """
import sys
import perftui.clients.local_pgbouncer
import perftui.commands.sources
from perftui.commands.config import Config
from perftui.commands.deploy_sources import DeploysConfig
from perftui.commands.remote_deploys import KubernetesConfig
# What this machine happens to run is no matter of the test.
perftui.clients.local_pgbouncer.local_console = lambda: None
perftui.commands.sources.postgres_is_here = lambda: False
config = Config(deploys=DeploysConfig(kubernetes=KubernetesConfig(enabled=False)))
wired = perftui.commands.sources.all_sources(None, config)
print(len(wired.sources), *sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert done.stdout, done.stderr
    count, *loaded = done.stdout.split()
    assert int(count) >= 10
    assert UNASKED & set(loaded) == set()
