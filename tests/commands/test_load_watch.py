"""`perftui load watch`: to the end of a test, to its abort, or without any."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from perftui.commands import main
from perftui.model.exit_code import ExitCode

GOOD = '{"latency_ms": 12, "users": 5}\n'
BAD = '{"latency_ms": 12, "ok": false, "users": 5}\n'


@pytest.fixture
def generate(tmp_path: Path) -> Callable[[str, float], Path]:
    """Writes lines into a feed every tenth of a second, for so long."""
    path = tmp_path / "run.jsonl"

    def begin(line: str, seconds: float) -> Path:
        path.write_text("")

        def write() -> None:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                with path.open("a") as file:
                    file.write(line * 10)
                time.sleep(0.1)

        threading.Thread(target=write, daemon=True).start()
        return path

    return begin


def test_it_ends_with_the_test(generate: Callable[[str, float], Path], capsys: pytest.CaptureFixture[str]) -> None:
    path = generate(GOOD, 2)

    assert main(["load", "watch", "--load", str(path), "--silent", "2s", "--every", "1s"]) == ExitCode.HEALTHY
    told = capsys.readouterr()
    assert "/s  err   0.0 %  p95  12 ms" in told.out
    assert "users     5" in told.out
    assert "the feed has ended" in told.err


def test_it_aborts_and_runs_the_stop_command(
    generate: Callable[[str, float], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, stopped = generate(BAD, 20), tmp_path / "it was stopped"

    arguments = ["load", "watch", "--load", str(path), "--abort", f"touch '{stopped}'"]
    assert main(arguments) == ExitCode.CRITICAL
    assert stopped.exists()
    told = capsys.readouterr().err
    assert "abort the load test: 100% of its requests fail" in told
    assert "exit code 0" in told


@pytest.mark.parametrize("until", ["--for", "--begin"])
def test_a_feed_that_never_comes(until: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "watch", "--load", str(tmp_path / "no"), until, "1s"]) == ExitCode.UNKNOWN
    told = capsys.readouterr()
    assert "not there" in told.out
    assert "the feed told nothing" in told.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "expected --load FEED"), (["--load", "x", "--abort", "'"], "no closing quotation")],
)
def test_mistakes_are_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "watch", *arguments]) == ExitCode.USAGE
    assert words in capsys.readouterr().err
