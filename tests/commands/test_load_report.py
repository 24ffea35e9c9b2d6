"""`perftui load report`: the tape of a real test whose capacity is known, and made ones for each thing that it says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from perftui.commands import main
from perftui.model.exit_code import ExitCode
from perftui.model.frame import Frame, Mark
from perftui.recording.codec import FORMAT, Header, encode_frame, encode_header
from perftui.recording.reader import Tape
from perftui.sources.load import LoadSample
from perftui.sources.load_format import Told
from tests.history.load_models import closed
from tests.loads import MACHINE, STARTED_AT, Second, kept_tape, load_sample
from tests.record_knee import EVERY_S, SERVICE_S, THINK_S, WORKERS

KNEE = Path(__file__).parents[1] / "tapes" / "load-knee.ptape"
CAPACITY = WORKERS / SERVICE_S
SATURATED = CAPACITY * (SERVICE_S + THINK_S)
"""Users that keep all workers busy."""


def told(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, dict[str, Any]]:
    code = main(["load", "report", "--format", "json", *map(str, words)])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


def shortened(path: Path, seconds: float) -> Path:
    """The real tape, stopped before its end."""
    tape = Tape(KNEE)
    frames = list(tape.frames())
    kept = [frame for frame in frames if frame.mono - frames[0].mono <= seconds]
    header = Header(format=FORMAT, program="0", started_at=tape.started_at, machine=tape.machine)
    path.write_bytes(b"\n".join([encode_header(header), *map(encode_frame, kept), b""]))
    return path


def test_the_knee_of_a_real_service_is_its_capacity(capsys: pytest.CaptureFixture[str]) -> None:
    code, page = told(capsys, KNEE)
    knee = page["report"]["result"]["knee"]

    assert code == ExitCode.WARNING
    assert (knee["state"], knee["limited_by"]) == ("found", "system")
    assert knee["requests_per_s"] == pytest.approx(CAPACITY, rel=0.2)
    assert knee["users"] == pytest.approx(SATURATED, rel=0.25)
    assert page["report"]["gave_way"]["rule"] == "pool.exhausted"
    assert page["report"]["standing"]["status"] == "CONDITIONAL"
    assert page["report"]["supported"]["users"] == int(knee["users"])


def test_a_moment_is_told_as_it_was_then(capsys: pytest.CaptureFixture[str]) -> None:
    main(["load", "report", str(KNEE)])
    marks = [line for line in capsys.readouterr().out.splitlines() if line.startswith("1 13:46:39Z")]

    assert marks == ["1 13:46:39Z verdict: pool workers has 5 of 5 connections in use, 1 client waits"]


def test_stopped_before_it_no_knee_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, page = told(capsys, shortened(tmp_path / "short.ptape", 4 + EVERY_S * (SATURATED - 1)))
    knee = page["report"]["result"]["knee"]

    assert (code, knee["state"], knee["users"]) == (ExitCode.WARNING, "none", None)
    assert page["report"]["supported"]["at_least"]
    assert page["report"]["standing"]["reasons"][0].startswith("pool.exhausted: pool workers has 5 of 5")
    assert "go beyond 14 users" in page["report"]["recommendations"][-1]


def steps(*users: int, seconds: int = 20) -> list[Second]:
    """Eight servers of 100 ms, users who think for half a second."""
    seen = []
    for count in users:
        rate, mean_s = closed(count, 8, 0.1, 0.5)
        seen += [Second(rate=rate, latency_s=mean_s, users=count)] * seconds
    return seen


UP = (5, 10, 20, 30, 40, 50, 60, 70, 80)


def tape(folder: Path, course: Sequence[Second]) -> Path:
    return kept_tape(folder / "test.ptape", enumerate(course))


def test_the_executive_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tape(tmp_path, steps(*UP))

    assert main(["load", "report", str(path), "--cost-per-hour", "12"]) == ExitCode.WARNING
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    for words in (
        "Status                  CONDITIONAL",
        "the abort rules alone",
        "Error rate              0.00 %",
        "an hour",
        "no resource that is watched reached a limit",
        "Date                    2026-02-11",
    ):
        assert words in out, words


def test_the_technical_report_in_each_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tape(tmp_path, steps(*UP))
    for form in ("text", "md", "html"):
        main(["load", "report", str(path), "--kind", "technical", "--format", form])
        out = " ".join(capsys.readouterr().out.split())
        for words in (
            "Linear up to",
            "knee at",
            "Efficiency at the peak",
            "Variation (CV)",
            "p99.9",
            "under way",
            "ramp",
        ):
            assert words in out, (form, words)


def test_a_budget_decides_and_limits_the_users(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    budget = tmp_path / "budget.toml"
    budget.write_text('title = "shop"\n[[budget]]\nname = "P95"\nreading = "load.p95_s"\nmax = "150ms"\n')
    code, page = told(capsys, tape(tmp_path, steps(*UP)), "--budget", budget)
    found = page["report"]

    assert (code, found["standing"]["status"]) == (ExitCode.CRITICAL, "FAILED")
    assert "the budgets of shop" in found["measured_against"]
    assert found["supported"]["users"] == 40
    assert "kept P95" in found["supported"]["says"]


def test_a_budget_counts_although_the_lowest_level_has_too_few_requests_to_tell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    budget = tmp_path / "budget.toml"
    budget.write_text('title = "shop"\n[[budget]]\nname = "P95"\nreading = "load.p95_s"\nmax = "150ms"\n')
    found = told(capsys, tape(tmp_path, [*[Second(rate=0.5, users=1)] * 20, *steps(*UP)]), "--budget", budget)[1]

    assert found["report"]["result"]["levels"][0]["p95_s"] is None
    assert found["report"]["supported"]["users"] == 40


def test_a_generator_at_its_limit_says_nothing_of_the_system(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    course = [Second(rate=min(users / 0.6, 100), users=users) for users in range(10, 160, 10) for _ in range(20)]
    found = told(capsys, tape(tmp_path, course))[1]["report"]

    assert (found["supported"]["users"], found["supported"]["at_least"]) == (pytest.approx(60, rel=0.1), True)
    assert found["gave_way_says"].startswith("the generator gave way")
    assert found["standing"]["reasons"] == ["the generator was the limit: what the system carries is not known"]
    assert found["recommendations"] == ["test again with more or larger generators: this one was the limit"]
    assert "the generator is late" in found["result"]["little"]


def test_too_few_levels_tell_nothing_of_a_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, page = told(capsys, tape(tmp_path, steps(10, 20, seconds=60)))

    assert code == ExitCode.HEALTHY
    assert page["report"]["gave_way_says"].startswith("what gives way first can't be told: 2 levels of users seen")
    assert page["report"]["recommendations"][0].startswith("to find the limit, raise the users in steps")


def test_an_abort_fails_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, page = told(capsys, tape(tmp_path, [*steps(10, 20, 30), *[Second(failing=0.4, users=40)] * 30]))

    assert (code, page["report"]["standing"]["risk"]) == (ExitCode.CRITICAL, "HIGH")
    assert "abort the load test" in page["report"]["standing"]["reasons"][0]
    assert page["report"]["result"]["levels"][-1]["error_ratio"] == pytest.approx(0.4)


def test_percentiles_of_all_are_merged_never_averaged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    course = [*[Second(rate=100, latency_s=0.1)] * 100, *[Second(rate=3, latency_s=2.0)] * 100]
    times = told(capsys, tape(tmp_path, course))[1]["report"]["result"]["times"]

    assert times["p95_s"] == pytest.approx(0.1, rel=0.02)
    assert times["p99_s"] == pytest.approx(2.0, rel=0.02)
    assert (times["spread"], times["hockey_stick"]) == ("high", True)


def test_locust_tells_a_knee_but_no_percentiles_of_the_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = Header(format=FORMAT, program="0", started_at=STARTED_AT, machine=MACHINE)
    frames, results, times_s = [], 0, 0.0
    for second, seen in enumerate(steps(*UP)):
        results, times_s = results + round(seen.rate), times_s + round(seen.rate) * seen.latency_s
        now = Told(requests_per_s=seen.rate, failures_per_s=0.0, times_total_s=times_s, p50_s=seen.latency_s)
        sample = LoadSample(
            mono=float(second), tool="locust", feed="g", users=seen.users, results_total=results, told=now, age_s=0.0
        )
        frames.append(Frame(seq=second, at=STARTED_AT + second, mono=float(second), samples={"load": sample}))
    path = tmp_path / "locust.ptape"
    path.write_bytes(b"\n".join([encode_header(header), *map(encode_frame, frames), b""]))
    found = told(capsys, path)[1]["report"]

    assert (found["result"]["knee"]["state"], found["result"]["knee"]["limited_by"]) == ("found", "system")
    assert found["result"]["knee"]["requests_per_s"] == pytest.approx(80, rel=0.2)
    assert found["result"]["times"]["p95_s"] is None
    assert "think time" in found["result"]["little"]
    assert any("percentiles of its own" in each for each in found["missing"])


def test_growth_is_of_the_steady_phase(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ramp = [Second(users=count) for count in range(2, 50, 2)]
    steady = [Second(latency_s=0.1 * (1 + second / 300)) for second in range(200)]
    found = told(capsys, tape(tmp_path, [*ramp, *steady]))[1]["report"]["result"]
    grown = {each["reading"]: each for each in found["grown"]}

    assert 150 <= found["steady_s"] <= 200
    assert grown["load.p95_s"]["state"] == "leak"
    assert grown["pool.in_use"]["state"] == "insufficient_data"


def test_gaps_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    course = [*enumerate(steps(10, 20)), *((60 + place, Second(age_s=8.0)) for place in range(5))]
    path = kept_tape(tmp_path / "gaps.ptape", course)
    missing = told(capsys, path)[1]["report"]["missing"]

    assert any("1 hole, 21 s together" in each for each in missing)
    assert any("told nothing at 5 ticks" in each for each in missing)


def test_what_was_marked_within_stands_in_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = Header(format=FORMAT, program="0", started_at=STARTED_AT, machine=MACHINE)
    frames = [
        Frame(
            seq=second,
            at=STARTED_AT + second,
            mono=float(second),
            samples={"load": load_sample(second, seen)},
            marks=(Mark(at=STARTED_AT + second, text="cache flushed"),) if second == 30 else (),
        )
        for second, seen in enumerate(steps(*UP))
    ]
    path = tmp_path / "marked.ptape"
    path.write_bytes(b"\n".join([encode_header(header), *map(encode_frame, frames), b""]))
    main(["load", "report", str(path), "--kind", "technical"])

    assert "- 10:42:07Z mark: cache flushed" in capsys.readouterr().out


def test_parts_of_one_test_are_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    course = list(enumerate(steps(*UP)))
    one, two = kept_tape(tmp_path / "1.ptape", course[:90]), kept_tape(tmp_path / "2.ptape", course[90:])
    page = told(capsys, two, one)[1]

    assert page["report"]["result"]["knee"]["state"] == "found"
    assert page["report"]["missing"] == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["cpu-hog.ptape"], ExitCode.UNKNOWN, "no load test is on the tape"),
        (["load-knee.ptape", "cpu-hog.ptape", "--cost-per-hour", "0"], ExitCode.USAGE, "above 0"),
        (["no.ptape"], ExitCode.USAGE, "no.ptape"),
        (["load-knee.ptape", "--cost-per-hour", "much"], ExitCode.USAGE, "much: expected what an hour costs"),
        (["load-knee.ptape", "--budget", "none"], ExitCode.USAGE, "no such budget file"),
    ],
)
def test_mistakes_are_one_line(words: list[str], code: ExitCode, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    tapes = [str(KNEE.parent / word) if word.endswith("ptape") else word for word in words]

    assert main(["load", "report", *tapes]) == code
    assert says in capsys.readouterr().err
