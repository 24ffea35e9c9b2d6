"""What is told when a drill's console has ended: how long each step took, and what was left undone."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perftui.commands.drill_report import told_at_end
from perftui.drills import DRILLS
from perftui.drills.score import Result, Told
from perftui.model.finding import Constraint
from tests.views.scenes import STARTED_AT, host

DRILL = next(drill for drill in DRILLS if drill.name == "lock-chain")
BEGUN_AT = STARTED_AT + 10
RESULT = Result(
    drill=DRILL.name,
    right=True,
    expected=DRILL.rules,
    reason="",
    verdict=Told(
        after_s=6.0,
        constraint=Constraint.LOCK_BOUND,
        finding="pg.idle_in_transaction",
        chain=("pg.idle_in_transaction",),
        summary="14 backends wait for pid 7",
    ),
    symptom_s=1.0,
    verdict_s=5.0,
    within_s=10.0,
    alarms_before=(),
    alarms_beside=(),
    course=(),
)


ENDED = "it was right, and then another verdict took its place"


def told(folder: Path, marks: dict[int, str], result: Result = RESULT) -> str:
    return told_at_end(DRILL, result, BEGUN_AT, host(40, marks=marks), folder)


def test_the_right_act_has_its_time(tmp_path: Path) -> None:
    words = told(tmp_path, {5: "before the fault", 25: "terminated 7 back-office", 27: "told the team"})

    assert words.startswith(f"The drill was lock-chain: {DRILL.title}.")
    assert "      +6 s  verdict: LOCK BOUND  pg.idle_in_transaction  14 backends wait for pid 7" in words
    assert "     +15 s  done: terminated 7 back-office" in words
    assert "     +17 s  marked: told the team" in words
    assert "before the fault" not in words
    assert "Time to verdict: 5.0 s from the first sign." in words
    assert "Time to the right action: 15 s." in words
    assert "Nothing was missed." in words


def test_what_was_left_undone_is_told(tmp_path: Path) -> None:
    words = told(tmp_path, {})

    assert "Time to the right action: none was taken." in words
    missed = words.partition("Missed:")[2].partition("What mends it:")[0]
    assert "nobody acted: terminate or cancel was at hand" in missed
    assert "no mark (m)" in missed


@pytest.mark.parametrize(
    ("verdict_s", "reason", "missed"),
    [(5.0, ENDED, False), (None, "another verdict", True), (14.0, "14.0 s to the verdict, 10 s allowed", True)],
    ids=["mended by the operator", "never", "late"],
)
def test_what_we_missed_is_told_but_not_that_the_operator_mended_it(
    verdict_s: float | None, reason: str, missed: bool, tmp_path: Path
) -> None:
    result = msgspec.structs.replace(RESULT, right=False, verdict_s=verdict_s, reason=reason)

    assert (f"perftui itself: {reason}" in told(tmp_path, {25: "terminated 7"}, result)) == missed


@pytest.mark.parametrize("begun_at", [None, BEGUN_AT])
def test_a_console_left_before_the_fault_is_told_so(begun_at: float | None, tmp_path: Path) -> None:
    words = told_at_end(DRILL, RESULT, begun_at, None, tmp_path)

    assert words.endswith("It had not begun.")
