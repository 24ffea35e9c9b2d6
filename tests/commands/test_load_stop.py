"""`--abort`: what it must look like, and what comes of running it."""

from __future__ import annotations

import argparse
import shutil
import stat
from pathlib import Path

import pytest

from perftui.commands import main
from perftui.commands.act_log import ActLog
from perftui.commands.load_stop import run_stop, stop_command
from perftui.model.exit_code import ExitCode
from perftui.model.failure import UsageError
from perftui.pipeline.actions import StopLoad


def given(abort: str | None, load: tuple[str, ...] = ("run.json",)) -> argparse.Namespace:
    return argparse.Namespace(abort=abort, load=list(load))


def test_the_program_is_named_with_its_whole_path() -> None:
    assert stop_command(given("kill -INT 4242")) == (shutil.which("kill"), "-INT", "4242")
    assert stop_command(given("curl -d '{\"a\": 1}' 'http://h/x?a=1&b=2'"))[1:] == (
        "-d",
        '{"a": 1}',
        "http://h/x?a=1&b=2",
    )
    assert stop_command(given(None, load=())) == ()


@pytest.mark.parametrize(
    ("abort", "words"),
    [
        ("", "it is empty"),
        ("'", "no closing quotation"),
        ("kill $PID", "needs one; name a script"),
        ("kill `pidof k6`", "needs one; name a script"),
        ("kill 1; echo", "needs one; name a script"),
        ("true && false", "needs one; name a script"),
        ("kill 1 2>/dev/null", "needs one; name a script"),
        ("no-such-program-here 1", "no program in PATH"),
        ("/etc/passwd", "no program in PATH"),
    ],
)
def test_what_could_not_run_is_refused_before_the_test_begins(abort: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        stop_command(given(abort))


def test_without_a_load_test_there_is_nothing_to_stop(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["console", "--abort", "kill 1"]) == ExitCode.USAGE
    assert "expected --load FEED" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("program", "worked", "words"),
    [
        ("exit 0", True, "exit code 0"),
        ("echo first; echo 'no such\tprocess' >&2; exit 3", False, "exit code 3: no such?process"),
        ("kill -TERM $$", False, "ended by signal 15"),
    ],
)
async def test_what_came_of_it_is_told(program: str, worked: bool, words: str, tmp_path: Path) -> None:
    script = tmp_path / "stop"
    script.write_text(f"#!/bin/sh\n{program}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)

    stopped = await run_stop((str(script),))

    assert (stopped.worked, stopped.words) == (worked, f"ran {script}: {words}")


async def test_a_program_that_is_gone_by_then(tmp_path: Path) -> None:
    stopped = await run_stop((str(tmp_path / "gone"),))

    assert not stopped.worked
    assert stopped.words.startswith("did not run ")


def test_it_is_logged_as_other_acts_are(tmp_path: Path) -> None:
    ActLog(tmp_path).write(StopLoad(command="/bin/kill -INT 4242"), "ran it: exit code 0")

    line = (tmp_path / "acts.jsonl").read_text()
    assert '"verb":"stop load","command":"/bin/kill -INT 4242","outcome":"ran it: exit code 0"' in line
