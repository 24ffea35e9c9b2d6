"""wrk's own report: a real one of wrk itself, and what its variants print."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from perftui.commands import main
from perftui.model.exit_code import ExitCode
from perftui.sources.wrk_report import wrk_report
from tests.http_server import HttpServer, Page

FAILING = """Running 30s test @ http://127.0.0.1:8080/
  2 threads and 10 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   635.91us    0.89ms  12.92ms   93.69%
    Req/Sec    56.20k     8.07k   62.00k    86.54%
  Latency Distribution
     50%  250.00us
     75%  491.00us
     90%  700.00us
     99%    1.20s
  190 requests in 30.00s, 17.76KB read
  Socket errors: connect 0, read 4, write 0, timeout 6
  Non-2xx or 3xx responses: 30
Requests/sec:      6.33
Transfer/sec:    606.33KB
"""
WRK2 = """Running 30s test @ http://127.0.0.1:80/index.html
  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%    6.67ms
 95.000%   11.00ms
 99.000%   12.19ms
  Detailed Percentile spectrum:
       Value   Percentile   TotalCount 1/(1-Percentile)
       6.671     0.500000       993010         2.00
  60018 requests in 30.00s, 19.81MB read
Requests/sec:   2000.28
"""


def test_what_failed_counts_whether_it_was_answered_or_not() -> None:
    assert wrk_report(FAILING) == {
        "load.requests_per_s": 6.33,
        "load.results_total": 200.0,
        "load.error_ratio": 0.2,
        "load.p50_s": pytest.approx(0.00025),
        "load.p99_s": pytest.approx(1.2),
    }


def test_wrk2_tells_a_p95_too() -> None:
    found = wrk_report(WRK2)

    assert found is not None
    assert found["load.p95_s"] == pytest.approx(0.011)
    assert found["load.error_ratio"] == 0.0


@pytest.mark.parametrize(
    "text", ["", "timeStamp,elapsed,label,success\n", "Running 30s test @ http://x/\n  2 threads\n"]
)
def test_anything_else_is_no_report(text: str) -> None:
    assert wrk_report(text) is None


def test_a_budget_over_a_real_run(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    program = shutil.which("wrk")
    if program is None:
        pytest.skip("wrk is not installed")
    report, budget = tmp_path / "wrk.txt", tmp_path / "budget.toml"
    with HttpServer() as server:
        server.pages = {"/broken": Page(b"no", 500)}
        command = [program, "-t1", "-c2", "-d1s", "--latency", f"{server.url}/broken"]
        report.write_bytes(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=30).stdout)
    budget.write_text(
        'title = "shop"\n[[budget]]\nname = "errors"\nreading = "load.error_ratio"\nmax = "1%"\n'
        '[[budget]]\nname = "P99"\nreading = "load.p99_s"\nmax = "10s"\n'
        '[[budget]]\nname = "rate"\nreading = "load.requests_per_s"\nmin = 1\n'
    )

    assert main(["check", "--budget", str(budget), "--results", str(report), "--json"]) == ExitCode.WARNING
    told = msgspec.json.decode(capsysbinary.readouterr().out)["budgets"]
    assert [each["state"] for each in told] == ["fail", "pass", "pass"]
    assert told[0]["value"] == 1.0


def test_it_can_not_be_put_together_with_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "wrk.txt"
    report.write_text(FAILING)

    assert main(["check", "--budget", "s003-tier1", "--results", str(report), "--results", str(report)]) == 64
    assert "holds no single results" in capsys.readouterr().err
    assert main(["latency", str(report)]) == ExitCode.USAGE
    assert "perftui check --results" in capsys.readouterr().err
