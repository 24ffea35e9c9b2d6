"""The panel of a run: what stands in it in each state, and that nothing is cut without a word."""

from __future__ import annotations

import pytest

from perftui.pipeline.playbook.talk import Question
from perftui.playbooks.conditions import Condition, Outcome
from perftui.playbooks.document import Var
from perftui.playbooks.run_folder import Durability
from perftui.playbooks.steps.world import Progress
from perftui.views.layout import length
from perftui.views.model import RunChoice, Typed
from perftui.views.playbook_question import command_keys
from perftui.views.playbook_run import run_panel, title, waiting_words
from perftui.views.playbook_waits import window
from tests.playbooks.runs import Driven
from tests.views.drawn import flat, text
from tests.views.run_scenes import CONFIRM, WAY, asked, at, on, sitting

FOCUS = RunChoice(focus=True)
HOLD = Condition.parse("host.cpu.busy_ratio < t.busy for 10s")
ROWS = tuple({"pid": pid, "started": f"10:{pid}", "state": "idle"} for pid in range(40, 50))
PICK = asked(
    "look", about="pick", inputs={"victim": Var(type="row", key=("pid", "started"), prompt="Pick one")}, rows=ROWS
)
INPUTS = asked(
    "look",
    about="ask",
    inputs={"size": Var(type="int", prompt="How many"), "key": Var(type="text", secret=True)},
    proposals={"size": "3"},
)


def drawn(
    question: Question | None = None, choice: RunChoice = FOCUS, width: int = 50, height: int = 30, **scene: object
) -> str:
    run = sitting(question=question, **scene)  # type: ignore[arg-type]
    return text(run_panel(run, choice, at(65), "", width, height))


def found(driven: Driven) -> None:
    driven.put("verdict", "look", cause="disk", verdict="suspect", say="It waits.")
    driven.put("verdict", "look", cause="cpu", verdict="cleared")
    driven.put("note", "look", text="seen")


def test_a_choice_has_its_keys_and_all_around_it_stays_in_sight() -> None:
    lines = drawn(WAY, more=found).splitlines()

    assert lines[:4] == ["Which way?", "  a On", "  b Off", "n note · u undo · h hand off · X end · Tab panes"]
    assert "▲ due: turn it on again (stands for 1m" in lines[4]
    words = "\n".join(lines)
    for wanted in (
        "△ suspect   disk  It waits.",
        "● cleared   cpu",
        "stands Turn it off for 1m",
        "mitigate · Roll back first.",
    ):
        assert wanted in words
    assert words.index("suspect") < words.index("cleared"), "the worst first"
    assert lines[-1].endswith("note: seen")


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (FOCUS, ["Enter to type it", "  s skip"]),
        (
            RunChoice(focus=True, typed=Typed(label="", text="of", cursor=2)),
            ["▸ of█", "Enter confirms · Esc no: then a key"],
        ),
        (RunChoice(), ["Tab comes here"]),
    ],
)
def test_a_change_shows_what_runs_why_and_how_it_is_taken_back(choice: RunChoice, wanted: list[str]) -> None:
    words = drawn(CONFIRM, choice, until=on("off"), expires_at=at(95).at)

    for line in (
        "A change. Type what it changes",
        "Turn it off",
        "$ touch x",
        "undo: $ rm x",
        "type exactly: off",
        "for 30 s more",
    ):
        assert line in words
    for line in wanted:
        assert line in words.splitlines()


def test_rows_to_pick_from_move_with_the_cursor_and_the_one_at_hand_stands_in_full() -> None:
    words = drawn(PICK, RunChoice(focus=True, row=7))

    assert "Pick one" in words and "▸ 47  idle" in words and "  46  idle" in words
    assert "40  idle" not in words and "row 8 of 10" in words
    assert "pid 47 · started 10:47 · state idle" in words


def test_inputs_show_what_they_take_and_never_a_secret() -> None:
    typed = Typed(label="key", text="s3", cursor=2, secret=True)
    words = drawn(INPUTS, RunChoice(focus=True, texts={"size": "3", "key": "s3"}, field=1, typed=typed))

    assert "  size: 3" in words and "key: ••█" in words and "s3" not in words
    assert "Enter answers · ↑ ↓ change one" in words
    assert "How many (a whole number)" in drawn(INPUTS, RunChoice(focus=True, texts={"size": "3"}))


def test_a_condition_shows_its_values_and_its_window_counts() -> None:
    progress = Progress(
        condition=HOLD, outcome=Outcome(truth=None, held_s=4.0, needed_s=10.0), waited_s=14.0, limit_s=120.0
    )
    words = drawn(None, until=on("hold"), progress={"hold": progress})

    assert "host.cpu.busy_ratio < t.busy for 10s" in words
    assert "t.busy 85%" in words and "held 4 of 10 s ▓▓▓▓░░░░░░" in words and "14 s of 2m00s" in words


@pytest.mark.parametrize(
    ("held_s", "needed_s", "words"),
    [
        (0, 10, "held 0 of 10 s ░░░░░░░░░░"),
        (12, 10, "held 10 of 10 s ▓▓▓▓▓▓▓▓▓▓"),
        (60, 300, "held 1m00s of 5m00s ▓▓░░░░░░░░"),
    ],
)
def test_a_window_counts_to_its_end_and_no_further(held_s: float, needed_s: float, words: str) -> None:
    assert flat(window(held_s, needed_s)) == words


def test_steps_side_by_side_each_tell_how_they_stand() -> None:
    def half(driven: Driven) -> None:
        driven.put("step.intent", "both", 1, title="Facts")
        driven.put("step.intent", "both/one", 1)

    words = drawn(None, until=on("both"), more=half)

    assert "▸ runs   First fact" in words and "  waits  Second fact" in words


def test_a_failed_check_shows_what_its_readings_are_now() -> None:
    words = drawn(asked("hold", about="failed", title="Failed: Hold", lines=("not so",)), until=on("hold"))

    assert "host.cpu.busy_ratio " in words and "t.busy 85%" in words


def test_what_is_not_on_the_disk_is_told_for_good_and_an_end_tells_where_it_is_kept() -> None:
    assert drawn(WAY, durability=Durability.SHARED).startswith("NOT DURABLE: the journal is in shared memory only")
    ended = drawn(None, ended="all steps passed")
    assert ended.startswith("The run has ended: all steps passed.\nkept in /state/runs/x\nEnter puts it away")


@pytest.mark.parametrize("height", [4, 6, 9, 14, 20])
@pytest.mark.parametrize("width", [30, 50, 76])
def test_where_there_is_little_room_the_answer_is_whole(width: int, height: int) -> None:
    run = sitting(question=CONFIRM, until=on("off"), more=found)
    lines = run_panel(run, FOCUS, at(65), "", width, height)

    assert len(lines) <= height and all(length(line) <= width for line in lines)
    words = text(lines)
    assert "type exactly: off" in words and "s skip" in words


def test_of_a_long_statement_it_tells_how_much_is_left_and_scrolls_through_it() -> None:
    long = asked("off", about="confirm", lines=tuple(f"line {n}" for n in range(30)), typed="off")

    lines = drawn(long, until=on("off"), height=18).splitlines()
    assert any(line.endswith("more") and line.startswith("line ") for line in lines)
    assert "type exactly: off" in lines
    assert "line 29" in drawn(long, RunChoice(focus=True, top=25), until=on("off"), height=18).splitlines()


def test_commands_give_way_to_the_keys_of_a_question() -> None:
    taken = asked(choices=(WAY.choices[0], *(type(WAY.choices[0])(key=key, label=key) for key in "nX")))

    assert command_keys(None) == {"note": "n", "undo": "u", "hand off": "h", "stop": "X"}
    assert command_keys(taken) == {"note": "N", "undo": "u", "hand off": "h", "stop": "x"}


def test_title_and_line_tell_where_the_run_stands() -> None:
    run = sitting(question=WAY)

    assert flat(title(run, at(65))) == "sample 5/5 · 1m05s · changes locked"
    assert waiting_words(run) == "sample 5/5 waits for you: Which way?"
    assert waiting_words(sitting(until=on("hold"))) == "sample 4/5: Hold"
    assert waiting_words(sitting(ended="all steps passed")) == "sample has ended: all steps passed"
