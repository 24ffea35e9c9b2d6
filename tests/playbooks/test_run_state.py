"""Where a run goes, told by its journal alone."""

from __future__ import annotations

from typing import Any

import pytest

from perftui.playbooks.journal import Event
from perftui.playbooks.run.actions import Answer, Begin, actions
from perftui.playbooks.run.fold import folded
from perftui.playbooks.run.state import Status, open_undos
from tests.playbooks.runs import Driven, book
from tests.playbooks.shelf import text

THREE = """
- {id: a, title: A, check: host.cpu.busy_ratio < 90%}
- {id: b, title: B, run: [echo, b], effect: read}
- {id: c, title: C, say: Look}
"""
BRANCH = """
- id: split
  title: Which?
  branch:
    - {if: host.cpu.busy_ratio > 85%, goto: cpu}
    - if: host.memory.used_ratio > 90%
      steps: [{id: inner, title: I, say: Do}]
    - {if: host.swap.used_bytes > 1GiB, steps: [{id: then, title: T, say: Do}], goto: last}
    - {if: host.load.avg1 > 9, use: other}
    - {else: last}
    - {unknown: cpu}
- {id: cpu, title: C, say: CPU}
- {id: last, title: L, say: Last}
"""
OTHER = text("- {id: only, title: O, say: Other}").replace("id: sample", "id: other")


def test_steps_follow_each_other_and_the_run_ends() -> None:
    driven = Driven(book(text(THREE)))

    assert driven.run() == ["a", "b", "c"]
    assert driven.state.closed
    assert {path: ended.value for path, ended in driven.state.ended.items()} == {
        "a": "passed",
        "b": "passed",
        "c": "passed",
    }


@pytest.mark.parametrize(
    ("arm", "trail"),
    [
        (0, ["split", "cpu", "last"]),
        (1, ["split", "split/inner", "cpu", "last"]),
        (2, ["split", "split/then", "last"]),
        (3, ["split", "split/only", "cpu", "last"]),
        (4, ["split", "last"]),
        (5, ["split", "cpu", "last"]),
    ],
)
def test_a_branch_goes_where_its_arm_leads(arm: int, trail: list[str]) -> None:
    assert Driven(book(text(BRANCH), other=OTHER), {"split": arm}).run() == trail


def test_a_choice_leads_to_a_step_to_steps_or_to_another_playbook_and_back() -> None:
    steps = """
- id: pick
  title: P
  choose:
    - {key: a, label: A, goto: last}
    - {key: b, label: B, use: other}
    - {key: c, label: C, steps: [{id: deep, title: D, say: Deep}]}
- {id: middle, title: M, say: Middle}
- {id: last, title: L, say: Last}
"""
    for key, trail in (
        ("a", ["pick", "last"]),
        ("b", ["pick", "pick/only", "middle", "last"]),
        ("c", ["pick", "pick/deep", "middle", "last"]),
    ):
        driven = Driven(book(text(steps), other=OTHER), {"pick": key})
        assert driven.run() == trail
        assert driven.state.scopes[""].steps["pick"]["choice"] == key


def test_another_playbook_has_names_of_its_own() -> None:
    driven = Driven(book(text("- {id: go, title: G, use: other}\n- {id: only, title: O, say: Mine}"), other=OTHER))
    driven.run(until=lambda state: len(state.frames) == 2 and state.frames[-1].scope != "")

    assert driven.state.scopes["go#1"].playbook == "other"
    driven.run()
    assert driven.trail == ["go", "go/only", "only"]
    assert "only" in driven.state.scopes["go#1"].steps
    assert driven.state.ended["go"] == "passed"


def test_each_row_is_gone_through_one_at_a_time_under_a_name_of_its_own() -> None:
    steps = """
- {id: list, title: L, sql: select 1, capture: {as: found, parse: table}}
- id: each
  title: E
  for_each:
    rows: steps.list
    as: row
    steps:
      - {id: end, title: End, effect: change, target: "x", run: [true], undo: {say: Start it again}}
- {id: last, title: L, say: Last}
"""
    driven = Driven(book(text(steps)), rows=[{"pid": 1}, {"pid": 2}, {"pid": 3}])

    assert driven.run() == ["list", "each", "each[1]/end", "each[2]/end", "each[3]/end", "last"]
    assert driven.state.scopes[""].vars["row"] == {"pid": 3}
    assert driven.state.scopes[""].steps["each"]["done"] == 3
    assert [undo.key for undo in open_undos(driven.state)] == ["each[3]/end", "each[2]/end", "each[1]/end"]


def test_no_row_is_no_round() -> None:
    steps = """
- {id: list, title: L, sql: select 1, capture: {as: found, parse: table}}
- {id: each, title: E, for_each: {rows: steps.list, as: row, steps: [{id: end, title: End, say: x}]}}
"""
    assert Driven(book(text(steps)), rows=[]).run() == ["list", "each"]


def test_a_loop_repeats_until_a_row_is_picked() -> None:
    steps = """
- id: look
  title: Look
  repeat:
    every: 1s
    steps: [{id: list, title: L, sql: select 1, capture: {as: found, parse: table}}]
    pick: {victim: {type: row, from: steps.list, key: [pid]}}
- {id: last, title: L, say: Last}
"""
    driven = Driven(book(text(steps)), {"look.pick": [None, None, {"pid": 7}]})

    assert driven.run() == ["look", "look/list", "look/list", "look/list", "last"]
    assert driven.state.scopes[""].vars["victim"] == {"pid": 7}


PARALLEL = """
- id: all
  title: All
  on_fail: ON_FAIL
  parallel:
    max: 2
    steps:
      - {id: one, title: One, collect: top}
      - {id: two, title: Two, collect: net}
      - {id: three, title: Three, collect: disk, on_fail: continue}
- {id: last, title: L, say: Last}
"""


def test_children_begin_at_most_so_many_at_once_and_all_are_waited_for() -> None:
    driven = Driven(book(text(PARALLEL.replace("ON_FAIL", "stop"))))
    driven.run(until=lambda state: state.status is Status.STARTED)

    assert [action.path for action in actions(driven.state)] == ["all/one", "all/two"]  # type: ignore[union-attr]
    driven.put(Event.STEP_INTENT, "all/one", 1)
    driven.put(Event.STEP_INTENT, "all/two", 1)
    assert [type(action).__name__ for action in actions(driven.state)] == ["Execute", "Execute"]
    driven.put(Event.STEP_OUTCOME, "all/two", 1, state="passed")
    assert [action.path for action in actions(driven.state)] == ["all/three", "all/one"]  # type: ignore[union-attr]
    driven.run()
    assert driven.state.ended["all"] == "passed"
    assert driven.state.scopes[""].steps["two"]["state"] == "passed"


@pytest.mark.parametrize(("failing", "last"), [("all/one", False), ("all/three", True)])
def test_a_failed_child_fails_them_all_unless_it_may(failing: str, last: bool) -> None:
    driven = Driven(book(text(PARALLEL.replace("ON_FAIL", "stop"))), {failing: "failed:broken"})

    assert ("last" in driven.run()) is last


FAILING = """
- {id: a, title: A, run: [false], effect: EFFECT, target: x, undo: {say: x}, on_fail: ON_FAIL, RETRY}
- {id: b, title: B, say: B}
- {id: c, title: C, say: C}
"""


def failing(on_fail: str, effect: str = "read", retry: str = "why: x") -> str:
    return text(FAILING.replace("ON_FAIL", on_fail).replace("EFFECT", effect).replace("RETRY", retry))


@pytest.mark.parametrize(
    ("on_fail", "trail", "stopped"),
    [
        ("continue", ["a", "b", "c"], ""),
        ("stop", ["a"], "A: it broke"),
        ('"goto:c"', ["a", "c"], ""),
        ("ask", ["a", "b", "c"], ""),
    ],
)
def test_what_a_failure_leads_to(on_fail: str, trail: list[str], stopped: str) -> None:
    driven = Driven(book(failing(on_fail)), {"a": "failed:it broke"})

    assert driven.run() == trail
    assert driven.state.stopped == stopped


def test_unknown_passes_nothing() -> None:
    assert Driven(book(failing("stop")), {"a": "unknown:not known: x"}).run() == ["a"]


@pytest.mark.parametrize(("effect", "attempts"), [("read", 3), ("change", 1)])
def test_only_what_is_harmless_is_tried_again_by_itself(effect: str, attempts: int) -> None:
    driven = Driven(book(failing("continue", effect, "retry: {times: 2, every: 1s}")), {"a": "failed:no"})

    assert driven.run() == ["a"] * attempts + ["b", "c"]
    assert driven.state.scopes[""].steps["a"]["attempts"] == attempts


def test_the_operator_tries_again_or_ends_the_run() -> None:
    again = Driven(book(failing("ask")), {"a": ["failed:no", "passed"], "a?": ["retry"]})
    assert again.run() == ["a", "a", "b", "c"]

    ended = Driven(book(failing("ask")), {"a": "failed:no", "a?": "stop"})
    assert ended.run() == ["a"]
    assert ended.state.stopped == "stopped by the operator"


FINALLY = text(THREE) + "finally:\n  - {id: after, title: After, collect: top}\n"


@pytest.mark.parametrize("answers", [{}, {"b": "failed:no", "b?": "stop"}, {"finally/after": "failed:no"}])
def test_the_last_steps_run_whatever_happened(answers: dict[str, Any]) -> None:
    driven = Driven(book(FINALLY), answers)

    assert driven.run()[-1] == "finally/after"
    assert driven.state.closed


CHANGE = text(
    """
- {id: a, title: A, say: A}
- {id: change, title: C, run: [systemctl, restart, x], effect: change, target: x, undo: {say: Look after it}}
- {id: z, title: Z, say: Z}
"""
)


@pytest.mark.parametrize(
    ("undo", "stands"),
    [
        ("{say: Look after it}", True),
        ("{say: Note the time}", True),
        ("{run: [back], effect: read}", True),
        ("{say: none}", False),
        ('{say: "No undo: it is gone."}', False),
        ("{say: no undo is needed}", False),
    ],
)
def test_an_undo_that_says_that_there_is_none_does_not_stand(undo: str, stands: bool) -> None:
    driven = Driven(book(CHANGE.replace("{say: Look after it}", undo)))

    assert "change" in driven.run()
    assert bool(open_undos(driven.state)) is stands


@pytest.mark.parametrize(
    ("answer", "ended", "undos"),
    [("done", "passed", 1), ("not_done", None, 0)],
)
def test_a_change_that_was_cut_off_is_asked_about_and_never_done_again_by_itself(
    answer: str, ended: str | None, undos: int
) -> None:
    driven = Driven(book(CHANGE))
    driven.run(until=lambda state: state.status is Status.STARTED and "change" in state.visits)
    driven.put(Event.RUN_RESUMED)

    (asked,) = actions(driven.state)
    assert isinstance(asked, Answer) and asked.about == "indeterminate"
    driven.put(Event.CHOICE, "change", key=answer)

    assert driven.state.ended.get("change") == ended
    assert len(driven.state.undos) == undos
    (following,) = actions(driven.state)
    assert isinstance(following, Begin if ended else Answer)
    assert driven.trail.count("change") == 1


@pytest.mark.parametrize(("step", "again"), [("{id: s, title: S, collect: top}", True), ("{id: s, title: S, say: Do}", True),
    ("{id: s, title: S, run: [x], effect: change, target: x, undo: {say: x}, idempotent: true}", True),
    ("{id: s, title: S, run: [x]}", False)])  # fmt: skip
def test_what_was_cut_off_and_can_do_no_harm_is_done_again(step: str, again: bool) -> None:
    driven = Driven(book(text(f"- {step}")))
    driven.run(until=lambda state: state.status is Status.STARTED)
    driven.put(Event.RUN_RESUMED)

    (following,) = actions(driven.state)
    assert isinstance(following, Begin) is again
    if isinstance(following, Begin):
        assert following.attempt == 2


def test_the_state_at_every_entry_is_the_fold_of_the_entries_so_far() -> None:
    for driven in (
        Driven(book(text(BRANCH), other=OTHER), {"split": 3}),
        Driven(book(text(PARALLEL.replace("ON_FAIL", "stop")))),
        Driven(book(FINALLY), {"b": "failed:no", "b?": "stop"}),
        Driven(book(CHANGE)),
    ):
        driven.run()
        for count in range(len(driven.entries) + 1):
            state = folded(driven.book, driven.entries[:count])
            assert state.closed == (count == len(driven.entries))


def test_an_undo_is_offered_started_and_done_beside_the_steps() -> None:
    driven = Driven(book(CHANGE))
    driven.run(until=lambda state: bool(state.undos))
    at_hand = actions(driven.state)

    told = []
    for ev, path in ((Event.STEP_INTENT, "undo:change"), (Event.RUN_RESUMED, None), (Event.UNDO_DONE, "change")):
        driven.put(ev, path, 1, state="done")
        told.append(driven.state.undos[0].state)

    assert told == ["started", "indeterminate", "done"]
    assert not open_undos(driven.state)
    assert actions(driven.state) == at_hand


def test_an_event_of_a_newer_version_changes_nothing() -> None:
    driven = Driven(book(CHANGE))
    before = driven.state
    driven.put("moon.phase", "a")

    assert driven.state is before
