"""A run is killed with SIGKILL at every line of its journal, and resumed: nothing is lost and nothing is done twice."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from perftui.playbooks.journal import Event, read
from tests.pipeline.playbook.killed_run import MARK

LINES = 23


def sitting(folder: Path, at: int, before: bool = False) -> subprocess.CompletedProcess[str]:
    words = [str(folder), str(at), "before" if before else "after"]
    command = [sys.executable, "-m", "tests.pipeline.playbook.killed_run", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def killed_and_resumed(folder: Path, at: int, before: bool) -> None:
    folder.mkdir()
    first = sitting(folder, at, before)
    assert first.returncode == -9, first.stderr
    second = sitting(folder, 0)
    assert second.returncode == 0, second.stderr

    journal = read((folder / "state" / "runs" / "r1" / "journal.jsonl").read_bytes())
    assert not journal.problems and not journal.torn
    assert journal.entries[-1].ev == Event.RUN_CLOSE
    assert (folder / MARK).read_text() == "done\n", "the change was made once, and once only"
    outcomes = [entry.step for entry in journal.entries if entry.ev == Event.STEP_OUTCOME]
    assert len(set(outcomes)) == len(outcomes), "no step that came to its end was done again"
    told = second.stdout.partition(" ")[2]
    for path in ("facts/one", "facts/two", "facts", "judge", "size", "change", "way", "last"):
        assert f"'{path}': 'passed'" in told
    assert any(entry.ev == Event.VERDICT for entry in journal.entries)
    assert [e.data["value"] for e in journal.entries if e.ev == Event.VAR_SET][-1] == 7


def test_killed_behind_every_line_and_before_the_lines_around_the_change(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    assert sitting(whole, 0).stdout.startswith(f"{LINES} ")
    moments = [(at, False) for at in range(1, LINES)] + [(at, True) for at in (1, 13, 14, 15, 16, 17, 18, LINES)]

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(killed_and_resumed, tmp_path / f"{at}{before}", at, before) for at, before in moments]:
            done.result()
