"""`perftui baseline` from tape to comparison."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from perftui.commands import main
from perftui.model.exit_code import ExitCode
from tests.loads import Second, kept_tape


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "perftui" / "baselines"


def tape(tmp_path: Path, latency_s: float, count: int = 1800, failing: float = 0.0) -> str:
    """Every other second of a test."""
    course = [
        (second, Second(latency_s=latency_s * (1 + second % 7 / 50), failing=failing)) for second in range(0, count, 2)
    ]
    return str(kept_tape(tmp_path / f"{latency_s}-{count}.jsonl", course))


def test_save_list_and_compare(tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["baseline", "save", "steady", "--tape", tape(tmp_path, 0.1)]) == ExitCode.HEALTHY
    assert stat.S_IMODE((state / "steady.json").stat().st_mode) == 0o600
    assert main(["baseline", "list"]) == ExitCode.HEALTHY
    assert "steady               2026-02-11 10:41:37Z   30 min  web-1, 4 cores" in capsys.readouterr().out

    assert main(["baseline", "compare", "steady", "--tape", tape(tmp_path, 0.1, 900)]) == ExitCode.HEALTHY
    assert "REGRESSED" not in capsys.readouterr().out
    assert main(["baseline", "compare", "steady", "--tape", tape(tmp_path, 0.15, 900)]) == ExitCode.WARNING
    told = capsys.readouterr().out
    assert "REGRESSED load.p95_s" in told
    assert "REGRESSED load.requests_per_s" not in told
    assert main(["baseline", "compare", "steady", "--json", "--tape", tape(tmp_path, 0.1, 120)]) == ExitCode.UNKNOWN
    found = msgspec.json.decode(capsys.readouterr().out)
    assert {each["low"] for each in found} == {None}


@pytest.mark.parametrize(
    ("count", "failing", "words"),
    [
        (600, 0.0, "it is 10 min long; at least 30"),
        (1800, 0.5, "abort the load test: 50% of its requests fail within it"),
    ],
)
def test_a_window_that_is_not_worth_it_is_not_kept(
    count: int, failing: float, words: str, tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["baseline", "save", "bad", "--tape", tape(tmp_path, 0.1, count, failing)]) == ExitCode.UNKNOWN
    assert words in capsys.readouterr().err
    assert not state.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["save"], "expected a name"),
        (["save", "../x", "--for", "1s"], "expected a name"),
        (["save", "x"], "expected --tape FILE or --for TIME"),
        (["compare", "x", "--for", "1s"], "x: no such baseline"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["baseline", *arguments]) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert words in told and told.count("\n") == 1


def test_no_baseline_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["baseline", "list"]) == ExitCode.HEALTHY
    assert "no baseline is kept" in capsys.readouterr().err


def test_errors_where_there_were_none_regressed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No ratio can be told of nothing, and a release must not pass for it."""
    assert main(["baseline", "save", "steady", "--tape", tape(tmp_path, 0.1)]) == ExitCode.HEALTHY
    for failing, code in ((0.0005, ExitCode.HEALTHY), (0.09, ExitCode.WARNING)):
        compared = ["baseline", "compare", "steady", "--tape", tape(tmp_path, 0.1, 900, failing)]
        assert main(compared) == code
        assert ("REGRESSED load.error_ratio" in capsys.readouterr().out) == (code == ExitCode.WARNING)


def test_what_makes_a_comparison_doubtful_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["baseline", "save", "steady", "--tape", tape(tmp_path, 0.1)]) == ExitCode.HEALTHY
    short = Path(tape(tmp_path, 0.1, 120))
    short.write_text(short.read_text().replace("web-1", "web-2"))

    assert main(["baseline", "compare", "steady", "--tape", str(short)]) == ExitCode.UNKNOWN
    told = capsys.readouterr().err
    assert "not the same conditions: web-1 → web-2\n" in told
    assert "too short to tell chance apart: 4 means of 30 s, at least 10" in told
