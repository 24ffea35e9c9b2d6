"""Keys in the panel of a run: what each does to what is typed and chosen, and what the run is told. Pure."""

from __future__ import annotations

import msgspec
import pytest

from perftui.pipeline.playbook.desk import Sitting
from perftui.pipeline.playbook.talk import Choice, Question, Reply
from perftui.playbooks.document import Var
from perftui.tui.run_keys import (
    CALM_S,
    Answered,
    HandOff,
    Noted,
    PutAway,
    StopWanted,
    Told,
    UndoWanted,
    choice,
    focused,
    panel_key,
    settled_panel,
)
from perftui.tui.state import PanelState
from tests.playbooks.runs import Driven
from tests.views.run_scenes import CONFIRM, WAY, asked, on, sitting

SAY = asked("look", about="say", choices=tuple(Choice(key=key, label=key) for key in "dsb"))
INPUTS = asked(
    "look",
    about="ask",
    inputs={"level": Var(type="choice", choices=("low", "high")), "since": Var(type="time")},
    proposals={"since": "now"},
)
ROWS = tuple({"pid": pid, "state": "idle"} for pid in (40, 41, 42))
PICK = asked(
    "look",
    about="pick",
    inputs={"victim": Var(type="row", key=("pid",))},
    rows=ROWS,
    choices=(Choice(key="r", label="read again"),),
)
STILL = sitting()
"""At the choice, with a change that stands."""


def panel(question: Question | None, run: Sitting = STILL) -> tuple[PanelState, Sitting]:
    run = msgspec.structs.replace(run, question=question)
    return settled_panel(PanelState(focus=True), run, 100.0), run


def pressed(
    question: Question | None, *keys: str, run: Sitting = STILL, now: float = 101.0
) -> tuple[PanelState, list[Told]]:
    state, run = panel(question, run)
    told = []
    for key in keys:
        state, tells, _ = panel_key(state, run, key, key if len(key) == 1 else " " if key == "space" else None, now)
        if tells is not None:
            told.append(tells)
    return state, told


@pytest.mark.parametrize(
    ("question", "keys", "told"),
    [
        (WAY, ["b"], [Answered(WAY, Reply(key="b"))]),
        (WAY, ["z"], []),
        (SAY, ["d"], [Answered(SAY, Reply(key="d"))]),
        (SAY, ["b", *"no key", "enter"], [Answered(SAY, Reply(key="b", note="no key"))]),
        (SAY, ["b", "escape", "s"], [Answered(SAY, Reply(key="s"))]),
        (CONFIRM, [*"off", "enter"], [Answered(CONFIRM, Reply(typed="off"))]),
        (CONFIRM, ["s"], []),
        (CONFIRM, ["escape", "s"], [Answered(CONFIRM, Reply(key="s"))]),
        (CONFIRM, ["escape", "enter", *"off", "enter"], [Answered(CONFIRM, Reply(typed="off"))]),
        (INPUTS, ["2", "enter", "enter"], [Answered(INPUTS, Reply(values={"level": "high", "since": "now"}))]),
        (
            INPUTS,
            [*"low", "down", "up", "down", "ctrl+u", *"-5m", "enter"],
            [Answered(INPUTS, Reply(values={"level": "low", "since": "-5m"}))],
        ),
        (PICK, ["down", "down", "down", "up", "enter"], [Answered(PICK, Reply(values={"victim": ROWS[1]}))]),
        (PICK, ["r"], [Answered(PICK, Reply(key="r"))]),
        (WAY, ["n", *"seen it", "enter"], [Noted("seen it")]),
        (WAY, ["n", "enter"], []),
        (WAY, ["X", *"end", "enter"], [StopWanted()]),
        (WAY, ["X", *"no", "enter"], []),
        (WAY, ["u"], [UndoWanted("off")]),
        (None, ["n", *"waiting", "enter"], [Noted("waiting")]),
        (WAY, ["h"], [HandOff()]),
    ],
)
def test_what_the_run_is_told(question: Question | None, keys: list[str], told: list[Told]) -> None:
    assert pressed(question, *("space" if key == " " else key for key in keys))[1] == told


def test_a_key_right_after_a_question_came_was_meant_for_the_one_before() -> None:
    assert pressed(SAY, "d", now=100.0 + CALM_S / 2)[1] == []
    assert pressed(SAY, "d", now=100.0 + CALM_S)[1] == [Answered(SAY, Reply(key="d"))]


def once_more(driven: Driven) -> None:
    """Round to the choice again, over the same change."""
    driven.put("step.intent", "way", 1)
    driven.put("choice", "way", 1, key="a")
    driven.run(on("way"))


def test_of_several_changes_one_is_named() -> None:
    two = sitting(more=once_more)
    state, told = pressed(WAY, "u", run=two)
    assert state.undoing and told == []

    assert pressed(WAY, "u", "2", run=two)[1] == [UndoWanted(two.view.state.undos[0].key)]
    assert pressed(WAY, "u", "escape", run=two) == (panel(WAY, two)[0], [])


@pytest.mark.parametrize("key", ["tab", "escape"])
def test_tab_and_escape_give_the_keys_back_to_the_panes(key: str) -> None:
    assert not pressed(WAY, key)[0].focus


def test_what_was_typed_into_inputs_is_there_when_the_focus_comes_back() -> None:
    state, _ = pressed(INPUTS, *"hi", "tab")
    assert not state.focus and state.edit is None

    back = choice(focused(state, True))
    assert back.typed is not None and (back.typed.label, back.typed.text) == ("level", "hi")


def test_keys_that_mean_nothing_here_are_the_panes() -> None:
    state, run = panel(WAY)
    assert panel_key(state, run, "5", "5", 101.0) == (state, None, False)
    assert panel_key(state, run, "q", "q", 101.0)[2] is False


def test_a_run_that_has_ended_is_put_away_by_enter() -> None:
    ended = sitting(ended="all steps passed")
    assert pressed(None, "d", "n", "enter", run=ended)[1] == [PutAway()]
    assert pressed(None, "h", run=ended)[1] == [HandOff()]


def test_another_question_begins_anew_and_the_same_one_asked_again_keeps_what_was_typed() -> None:
    state, run = panel(INPUTS)
    state, _, _ = panel_key(state, run, "x", "x", 101.0)
    wrong = msgspec.structs.replace(INPUTS, lines=("level: no",))
    again = settled_panel(state, msgspec.structs.replace(run, question=wrong), 105.0)
    assert again.texts["level"] == "x" and again.asked is wrong and again.asked_at == 100.0

    fresh = settled_panel(again, msgspec.structs.replace(run, question=WAY), 105.0)
    assert fresh == PanelState(focus=True, asked=WAY, asked_at=105.0)


def test_the_row_at_hand_stays_at_hand_when_the_table_is_read_again() -> None:
    state, run = panel(PICK)
    state, _, _ = panel_key(state, run, "down", None, 101.0)
    newer = msgspec.structs.replace(PICK, rows=({"pid": 39, "state": "idle"}, *ROWS))
    assert settled_panel(state, msgspec.structs.replace(run, question=newer), 105.0).row == 2
    gone = msgspec.structs.replace(PICK, rows=ROWS[2:])
    assert settled_panel(state, msgspec.structs.replace(run, question=gone), 105.0).row == 0


def test_a_note_being_typed_is_not_lost_when_the_next_question_comes() -> None:
    state, run = panel(None)
    state, _, _ = panel_key(state, run, "n", "n", 101.0)
    state, _, _ = panel_key(state, run, "h", "h", 101.0)
    moved = settled_panel(state, msgspec.structs.replace(run, question=CONFIRM), 102.0)

    assert moved.what == "note" and moved.edit is not None and moved.edit.text == "h"
    after, told, _ = panel_key(moved, msgspec.structs.replace(run, question=CONFIRM), "enter", None, 103.0)
    assert told == Noted("h") and after.what == "typed" and after.edit is not None
