"""perftui playbook: what it prints and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perftui.commands import main
from perftui.commands.playbook import ACTIONS
from perftui.model.exit_code import ExitCode
from perftui.playbooks.trust import shipped_folder
from tests.playbooks.shelf import text

SHIPPED = sorted(path.stem for path in shipped_folder().glob("*.yaml"))


@pytest.fixture(autouse=True)
def no_own_playbooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "team"
    made.mkdir()
    (made / "sample.yaml").write_text(
        text("- {id: s, title: T, check: host.cpu.busy < 85%}\n- {id: t, title: T, say: x}")
    )
    return made


def test_without_an_action_it_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playbook"]) == ExitCode.HEALTHY

    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == SHIPPED


def test_list_as_json(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert main(["playbook", "list", "--json", "--dir", str(folder)]) == ExitCode.HEALTHY

    listed = {each["id"]: each for each in json.loads(capsys.readouterr().out)}
    assert set(listed) == {*SHIPPED, "sample"}
    assert listed["triage-60s"]["origin"] == "shipped" and listed["triage-60s"]["reviewed"] == "2026-11-22"
    assert listed["sample"]["origin"] == str(folder) and listed["sample"]["problem"] is None


def test_list_tells_what_was_changed_after_its_review(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    path = folder / "sample.yaml"
    path.write_text(path.read_text().replace("steps:", "reviewed_hash: new\nsteps:", 1))
    main(["playbook", "lint", str(path)])
    right = capsys.readouterr().out.rpartition("reviewed_hash: ")[2][:12]
    path.write_text(path.read_text().replace("reviewed_hash: new", f"reviewed_hash: {right}\nreview_every: 90d"))

    def listed() -> str:
        main(["playbook", "list", "--dir", str(folder)])
        return next(line for line in capsys.readouterr().out.splitlines() if line.startswith("sample"))

    assert "  reviewed 2026-" in listed()
    path.write_text(path.read_text() + "# tried in the night\n")
    assert "  changed since 2026-" in listed()


def test_list_warns_of_what_it_can_not_use(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "broken.yaml").write_text("id: [")
    assert main(["playbook", "list", "--dir", str(folder)]) == ExitCode.WARNING
    assert "can not be used" in capsys.readouterr().out

    folder.chmod(0o777)
    assert main(["playbook", "list", "--dir", str(folder)]) == ExitCode.WARNING
    assert "others can write to it" in capsys.readouterr().err


def test_lint_points_at_the_mistake(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    path = folder / "sample.yaml"
    assert main(["playbook", "lint", str(path)]) == ExitCode.USAGE
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{path}:7:30: host.cpu.busy is no reading; did you mean host.cpu.busy_ratio")
    assert printed.err == "1 playbook: 1 mistake, no warning\n"

    assert main(["playbook", "lint", "--json", str(path)]) == ExitCode.USAGE
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["line"], told["column"], told["warning"]) == (7, 30, False)


def test_lint_of_all_shipped_has_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playbook", "lint"]) in (ExitCode.HEALTHY, ExitCode.WARNING)
    assert main(["playbook", "lint", "triage-60s"]) == ExitCode.HEALTHY


def test_show_tells_what_it_does_and_json_is_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playbook", "show", "pool-exhaustion"]) == ExitCode.HEALTHY
    shown = capsys.readouterr().out
    assert "t.pool = 80% S002 35.3.3" in shown
    assert "!  end_it  Terminate it" in shown
    assert "[s] Check slow queries → playbook db-slow-query-spike" in shown
    assert max(map(len, shown.splitlines())) <= 130

    assert main(["playbook", "show", "pool-exhaustion", "--json"]) == ExitCode.HEALTHY
    document = json.loads(capsys.readouterr().out)
    assert document["playbook"]["thresholds"]["pool"] == {"value": "80%", "source": "S002 35.3.3"}
    assert document["stale"] in (True, False)


def test_plan_tells_what_is_missing_and_ends_as_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playbook", "plan", "triage-60s"]) == ExitCode.HEALTHY
    capsys.readouterr()

    assert main(["playbook", "plan", "incident-response", "--var", "service=orders", "--json"]) == ExitCode.UNKNOWN
    planned = json.loads(capsys.readouterr().out)
    assert planned["inputs"][0] == {
        "name": "service", "type": "name", "value": "orders", "source": "given", "prompt": "Which service?",
    }  # fmt: skip
    assert planned["steps"][1]["effect"] == "read" and planned["missing"]


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playbook", "schema"]) == ExitCode.HEALTHY

    made = json.loads(capsys.readouterr().out)
    assert "apiVersion" in made["required"] and "Step" in made["$defs"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["show"], "the following arguments are required: PLAYBOOK"),
        (["show", "triage-60"], "no playbook 'triage-60'; did you mean triage-60s?"),
        (["show", "/nowhere/x.yaml"], "/nowhere: no such file or directory"),
        (["plan", "triage-60s", "--var", "x"], "--var x: write NAME=VALUE"),
        (["plan", "triage-60s", "--var", "x=1"], "triage-60s has no such input"),
        (["run", "perf-gate", "--var", "resluts=/tmp/run.json"], "perf-gate has no such input; did you mean results"),
        (["run", "triage-60s", "--baseline", "nowhere"], "nowhere: no such baseline; perftui baseline list shows them"),
        (["list", "--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playbook", *arguments]) == ExitCode.USAGE

    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_a_file_with_mistakes_of_shape_tells_all_of_them(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "sample.yaml").write_text(text("- {id: s, say: x}\n- {id: t, title: T}"))

    assert main(["playbook", "show", "sample", "--dir", str(folder)]) == ExitCode.USAGE

    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("sample.yaml: 2 mistakes")
    assert [line.split(":")[1] for line in lines[1:]] == ["7", "8"]


def test_every_action_has_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["playbook", "--help"])

    told = capsys.readouterr().out
    assert all(action in told for action in ACTIONS)
