"""Each import contract holds, and each is seen to fail on a violation planted in a copy of the house."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent

VIOLATIONS = {
    "a room below imports one above": ("history/series.py", "import perftui.findings.rule", "Rooms import one way"),
    "two rooms side by side": ("sources/cpu.py", "import perftui.clients.clock", "Rooms import one way"),
    "screen and reports": ("tui/state.py", "import perftui.reports.text", "Rooms import one way"),
    "recording and playbooks": ("recording/codec.py", "import perftui.playbooks", "Rooms import one way"),
    "psutil outside clients": ("sources/cpu.py", "import psutil", "Only clients know asyncpg, psutil and httpx"),
    "asyncpg outside clients": ("commands/doctor.py", "import asyncpg", "Only clients know asyncpg, psutil and httpx"),
    "a client built in the pipeline": (
        "pipeline/feed.py",
        "import perftui.clients.clock",
        "Only commands and drills build clients",
    ),
    "Textual in a view": ("views/format.py", "import textual", "Textual, Rich and plotext only in tui and reports"),
    "plotext in a command": (
        "commands/doctor.py",
        "import plotext",
        "Textual, Rich and plotext only in tui and reports",
    ),
    "a rule that reads the clock": (
        "findings/swapping.py",
        "import time",
        "model, history, findings and views do no I/O",
    ),
    "a view that sleeps": ("views/format.py", "import asyncio", "model, history, findings and views do no I/O"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [program, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(PROJECT / "perftui", folder / "perftui", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", folder)
    return folder


def test_the_house_as_it_stands_keeps_every_contract(copy: Path) -> None:
    checked = lint(copy)

    assert checked.returncode == 0, checked.stdout
    assert "0 broken" in checked.stdout


@pytest.mark.parametrize(("file", "line", "contract"), VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_a_planted_violation_breaks_its_contract(copy: Path, file: str, line: str, contract: str) -> None:
    target = copy / "perftui" / file
    honest = target.read_text()
    target.write_text(f"{honest}\n\n{line}\n")
    try:
        checked = lint(copy)
    finally:
        target.write_text(honest)

    assert checked.returncode == 1, checked.stdout
    broken = [row for row in checked.stdout.splitlines() if row.endswith("BROKEN")]
    assert any(row.startswith(contract) for row in broken), checked.stdout
