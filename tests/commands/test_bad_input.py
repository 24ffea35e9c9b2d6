"""A mistake is one line on stderr and the right exit code; stdout stays empty and no traceback is shown."""

import subprocess
import sys
from pathlib import Path

import pytest

from perftui.model.exit_code import ExitCode


def perftui(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-m", "perftui", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == ExitCode.USAGE, done
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("perftui: ")
    for word in words:
        assert word in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--colour"], ["--colour", "--help"]),
        (["snapshot", "--jsn"], ["--jsn", "perftui snapshot --help"]),
        (["snapshot", "--for", "soon"], ["--for", "'soon'", "5s"]),
        (["snapshot", "--for", "-1s"], ["--for"]),
        (["record"], ["FILE"]),
        (["record", "x.ptape", "--interval", "1ms"], ["0.5s and 60s"]),
        (["replay"], ["FILE"]),
        (["report", "x.ptape", "-o", "x.pdf"], ["x.pdf", ".html"]),
        (["load", "report", "x.ptape", "-o", "x.pdf"], ["x.pdf", ".txt"]),
        (["top"], ["'top'", "snapshot"]),
        (["--interval", "fast"], ["--interval"]),
        (["--theme", "pink"], ["pink"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_flags(arguments: list[str], words: list[str]) -> None:
    refused(perftui(*arguments), *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("intervall_s = 1", ["intervall_s", "interval_s"]),
        ('interval_s = "1"', ["interval_s", "float", "str"]),
        ("interval_s = 0.01", ["interval_s", "0.5 to 60"]),
        ("theme = 'pink'", ["theme", "pink"]),
        ("interval_s = ", ["not TOML"]),
        ('[rules."host.cpu"]\nbusy_ratio = 1.0', ["host.cpu", "host.cpu_saturated"]),
        ('[rules."host.cpu_saturated"]\nbusy = 1.0', ["host.cpu_saturated", "busy", "busy_ratio"]),
        ('[rules."host.cpu_saturated"]\nbusy_ratio = "90 %"', ["busy_ratio", "float", "str"]),
        ("[deploys]\ngit_dirs = 1", ["deploys", "git_dirs", "capistrano"]),
        ('[deploys]\ndays = "all"', ["deploys: days", "float", "str"]),
        ('[deploys.git]\nshop = "shop"', ["deploys.git.shop", "absolute"]),
    ],
)
def test_config(text: str, words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)

    refused(perftui("snapshot", "--for", "100ms", "--config", file), str(file), *words)


def test_a_config_that_was_named_must_be_there(tmp_path: Path) -> None:
    refused(perftui("snapshot", "--config", tmp_path / "none.toml"), "none.toml", "no such config file")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PERFTUI_INTERVAL_S", "soon", ["PERFTUI_INTERVAL_S", "a number"]),
        ("PERFTUI_ASCII", "maybe", ["PERFTUI_ASCII", "0 or 1"]),
        ("PERFTUI_THEME", "pink", ["theme", "pink"]),
    ],
)
def test_environment(name: str, value: str, words: list[str], tmp_path: Path) -> None:
    refused(perftui("snapshot", "--for", "100ms", XDG_CONFIG_HOME=str(tmp_path), **{name: value}), *words)


def test_limits_in_the_config_reach_the_rules(tmp_path: Path) -> None:
    (tmp_path / "perftui").mkdir()
    (tmp_path / "perftui" / "config.toml").write_text('[rules."host.memory_pressure"]\nused_ratio = 0.0001\n')

    done = perftui("snapshot", "--for", "4s", XDG_CONFIG_HOME=str(tmp_path))

    assert "host.memory_pressure" in done.stdout or "of memory is used" in done.stdout, done
    assert done.returncode in (ExitCode.WARNING, ExitCode.CRITICAL)


def test_the_console_refuses_without_a_terminal() -> None:
    refused(perftui(), "terminal", "perftui snapshot")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["no such"]),
        (b"", ["empty"]),
        (b"PK\x03\x04 not a tape at all", ["not a tape"]),
        (b'{"perftui_tape":99,"program":"9","started_at":0,"machine":{}}\n', ["newer", "upgrade"]),
    ],
    ids=["missing", "empty", "something else", "newer"],
)
def test_tapes(content: bytes | None, words: list[str], tmp_path: Path) -> None:
    tape = tmp_path / "x.ptape"
    if content is not None:
        tape.write_bytes(content)

    refused(perftui("replay", "--headless", tape), "x.ptape", *words)
