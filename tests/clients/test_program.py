"""Real programs that misbehave: they hang, flood, fork, hide and leave things behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from perftui.clients import program
from perftui.clients.program import PATH, Ended, Process, environment, run_program
from perftui.model.failure import FailureKind, SourceError


async def python(code: str, *arguments: str, timeout_s: float = 20.0, to_file: Path | None = None) -> Ended:
    argv = [sys.executable, "-c", code, *arguments]
    return await run_program(argv, env=environment(os.environ), timeout_s=timeout_s, to_file=to_file)


def is_gone(pid: int) -> bool:
    """Ended; a zombie that waits for its new parent counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


async def gone(pids: list[int], within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while not all(map(is_gone, pids)):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


async def test_output_of_both_kinds_and_the_exit_code() -> None:
    done = await python("import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)")

    assert (done.code, done.signal, done.timed_out) == (3, None, False)
    assert (done.head, done.tail, done.output_bytes) == (b"out\nerr\n", b"", 8)


async def test_arguments_reach_the_program_as_they_are() -> None:
    hostile = ["; touch x", "$(id)", "`id`", "a b", "", "--", "-rf", "*", "\x1b[31m", "'\""]

    done = await python("import sys; sys.stdout.write(repr(sys.argv[1:]))", *hostile)

    assert done.head.decode() == repr(hostile)


async def test_stdin_is_closed_and_the_environment_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("KUBECONFIG", "/k")
    code = "import os, sys; print(sys.stdin.read(), sorted(os.environ), os.environ['PATH'])"
    argv = [sys.executable, "-c", code]

    done = await run_program(argv, env=environment(os.environ, ["KUBECONFIG"], {"GIVEN": "1"}), timeout_s=20)

    names = done.head.decode()
    assert "KUBECONFIG" in names and "GIVEN" in names and PATH in names
    assert "AWS_SECRET" not in names and "LD_PRELOAD" not in names


async def test_a_program_that_hangs_is_ended_at_its_timeout() -> None:
    began = time.monotonic()

    done = await python("import time; print('begun', flush=True); time.sleep(60)", timeout_s=0.5)

    assert done.timed_out
    assert done.signal == signal.SIGTERM
    assert done.head == b"begun\n"
    assert time.monotonic() - began < 3


async def test_a_program_that_ignores_the_request_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "KILL_AFTER_S", 0.3)
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )

    done = await python(code, timeout_s=0.7)

    assert (done.timed_out, done.signal) == (True, signal.SIGKILL)


CHILDREN = """
import os, sys, time
pids = []
for _ in range(200):
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    pids.append(pid)
print(*pids, flush=True)
if sys.argv[1] == "stay":
    time.sleep(60)
"""


@pytest.mark.parametrize("then", ["go", "stay"])
async def test_two_hundred_children_die_with_their_group(then: str) -> None:
    began = time.monotonic()

    done = await python(CHILDREN, then, timeout_s=5.0 if then == "go" else 1.5)

    pids = [int(word) for word in done.head.split()]
    assert len(pids) == 200
    assert await gone(pids)
    assert done.timed_out == (then == "stay")
    assert time.monotonic() - began < 4, "the pipe its children hold must not be waited for"


async def test_a_daemon_that_left_the_session_dies_when_its_step_is_ended() -> None:
    code = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(60)
    os._exit(0)
time.sleep(60)
"""
    done = await python(code, timeout_s=1.0)

    assert done.timed_out
    assert await gone([int(done.head)])


async def test_a_gigabyte_of_output_is_capped_and_counted() -> None:
    code = "import os\nfor i in range(1024): os.write(1, b'%04d' % i + b'x' * (1024 * 1024 - 4))"

    done = await python(code, timeout_s=60)

    assert done.code == 0
    assert done.output_bytes == 1024**3
    assert len(done.head) == len(done.tail) == 32 * 1024
    assert done.head.startswith(b"0000x")
    assert done.tail.endswith(b"x")


async def test_output_to_a_file_survives_us_and_is_read_by_its_ends(tmp_path: Path) -> None:
    path = tmp_path / "out"
    done = await python("print('a' * 50_000 + 'b' * 50_000, end='')", to_file=path)

    assert path.stat().st_size == done.output_bytes == 100_000
    assert done.head == b"a" * 32 * 1024
    assert done.tail == b"b" * 32 * 1024
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_program_that_floods_its_file_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "FILE_LIMIT_BYTES", 1024 * 1024)

    done = await python(
        "import os, time\nwhile True: os.write(1, b'x' * 65536); time.sleep(0.002)", to_file=tmp_path / "o"
    )

    assert done.too_much
    assert (tmp_path / "o").stat().st_size < 64 * 1024 * 1024


async def test_a_cancelled_call_ends_its_program() -> None:
    told: list[Process] = []
    argv = [sys.executable, "-c", "import time; time.sleep(60)"]
    call = asyncio.ensure_future(run_program(argv, env=environment(os.environ), timeout_s=60, started=told.append))
    while not told:
        await asyncio.sleep(0.01)
    assert told[0].lives

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert not told[0].lives


async def test_the_loop_goes_on_while_a_program_floods() -> None:
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.005)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()

    beating = asyncio.ensure_future(beat())
    await python("import os\nfor _ in range(200): os.write(1, b'x' * 1024 * 1024)")
    beating.cancel()

    assert longest < 0.5


@pytest.mark.parametrize(
    ("argv", "kind"),
    [
        (["no-such-program-anywhere"], FailureKind.MISSING),
        (["/etc/passwd"], FailureKind.DENIED),
        (["/bin/echo", "a\0b"], FailureKind.MALFORMED),
    ],
)
async def test_what_can_not_be_started_says_why(argv: list[str], kind: FailureKind) -> None:
    with pytest.raises(SourceError) as caught:
        await run_program(argv, env={}, timeout_s=1)

    assert caught.value.kind is kind
    assert argv[0] in caught.value.detail


async def test_a_change_that_nobody_follows_any_more_comes_to_its_end(tmp_path: Path) -> None:
    told: list[Process] = []
    argv = [sys.executable, "-c", "import time; time.sleep(0.5); print('finished')"]
    call = asyncio.ensure_future(
        run_program(argv, env=environment(os.environ), timeout_s=60, to_file=tmp_path / "o", started=told.append)
    )
    while not told:
        await asyncio.sleep(0.01)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert told[0].lives
    assert await gone([told[0].pid])
    assert (tmp_path / "o").read_text() == "finished\n"
