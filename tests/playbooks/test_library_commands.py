"""Commands of the shipped playbooks by the real tools of Debian, and what is read from their output.

`kubectl` and `aws` are in tests/clouds; what needs systemd, a JVM or another host is in the fixtures.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from perftui.clients.program import PATH
from perftui.commands import main
from perftui.playbooks.capture import captured
from perftui.playbooks.document import Step
from perftui.playbooks.load import load, walk
from perftui.playbooks.steps.run import Run
from perftui.playbooks.steps.world import Done
from perftui.playbooks.trust import shipped_folder

WAITING = 3


def step_of(name: str) -> Step:
    playbook, _, step = name.partition("/")
    return next(each for _, each in walk(load(shipped_folder() / f"{playbook}.yaml").playbook) if each.id == step)


def told(step_name: str, /, **values: object) -> Mapping[str, Any]:
    """What a step's command gives to `steps.ID`, run as a playbook runs it."""
    step = step_of(step_name)
    assert isinstance(step.do, Run)
    argv = [word.fill(lambda reference: str(values[reference.removeprefix("vars.")])) for word in step.do.argv]
    if shutil.which(argv[0], path=PATH) is None:
        pytest.skip(f"{argv[0]} is not installed")
    done = subprocess.run(
        argv, env={"PATH": PATH}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20, check=False
    )
    assert done.returncode in step.do.expect_exit, done.stdout
    return captured(step.capture, Done(state="passed", output=done.stdout), 200) if step.capture else {}


@contextmanager
def nobody_takes() -> Iterator[int]:
    """A port with so many connections that nobody takes."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=8))
        port = listener.getsockname()[1]
        for _ in range(WAITING):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        yield port


def test_the_queue_before_an_application_that_takes_nobody() -> None:
    with nobody_takes() as port:
        queue = told("thread-pool-exhaustion/queue", port=port)
        assert (queue["n"], queue["sum_recv_q"]) == (1, WAITING)
        assert told("db-unreachable/port", port=port)["n"] == 1

    assert told("thread-pool-exhaustion/queue", port=port)["n"] == 0


def test_the_threads_of_a_process() -> None:
    threads = told("thread-pool-exhaustion/waits", pid=os.getpid())["threads"]

    assert threads["all"] >= 1 and set(threads) == {"all", "on_answers", "on_locks", "running", "on_disk"}


def test_the_descriptors_of_a_process_and_their_limit() -> None:
    pid = os.getpid()
    before = len(os.listdir("/proc/self/fd"))
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(socket.socket())
        assert told("fd-exhaustion/open", pid=pid)["n"] >= before + 18
        assert told("fd-exhaustion/kinds", pid=pid)["files"]["sockets"] >= 20

    assert told("fd-exhaustion/limit", pid=pid)["soft"] == resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_a_connection_that_was_closed_on_the_other_side_alone() -> None:
    before = told("fd-exhaustion/unclosed")["n"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname(), 5)
        theirs, _ = listener.accept()
        theirs.close()
        assert ours.recv(1) == b""
        with ours:
            assert told("fd-exhaustion/unclosed")["n"] > before


def test_the_counters_of_an_interface_and_of_the_kernel() -> None:
    first = told("network-saturation/first", interface="lo")["link"]
    with nobody_takes():
        second = told("network-saturation/second", interface="lo")["link"]

    assert second["received"] > first["received"] and second["sent"] > first["sent"]
    assert first["dropped"] >= 0 and first["errors"] >= 0
    assert set(told("network-saturation/counters")["kernel"]) >= {"TcpRetransSegs", "TcpExtListenOverflows"}
    assert "out" in told("network-saturation/way")
    told("network-saturation/sockets")
    told("network-saturation/talkers")


def test_the_paths_of_an_access_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = '10.0.0.1 - - [10/Nov/2026:10:00:00 +0000] "GET /report/7 HTTP/1.1" 200 10 "-" "-" 0.{:03}'
    log = tmp_path / "access.log"
    log.write_text("\n".join(line.format(number) for number in range(1, 201)) + "\n")
    step = step_of("tail-latency/paths")
    assert isinstance(step.do, Run) and step.capture is not None

    main([str(log) if "access_log" in word else str(word) for word in step.do.argv[1:]])

    (path,) = captured(step.capture, Done(state="passed", output=capsys.readouterr().out), 200)["split"]
    assert path["path"] == "/report/{id}" and path["requests"] == 200
    assert 0.18 < path["p95_s"] < path["p99_s"] < 0.21


def test_a_name_that_is_found_and_how() -> None:
    for step in ("first", "again", "v4"):
        told(f"dns-slow/{step}", name="localhost")
    told("db-unreachable/name", host="localhost")

    assert any(line.startswith("hosts:") for line in told("dns-slow/config")["lines"])
