"""`perftui forecast` and `perftui load plan` from data to terminal."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from perftui.commands import main
from perftui.model.exit_code import ExitCode
from tests.http_server import HttpServer, Page
from tests.loads import Second, kept_tape


def disk(tmp_path: Path, days: int, per_day: float = 0.003) -> str:
    path = tmp_path / "disk.csv"
    rows = [f"{date(2026, 1, 1) + timedelta(days=day)},x,{0.6 + per_day * day}" for day in range(days)]
    path.write_text("\n".join(["day,name,disk_used_ratio", *rows]) + "\n")
    return str(path)


def test_a_disk_that_fills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["forecast", disk(tmp_path, 60), "--column", "disk_used_ratio", "--kind", "storage"]

    assert main(arguments) == ExitCode.WARNING
    told = capsys.readouterr().out
    for part in (
        "disk_used_ratio: 60 days, 2026-01-01 to 2026-03-01",
        "days from 2026-03-01, %",
        "now 77.7 %, growth 9.0 % in 30 days",
        "in 30 days 86.7 %",
        "alert          2026-03-09, in 8 days",
        "emergency      2026-04-11, in 41 days",
    ):
        assert part in told, part


def test_a_disk_that_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["forecast", disk(tmp_path, 60, 0.0), "--column", "disk_used_ratio", "--kind", "storage"]

    assert main(arguments) == ExitCode.HEALTHY
    assert "no growth that can be told from chance" in capsys.readouterr().out


def test_percent_are_no_shares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They would pass every trigger, and nobody would hear of the mistake."""
    assert (
        main(["forecast", disk(tmp_path, 60, 1.0), "--column", "disk_used_ratio", "--kind", "storage"])
        == ExitCode.USAGE
    )
    assert "its limits are shares, and the values reach 59.6; write 0.62 for 62 %" in capsys.readouterr().err


def test_too_little_is_no_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forecast", disk(tmp_path, 29), "--column", "disk_used_ratio"]) == ExitCode.UNKNOWN
    told = capsys.readouterr()
    assert told.out == ""
    assert "no answer: 29 daily points; a line needs at least 30" in told.err


def prometheus(hours: int, series: int = 1) -> Page:
    values = [[1_767_225_600 + 3600 * hour, str(0.1 + 0.1 * (hour > hours - 25))] for hour in range(hours)]
    result = [{"metric": {"n": str(number)}, "values": values} for number in range(series)]
    return Page(msgspec.json.encode({"status": "success", "data": {"resultType": "matrix", "result": result}}))


@pytest.mark.parametrize(
    ("page", "code", "words"),
    [
        (prometheus(100), ExitCode.WARNING, "+100% over 100 hours: degraded"),
        (prometheus(47), ExitCode.UNKNOWN, "47 hourly points"),
        (prometheus(100, 2), ExitCode.USAGE, "2 series; expected one"),
        (Page(b"{}"), ExitCode.USAGE, "none of its range API"),
        (Page(b"no", 500), ExitCode.USAGE, "status 500"),
    ],
    ids=["degraded", "too little", "several series", "another document", "fails"],
)
def test_a_week_of_prometheus(page: Page, code: ExitCode, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with HttpServer() as server:
        server.pages["/api/v1/query_range"] = page
        assert main(["forecast", "--prometheus", server.url, "--query", "max(x)", "--trend"]) == code
        asked = server.asked[0][0]
    told = capsys.readouterr()
    assert words in told.out + told.err
    assert "query=max%28x%29" in asked and "step=3600" in asked


def test_tapes_give_a_value_an_hour(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    seconds = [(hour * 3600 + tick, Second(users=10 if hour < 48 else 20)) for hour in range(72) for tick in range(3)]
    path = kept_tape(tmp_path / "days.jsonl", seconds)

    assert main(["forecast", str(path), "--reading", "load.users", "--trend", "--json"]) == ExitCode.WARNING
    told = msgspec.json.decode(capsysbinary.readouterr().out)
    assert (told["points"], told["first_mean"], told["last_mean"]) == (72, 10, 20)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to look at"),
        (["x.ptape"], "--reading names what is looked at"),
        (["a.csv", "b.csv"], "expected tapes (.ptape) or one CSV"),
        (["/no/such.csv"], "can't be read"),
        (["--prometheus", "http://x"], "needs --query"),
        (["x.csv", "--days", "0"], "expected 1 to 365"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forecast", *arguments]) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert words in told and told.count("\n") == 1


@pytest.mark.parametrize(
    ("rows", "words"),
    [("day,a\n2026-01-01,x\n", "row 2: 'x' is no number"), ("1767225600,1\nsoon,2\n", "row 2: 'soon' is no moment")],
)
def test_a_bad_row_is_named(rows: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text(rows)

    assert main(["forecast", str(path)]) == ExitCode.USAGE
    assert words in capsys.readouterr().err


def test_the_plan_of_a_load_test(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "plan", "--users", "500"]) == ExitCode.HEALTHY
    told = capsys.readouterr().out
    assert " 12m00s   1m00s      500  ramp" in told
    assert "at most 1 % of errors" in told
    assert main(["load", "plan", "--users", "500", "--k6"]) == ExitCode.HEALTHY
    assert "{ duration: '600s', target: 500 }," in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--users", "0"], "expected at least 1"),
        (["--users", "9", "--ramp", "40"], "expected 10% to 20% of the target a minute"),
        (["--users", "9", "--warm-up", "1m"], "expected 5m to 10m"),
        (["--users", "9", "--longest", "10m", "--steady", "15m"], "at least twice the longest transaction"),
    ],
)
def test_a_plan_that_breaks_the_rules_is_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["load", "plan", *arguments]) == ExitCode.USAGE
    assert words in capsys.readouterr().err
