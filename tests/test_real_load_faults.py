"""Real load tests of the drills' shop, and a real fault while they are steady: perftui ends them and says what gave way."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest

from perftui.drills import DRILLS, reason
from perftui.drills.marks import sweep
from perftui.drills.rehearsal import Rehearsal
from perftui.model.exit_code import ExitCode
from tests.loads import generator

pytestmark = pytest.mark.fault

ROOT = Path(__file__).parents[1]
LOCK_CHAIN = next(drill for drill in DRILLS if drill.name == "lock-chain")
WARM_UP_S = 5.0
K6 = """
import http from 'k6/http';
import { sleep } from 'k6';
export const options = { vus: 4, duration: '90s' };
export default function () {
  http.get(`${__ENV.TARGET}/orders/${1 + __ITER % 5000}`, { timeout: '2s' });
  sleep(0.3);
}
"""
LOCUST = """
from locust import HttpUser, constant, task
class Buyer(HttpUser):
    wait_time = constant(0.4)
    @task
    def order(self): self.client.get("/orders/7", timeout=2)
"""
Process = subprocess.Popen[bytes]


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Short, since a socket's path may have 107 bytes."""
    made = Path(tempfile.mkdtemp(prefix="pt-", dir="/var/tmp"))
    monkeypatch.setenv("TMPDIR", str(made))
    monkeypatch.setattr(tempfile, "tempdir", None)
    try:
        yield made
    finally:
        sweep()
        shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_lock_chain_in_the_steady_phase_ends_both_tests_by_their_command(folder: Path, processes: ExitStack) -> None:
    why = reason(LOCK_CHAIN)
    if why is not None:
        pytest.skip(why)
    with Rehearsal(LOCK_CHAIN, 90) as rehearsal:
        settings = rehearsal.stage.settings
        config = config_of(settings, folder)
        phases(Path(settings["deploys"]["file"]))
        target = settings["probes"]["shop"]["url"].rpartition("/orders/")[0]
        tests = [k6(processes, folder, target), locust(processes, folder, target)]
        watched = [Watch(processes, folder, rehearsal.stage.dsn, config, feed, tool.pid) for tool, feed in tests]
        for each in watched:
            each.until(" steady ")
            assert "abort" not in each.said
        rehearsal.begin()

        for each, (tool, _) in zip(watched, tests, strict=True):
            assert each.process.wait(45) == ExitCode.CRITICAL, each.said
            assert "perftui: abort the load test: " in each.said
            assert "of its requests fail" in each.said
            assert f"kill -TERM {tool.pid}: exit code 0" in each.said
            held_back = each.said.partition("what holds it back: ")[2].splitlines()[0]
            assert "back-office" in held_back, each.said
            assert "lock_bound" in [line for line in each.said.splitlines() if "/s" in line][-1], each.said
            tool.wait(15)
            print(*each.said.splitlines()[-6:], sep="\n")


class Watch:
    """`perftui load watch` with the command that ends its test."""

    def __init__(self, processes: ExitStack, folder: Path, dsn: str, config: Path, feed: str, pid: int) -> None:
        self._output = folder / f"watch-{pid}.txt"
        # Not INT: what a shell starts in its background ignores that, and so do its children.
        options = ["--load", feed, "--every", "1s", "--dsn", dsn, "--abort", f"kill -TERM {pid}"]
        with self._output.open("wb") as output:
            self.process = started(
                processes,
                [sys.executable, "-m", "perftui", "load", "watch", *options, "--config", str(config)],
                output=output,
            )

    @property
    def said(self) -> str:
        return self._output.read_text()

    def until(self, words: str) -> None:
        wait_for(lambda: words in self.said, lambda: self.said)


def started(
    processes: ExitStack,
    command: list[str],
    folder: Path = ROOT,
    environment: dict[str, str] | None = None,
    output: int | IO[bytes] = subprocess.DEVNULL,
) -> Process:
    """A process that is ended with the test."""
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )
    processes.callback(process.wait, 15)
    processes.callback(process.kill)
    return process


def k6(processes: ExitStack, folder: Path, target: str) -> tuple[Process, str]:
    """(the generator, its feed)"""
    program, environment = generator("k6")
    script, results = folder / "test.js", folder / "run.json"
    script.write_text(K6)
    command = [*program, "run", "-q", "--no-usage-report", "--out", f"json={results}", str(script)]
    process = started(processes, command, folder, {**environment, "TARGET": target})
    wait_for(lambda: results.exists() and b"\n" in results.read_bytes(), lambda: "k6 wrote nothing")
    return process, str(results)


def locust(processes: ExitStack, folder: Path, target: str) -> tuple[Process, str]:
    program, environment = generator("locust")
    (folder / "locustfile.py").write_text(LOCUST)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    load = ["-u", "8", "-r", "8", "-t", "90s", "--host", target, "--autostart", "--autoquit", "0"]
    command = [*program, "-f", "locustfile.py", *load, "--web-host", "127.0.0.1", "--web-port", str(port)]
    process = started(processes, command, folder, environment)
    wait_for(lambda: answers(port), lambda: "locust did not start")
    return process, f"http://127.0.0.1:{port}"


def answers(port: int) -> bool:
    with socket.socket() as there:
        return there.connect_ex(("127.0.0.1", port)) == 0


def wait_for(found: Callable[[], bool], said: Callable[[], str]) -> None:
    deadline = time.monotonic() + 30
    while not found():
        assert time.monotonic() < deadline, said()
        time.sleep(0.1)


def config_of(settings: dict[str, dict[str, object]], folder: Path) -> Path:
    """The stage as an operator's config file names it."""
    path = folder / "config.toml"
    path.write_text("\n".join(table(name, values) for name, values in settings.items()))
    return path


def table(name: str, values: dict[str, object]) -> str:
    """A TOML table; of strings, numbers and booleans JSON says the same."""
    plain = [f"{key} = {json.dumps(value)}" for key, value in values.items() if not isinstance(value, dict)]
    inner = [table(f"{name}.{key}", value) for key, value in values.items() if isinstance(value, dict)]
    return "\n".join([f"[{name}]", *plain, *inner])


def phases(marks: Path) -> None:
    """Warm-up now, steady some seconds later: as a plan of the test, which any tool may write."""
    now = time.time()
    with marks.open("a") as file:
        for at, text in ((now, "warm-up"), (now + WARM_UP_S, "steady")):
            file.write(json.dumps({"at": datetime.fromtimestamp(at, UTC).isoformat(), "text": text}) + "\n")
