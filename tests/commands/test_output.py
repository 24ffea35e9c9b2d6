"""Where the output goes: a closed stdout or stderr, an encoding without our signs, and the lines for scripts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from perftui.model.exit_code import ExitCode
from perftui.recording.codec import FORMAT, Header, encode_header
from tests.frames import MACHINE

TAPES = Path(__file__).parents[1] / "tapes"


def perftui(words: str, shell: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        f"{sys.executable} -m perftui {words} {shell}",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("words", ["readings", f"replay --headless {TAPES}/disk-fill.ptape"])
def test_a_closed_stdout_changes_no_exit_code(words: str) -> None:
    closed = perftui(words, ">&-")

    assert closed.stderr == ""
    assert closed.returncode == perftui(words, ">/dev/null").returncode


def test_a_snapshot_into_a_closed_stdout_is_still_a_verdict() -> None:
    done = perftui("snapshot --for 0.2s --json", ">&-")

    assert done.stderr == ""
    assert done.returncode <= ExitCode.UNKNOWN


def test_talk_for_a_closed_stderr_does_not_land_in_the_data() -> None:
    done = perftui("nosuch", "2>&-")

    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")


def test_signs_that_the_encoding_lacks_are_replaced() -> None:
    done = perftui(f"replay --headless {TAPES}/swap-thrash.ptape", PYTHONIOENCODING="ascii")

    assert (done.returncode, done.stderr) == (ExitCode.CRITICAL, "")
    assert "host.memory_pressure ? host.swapping" in done.stdout


def test_lines_for_scripts_have_the_names_and_values_of_the_snapshot() -> None:
    lines = perftui(f"replay --headless --json {TAPES}/oom-kill.ptape").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    began = next(event["finding"] for event in events if event["event"] == "began")

    assert began["severity"] == "critical"
    assert began["since_at"].endswith("Z")
    assert {event["verdict"]["severity"] for event in events if event["event"] == "verdict"} == {"info", "critical"}


def test_a_tape_without_a_frame_says_nothing_of_health(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(encode_header(Header(format=FORMAT, program="0", started_at=1000.0, machine=MACHINE)) + b"\n")

    assert perftui(f"replay --headless {path}").returncode == ExitCode.UNKNOWN
