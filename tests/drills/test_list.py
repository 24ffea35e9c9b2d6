"""The list of drills: complete, told with reasons, and unknown to the rules."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from perftui.drills import DRILLS, kind, reason
from perftui.findings import RULES

ROOT = Path(__file__).parents[2]
WANTED = (
    *("cpu-hog", "cpu-throttle", "io-saturation", "swap-thrash", "memory-leak", "oom-kill", "disk-fill", "lock-chain"),
    *("idle-in-transaction", "slow-query", "n-plus-one", "temp-spill", "deadlocks", "too-many-clients"),
    *("pool-exhaustion", "pool-leak", "postgres-frozen", "postgres-restart", "bad-deploy", "slow-dependency"),
    *("expired-certificate", "replication-lag", "healthy", "two-at-once"),
)


def test_every_fault_that_was_asked_for_is_there_once() -> None:
    names = [drill.name for drill in DRILLS]

    assert len(names) == len(set(names))
    assert set(WANTED) - set(names) == set()


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.name)
def test_what_must_be_found_are_rules_with_a_class_that_they_give(drill: kind.Drill) -> None:
    known = {rule.name for rule in RULES}

    assert {*drill.rules, *drill.also} <= known
    assert drill.remedies
    assert drill.within_s <= 10 or drill.why


def test_no_rule_knows_a_drill() -> None:
    """Neither its name nor what its programs are called, nor where it lies."""
    told = re.compile(r"drill|back-office|month-end|newsletter|perftui-drill|\bpt_|crawler|dashboard")
    sources = [*(ROOT / "perftui" / "findings").glob("*.py"), *(ROOT / "perftui" / "history").glob("*.py")]

    assert [path.name for path in sources if told.search(path.read_text())] == []


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "perftui", "drill", *words], cwd=ROOT, capture_output=True, text=True)


def test_the_list_tells_each_with_what_it_does() -> None:
    told = run("list").stdout

    assert [drill.name for drill in DRILLS if drill.title not in told] == []
    rows = msgspec.json.decode(run("list", "--json").stdout)
    assert [row["name"] for row in rows] == [drill.name for drill in DRILLS]
    assert [row["problem"] for row in rows] == [reason(drill) for drill in DRILLS]


def test_what_can_not_run_here_says_why_and_is_neither_right_nor_wrong() -> None:
    program = """
import sys
from pathlib import Path
from perftui.drills import needs
needs.CGROUP = Path("/nonexistent")
from perftui.commands import main
sys.exit(main(["drill", "oom-kill", "--headless"]))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 3
    assert "drill oom-kill can't run here: " in done.stderr


def test_an_unknown_name_is_one_line() -> None:
    done = run("nonsense")

    assert done.returncode == 64
    assert done.stderr == "perftui: 'nonsense' is no drill; perftui drill list tells them\n"
