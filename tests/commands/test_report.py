"""perftui report: real runs of the real runner on this host, killed, resumed, changed; tapes; and where the report goes."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perftui.commands import main
from perftui.model.exit_code import ExitCode
from perftui.playbooks.journal import Event, read
from tests.pipeline.playbook.test_killed import sitting
from tests.playbooks.shelf import text

TAPES = Path(__file__).parents[1] / "tapes"
HOSTILE = "<script>alert(1)</script>"
STEPS = f"""
- {{id: base, title: Baseline, collect: {{kind: baseline, name: before, metrics: [host.cpu.busy_ratio], window: 10s}}}}
- id: look
  title: Look {HOSTILE}
  run: [printf, '\\033[31m{HOSTILE}\\nPGPASSWORD=hunter2\\n']
  effect: read
  timeout: 5s
  assess: [{{if: host.memory.used_ratio < 101%, verdict: confirmed, cause: writer, say: it writes}}]
- id: change
  title: Stop it
  run: [echo, stopped]
  effect: change
  timeout: 5s
  target: writer
  undo: {{effect: change, target: back, run: [echo, started]}}
- {{id: settle, title: Settle, watch: {{for: 1s}}}}
- {{id: cmp, title: Did it help, compare: {{baseline: before, metrics: [host.cpu.busy_ratio], after: 10s}}}}
- {{id: tell, title: Tell, say: Tell the channel}}
"""


@pytest.fixture(scope="module")
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with one run that came to its end."""
    folder = tmp_path_factory.mktemp("report")
    file = folder / "sample.yaml"
    file.write_text(text(STEPS, "follow_up: [Give it a quota]\n"))
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    words = ["playbook", "run", str(file), "--allow", "change", "--sha256", sha]
    done = subprocess.run(
        [sys.executable, "-m", "perftui", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
    )
    assert done.returncode == ExitCode.HEALTHY, done.stdout + done.stderr
    return folder


@pytest.fixture(autouse=True)
def home(state_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(state_home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(state_home))
    return state_home


def folder_of(home: Path) -> Path:
    (found,) = (home / "perftui" / "runs").iterdir()
    return found


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(["report", *words]) == ExitCode.HEALTHY
    return capsys.readouterr().out


def as_json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(capsys, *words, "--format", "json"))
    return found


def test_a_real_run_is_told_from_its_journal(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    made = as_json(capsys, folder_of(home).name)
    report = made["report"]

    assert (report["open"], report["result"], report["lines"] > 15) == (False, "finished", True)
    assert [(each["cause"], each["verdict"]) for each in report["board"]] == [("writer", "confirmed")]
    (change,) = report["changes"]
    assert (change["state"], change["key"], change["undo"]) == ("passed", "allow", "kept")
    assert change["undo_does"] == ["$ echo started"]
    (compared,) = report["comparisons"]
    assert compared["reading"] == "host.cpu.busy_ratio" and compared["spread_after"]["n"] >= 1
    assert "host.cpu.busy_ratio" in [each["reading"] for each in report["series"]]
    assert {each["state"] for each in report["evidence"]} == {"verified"}
    assert report["problems"] == [] and report["follow_up"] == ["Give it a quota"]
    assert report["perftui"] and report["judged_first"]["severity"] in ("info", "warning", "critical")


def test_it_is_found_by_the_beginning_of_its_name_and_by_its_path(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    folder = folder_of(home)
    whole = told(capsys, folder.name)

    assert (
        told(capsys, folder.name[:8])
        == told(capsys, str(folder))
        == told(capsys, str(folder / "journal.jsonl"))
        == whole
    )
    listed = told(capsys)
    assert listed.startswith(f"{folder.name}  closed  ") and listed.count("\n") == 1


@pytest.mark.parametrize("template", ["incident", "executive", "technical", "audit", "handoff"])
def test_what_a_step_wrote_stays_text_and_its_secrets_stay_out(
    capsys: pytest.CaptureFixture[str], home: Path, template: str
) -> None:
    name = folder_of(home).name
    page = told(capsys, name, "--template", template, "--format", "html")
    plain = told(capsys, name, "--template", template)

    assert HOSTILE not in page
    assert "&lt;script&gt;" in page or template in ("executive", "handoff")
    for made in (page, plain):
        assert "hunter2" not in made and "\x1b" not in made
    assert HOSTILE not in plain or template == "handoff"


def test_the_written_file_is_ours_alone_and_never_over_another(
    capsys: pytest.CaptureFixture[str], home: Path, tmp_path: Path
) -> None:
    name, file = folder_of(home).name, tmp_path / "report.html"
    assert told(capsys, name, "-o", str(file)) == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and file.read_text().startswith("<!DOCTYPE html>")

    file.write_text("mine")
    assert main(["report", name, "-o", str(file)]) == ExitCode.USAGE
    assert capsys.readouterr().err.endswith("report.html: is there already; --force replaces it\n")
    assert file.read_text() == "mine"
    assert main(["report", name, "-o", str(file), "--force"]) == ExitCode.HEALTHY
    assert file.read_text().startswith("<!DOCTYPE html>")
    assert os.listdir(tmp_path) == ["report.html"]


def test_what_is_no_plain_file_is_never_replaced(
    capsys: pytest.CaptureFixture[str], home: Path, tmp_path: Path
) -> None:
    name, link = folder_of(home).name, tmp_path / "link.md"
    link.symlink_to(tmp_path / "aim.md")
    os.mkfifo(tmp_path / "fifo.md")
    (tmp_path / "folder.md").mkdir()

    for each in ("link.md", "fifo.md", "folder.md"):
        assert main(["report", name, "-o", str(tmp_path / each), "--force"]) == ExitCode.USAGE
        assert "it is no plain file" in capsys.readouterr().err
    assert link.is_symlink() and not (tmp_path / "aim.md").exists()
    assert main(["report", name, "-o", str(tmp_path / "nowhere" / "x.md")]) == ExitCode.USAGE
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing-of-it"], "nothing-of-it: no run and no tape of that name; perftui report lists the runs"),
        ([str(TAPES / "disk-fill.ptape"), "--template", "audit"], "is a tape; --template is for runs"),
        (["x", "--template", "novel"], "invalid choice: 'novel'"),
        ([str(TAPES / "README.md")], "README.md"),
        ([str(TAPES)], "no run and no tape of that name"),
    ],
)
def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["report", *words]) == ExitCode.USAGE

    printed = capsys.readouterr()
    assert said in printed.err and printed.err.count("\n") == 1 and not printed.out


def test_html_does_not_go_to_a_terminal(
    capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert main(["report", folder_of(home).name, "--format", "html"]) == ExitCode.USAGE
    assert "add -o report.html" in capsys.readouterr().err


def test_html_and_json_are_utf_8_whatever_the_terminal_speaks(home: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "perftui",
        "report",
        folder_of(home).name,
        "--template",
        "handoff",
        "--format",
        "html",
    ]
    done = subprocess.run(words, capture_output=True, timeout=60, env={**os.environ, "PYTHONIOENCODING": "latin-1"})

    assert "─" * 80 in done.stdout.decode("utf-8")


def test_several_runs_of_one_beginning_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("20260101-a", "20260101-b"):
        folder = tmp_path / "perftui" / "runs" / name
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").write_bytes((folder_of(home) / "journal.jsonl").read_bytes())
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert main(["report", "2026"]) == ExitCode.USAGE
    assert "2 runs begin with 2026: 20260101-b, 20260101-a; write more of it" in capsys.readouterr().err


def test_a_run_that_was_killed_in_its_change_and_resumed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    assert sitting(whole, 0).returncode == 0
    run = whole / "state" / "runs" / "r1"
    entries = read((run / "journal.jsonl").read_bytes()).entries
    at = next(entry.seq for entry in entries if entry.step == "change" and entry.ev == Event.STEP_INTENT) + 1

    cut = tmp_path / "cut"
    cut.mkdir()
    assert sitting(cut, at).returncode == -9
    run = cut / "state" / "runs" / "r1"
    report = as_json(capsys, str(run))["report"]
    assert (report["open"], report["changes"][0]["state"]) == (True, "running")
    assert report["next_step"].startswith("Change (change, started")

    assert sitting(cut, 0).returncode == 0
    report = as_json(capsys, str(run))["report"]
    assert (report["open"], len(report["sittings"]), len(report["changes"])) == (False, 2, 2)
    assert [each["state"] for each in report["changes"]] == ["not done", "passed"]
    assert "it was cut off; ann looked and said so" in told(capsys, str(run))


def test_what_was_tampered_with_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Path) -> None:
    run = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(folder_of(home)), str(run)], check=True)
    journal, (piece, other, *_) = run / "journal.jsonl", sorted((run / "evidence").glob("*"))
    journal.write_bytes(journal.read_bytes().replace(b'"verdict":"confirmed"', b'"verdict":"cleared"', 1) + b'{"torn')
    piece.write_text("something else")
    other.unlink()
    other.symlink_to("/etc/passwd")
    (run / "playbook.yaml").write_text("id: [")

    problems = "\n".join(as_json(capsys, str(run))["report"]["problems"])
    for said in (
        "does not follow from the line before it",
        "the last line was cut",
        "copy of its playbook can't be read",
        f"evidence {piece.name[:12]} of",
        "was changed",
        f"evidence {other.name[:12]} of",
        "is missing",
    ):
        assert said in problems
    assert "This record is not whole" in told(capsys, str(run))

    journal.write_bytes(b"no line of ours\n")
    assert main(["report", str(journal)]) == ExitCode.USAGE


def test_a_run_that_was_kept_can_still_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    run = Path(__file__).parents[1] / "runs" / "orders-locked"
    report = as_json(capsys, str(run))["report"]

    assert report["problems"] == [] and {each["state"] for each in report["evidence"]} == {"verified"}
    assert next((each["cause"], each["verdict"]) for each in report["board"]) == ("open transaction", "confirmed")
    (waiting,) = [each["points"] for each in report["series"] if each["reading"] == "postgres.locks.waiting"]
    assert max(value or 0 for _, value in waiting) == 18
    assert "deploy: orders-batch 2.8.1" in told(capsys, str(run))


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_a_tape_is_told_over_its_time(capsys: pytest.CaptureFixture[str], form: str) -> None:
    made = told(capsys, str(TAPES / "swap-thrash.ptape"), "--format", form)

    for words in ("swap-thrash.ptape", "host.swapping", "led by python (pid 2498)", "host.swap.in_bytes_per_s"):
        assert words in made
    if form == "json":
        report = json.loads(made)["report"]
        assert [each["constraint"] for each in report["phases"]][:2] == ["healthy", "memory_bound"]
        assert all(each["severity"] in ("warning", "critical") and each["evidence"] for each in report["spells"])
