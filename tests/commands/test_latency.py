"""`perftui latency` from file to terminal."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest

from perftui.commands import main
from perftui.model.exit_code import ExitCode

LINE = '10.0.0.7 - - [22/Nov/2026:11:{minute:02}:46 +0000] "GET /orders/{n} HTTP/1.1" 200 5 "-" "curl/8" {took:.3f}\n'
LOG = "".join(LINE.format(minute=n // 100, n=n, took=3.0 if n % 40 == 0 else 0.02 + n % 7 / 1000) for n in range(400))


def test_a_log_in_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "access.log.gz"
    path.write_bytes(gzip.compress(LOG.encode()))

    assert main(["latency", str(path)]) == ExitCode.HEALTHY
    told = capsys.readouterr().out
    for part in (
        "nginx with $request_time last, in seconds; 400 requests",
        "400 requests, 0 failed (0.0 %)",
        "p99 3.0 s  p99.9 –",
        "high: over 30 %",
        "hockey stick: P99 is above twice the P95",
        "████████████████████████████████████████",
        "/orders/{id}",
        "every 1 min, UTC",
        "2026-11-22 11:03:00Z",
    ):
        assert part in told, part


def test_several_files_as_json(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    numbers, jtl = tmp_path / "numbers", tmp_path / "run.jtl"
    numbers.write_text("100\n200\n")
    jtl.write_text("timeStamp,elapsed,label,success\n1795346626000,300,a,false\n")

    assert main(["latency", "--unit", "ms", "--json", str(numbers), str(jtl)]) == ExitCode.HEALTHY
    told = msgspec.json.decode(capsysbinary.readouterr().out)
    assert told["mean_s"] == pytest.approx(0.2)
    assert (told["all"]["requests"], told["all"]["failures"]) == (3, 1)
    assert [each["format"] for each in told["files"]] == ["numbers in ms", "jtl"]


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("", ExitCode.UNKNOWN, "no request in it"),
        ("hello\n", ExitCode.USAGE, "no time of a request is found"),
        (
            "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,95%,99%\n",
            ExitCode.USAGE,
            "Locust's history holds no single times",
        ),
    ],
)
def test_what_can_not_be_used_is_one_line(
    content: str, code: ExitCode, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file"
    path.write_text(content)

    assert main(["latency", str(path)]) == code
    told = capsys.readouterr()
    assert words in told.err
    assert told.err.count("\n") == 1


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["latency", str(tmp_path / "no.log")]) == ExitCode.USAGE
    assert "not there" in capsys.readouterr().err


def test_times_below_a_millisecond_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "numbers"
    path.write_text("".join(f"{100 + n}\n" for n in range(200)))

    assert main(["latency", "--unit", "us", str(path)]) == ExitCode.HEALTHY
    told = capsys.readouterr().out
    edges = [line.partition("  ")[0] for line in told.splitlines() if " – " in line]
    assert len(set(edges)) == len(edges) > 5
    assert "lowest 100 µs  mean 200 µs  highest 299 µs" in told
