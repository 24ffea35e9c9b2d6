"""`perftui check`: budgets over values, results, a tape and this host; text, JSON, JUnit; exit codes."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from perftui.commands import main
from perftui.commands.budget_file import read_budgets, shipped
from perftui.model.exit_code import ExitCode
from tests.loads import Second, kept_tape

GOOD = {
    "page_load_time_s": 1.8,
    "api_response_time_s": "450ms",
    "database_query_time_s": 0.085,
    "memory_usage_bytes": "480MiB",
    "bundle_size_bytes": 900_000,
}
JTL = "timeStamp,elapsed,label,success\n" + "".join(f"{1795346626000 + n},{100 + n % 50},a,true\n" for n in range(2000))


def values(tmp_path: Path, given: object) -> str:
    path = tmp_path / "values.json"
    path.write_bytes(msgspec.json.encode(given))
    return str(path)


@pytest.mark.parametrize("name", shipped())
def test_shipped_budgets_can_be_read(name: str) -> None:
    title, budgets = read_budgets(name)

    assert title and all(budget.seed for budget in budgets)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({}, ExitCode.HEALTHY, "5 of 5 kept, 0 failed, 0 not measured"),
        ({"database_query_time_s": 0.12}, ExitCode.WARNING, "FAIL  database query  120 ms  ≤ 100 ms  120 %"),
        ({"bundle_size_bytes": None}, ExitCode.UNKNOWN, "4 of 5 kept, 0 failed, 1 not measured"),
    ],
)
def test_measured_values(
    change: dict[str, float | None], code: ExitCode, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--budget", "s001", "--values", values(tmp_path, {**GOOD, **change})]) == code
    told = capsys.readouterr().out
    assert " ".join(words.split()) in " ".join(told.split())


def test_results_of_a_load_test_with_junit(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    results, junit = tmp_path / "run.jtl", tmp_path / "junit.xml"
    results.write_text(JTL + "1795346627000,900,a,false\n" * 20)
    arguments = ["--budget", "s003-tier2", "--results", str(results), "--junit", str(junit), "--json"]

    assert main(["check", *arguments]) == ExitCode.WARNING
    told = msgspec.json.decode(capsysbinary.readouterr().out)
    assert [each["state"] for each in told["budgets"]] == ["fail", "pass", "pass"]
    assert told["budgets"][1]["value"] == pytest.approx(0.148, rel=0.011)
    suite = ElementTree.parse(junit).getroot().find("testsuite")
    assert suite is not None and (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "0")
    failure = suite.find("testcase[@name='errors']/failure")
    assert failure is not None and failure.get("message") == "1.0 %, limit ≤ 0.5 %"


def test_a_whole_tape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = [(second, Second(latency_s=0.1 if second < 45 else 0.3)) for second in range(60)]
    path = kept_tape(tmp_path / "run.jsonl", seconds)
    budget = tmp_path / "budget.toml"
    budget.write_text(
        'title = "mine"\n[[budget]]\nname = "P95"\nreading = "load.p95_s"\nmax = "250ms"\n'
        '[[budget]]\nname = "users"\nreading = "load.users"\nmin = 50\nstatistic = "min"\n'
    )

    assert main(["check", "--budget", str(budget), "--tape", str(path)]) == ExitCode.WARNING
    told = " ".join(capsys.readouterr().out.split())
    assert "FAIL P95 302 ms ≤ 250 ms 121 % load.p95_s" in told
    assert "pass users 50 ≥ 50 100 % load.users (min)" in told


def test_this_host_now(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    budget = tmp_path / "budget.toml"
    budget.write_text('title = "mine"\n[[budget]]\nname = "memory"\nreading = "host.memory.used_ratio"\nmax = "100%"\n')

    assert main(["check", "--budget", str(budget), "--for", "200ms"]) == ExitCode.HEALTHY
    assert "(avg)" in capsys.readouterr().out


HEAD = 'title = "t"\n[[budget]]\nname = "n"\nreading = "load.p95_s"\n'


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ("no toml", "not TOML"),
        ('title = "t"\nbudget = []\n', "no [[budget]] in it"),
        (HEAD, "n: expected max or min, one of them"),
        (HEAD + "max = 1\nmin = 1\n", "n: expected max or min, one of them"),
        (HEAD + 'max = "5%"\n', "n: 5% is no s"),
        (HEAD + 'max = "fast"\n', "n: 'fast' is no number; write 10, 20%, 100ms or 512MiB"),
        (HEAD.replace("p95_s", "p95") + 'max = "1ms"\n', "load.p95 is no reading, did you mean load.p95_s"),
        (HEAD.replace("p95_s", "error_ratio") + "max = 5\n", '5 is 500% of load.error_ratio; write "5%" or "500%"'),
        (HEAD + "max = 1\nunit = 3\n", "unknown field unit"),
        (HEAD + 'max = 1\nstatistic = "mode"\n', "Invalid enum value 'mode'"),
    ],
)
def test_a_mistake_is_one_line(budget: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "budget.toml"
    path.write_text(budget)

    assert main(["check", "--budget", str(path), "--values", values(tmp_path, GOOD)]) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--budget", "s001"], "nothing to check"),
        (["--budget", "no.toml", "--values", "x"], "no such budget file; shipped are s001, s003-tier1"),
        (["--budget", "s001", "--values", "/no/such"], "can't be read: no such file"),
        (["--budget", "s001", "--results", "/no/such"], "not there"),
    ],
)
def test_what_is_missing_is_told(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *arguments]) == ExitCode.USAGE
    assert words in capsys.readouterr().err


def test_a_tier_can_be_kept_by_a_load_test_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Apdex is told of its results, with the budget's P95 as T."""
    results = tmp_path / "run.jtl"
    results.write_text(JTL)
    tape = kept_tape(tmp_path / "run.jsonl", [(second, Second(latency_s=0.1)) for second in range(60)])

    for source in (["--results", str(results)], ["--tape", str(tape)]):
        assert main(["check", "--budget", "s003-tier1", *source]) == ExitCode.HEALTHY
        assert "4 of 4 kept" in capsys.readouterr().out


def test_the_summary_of_k6_is_told_from_its_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = tmp_path / "summary.json"
    summary.write_text('{\n    "metrics": {\n        "http_reqs": {"count": 3}\n    }\n}\n')

    assert main(["check", "--budget", "s003-tier1", "--results", str(summary)]) == ExitCode.USAGE
    assert "k6's summary of the end, which holds no single results" in capsys.readouterr().err


def test_a_value_that_no_budget_asks_for_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = values(tmp_path, {**GOOD, "page_load_time_s": None, "page_load_time_ms": 1800})

    assert main(["check", "--budget", "s001", "--values", given]) == ExitCode.UNKNOWN
    assert "no budget asks for page_load_time_ms\n" in capsys.readouterr().err
