"""Hostile playbooks, values and outputs against the real runner and real programs: each point of the safety model."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from perftui.commands.playbook_tools import ClientTools
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.playbook.questions import CONFIRM_S
from perftui.pipeline.playbook.talk import Question, Reply
from perftui.pipeline.snapshot import Snapshot
from perftui.playbooks.run.result import exit_code
from perftui.playbooks.run.state import Ended
from tests.frames import MACHINE, cpu_frames
from tests.pipeline.playbook.sitting import Sitting


def yes(question: Question) -> Reply:
    """Agrees to everything as asked."""
    if question.about == "undo" and not question.path:
        return Reply(key="k")
    return Reply(key="y", typed=question.typed) if question.typed or question.about == "confirm" else Reply(key="d")


def given(value: str) -> object:
    def answer(question: Question) -> Reply:
        return Reply(values={"v": value}) if question.about == "ask" else yes(question)

    return answer


ECHO = """
- {id: ask, title: Ask, ask: {v: {type: TYPE, prompt: V}}}
- {id: say, title: Say, run: [echo, "${vars.v}"], effect: read, on_fail: continue, capture: {as: out, parse: text}}
"""


@pytest.mark.parametrize("value", ["; touch x", "$(id)", "`id`", "a b", "*", "~", "${HOME}", "a\\nb", "'\"", "|cat"])
async def test_a_value_is_one_word_and_no_shell_reads_it(tmp_path: Path, value: str) -> None:
    sitting = Sitting(tmp_path, ECHO.replace("TYPE", "text"), given(value))  # type: ignore[arg-type]
    state = await sitting.run()

    assert state.scopes[""].steps["say"]["out"] == value


@pytest.mark.parametrize(
    ("template", "runs"), [('"${vars.v}"', False), ('--, "${vars.v}"', True), ('"name=${vars.v}"', True)]
)
async def test_a_value_never_becomes_an_option(tmp_path: Path, template: str, runs: bool) -> None:
    steps = ECHO.replace("TYPE", "text").replace('"${vars.v}"', template)
    sitting = Sitting(tmp_path, steps, given("--version"))  # type: ignore[arg-type]
    await sitting.run()

    assert sitting.outcome("say")["state"] == ("passed" if runs else "refused")
    if not runs:
        assert "put -- before it" in sitting.outcome("say")["why"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("name", "a;b"), ("name", "-rf"), ("int", "1; drop"), ("host", "-oProxyCommand=x"), ("url", "file:///etc/passwd"),
     ("text", "a\x1b[2Jb"), ("duration", "soon"), ("text", "x" * 5000)],
)  # fmt: skip
async def test_an_input_that_is_not_what_it_should_be_is_asked_for_again(tmp_path: Path, kind: str, value: str) -> None:
    told: list[str] = []

    def answer(question: Question) -> Reply:
        if question.about != "ask":
            return yes(question)
        told.extend(question.lines)
        good = {"name": "ok", "int": "1", "host": "ok", "url": "http://ok/", "text": "ok", "duration": "1s"}[kind]
        return Reply(values={"v": value if not told else good})

    steps = "- {id: ask, title: Ask, ask: {v: {type: TYPE, prompt: V}}}".replace("TYPE", kind)
    sitting = Sitting(tmp_path, steps, answer)
    state = await sitting.run()

    assert state.ended["ask"] is Ended.PASSED
    assert len(told) == 1 and told[0].startswith("v: ")


CHANGE = """
- id: change
  title: Change
  run: [tee, --append, MARK]
  effect: change
  target: change it
  undo: {say: Nothing to take back}
"""


def change(folder: Path) -> str:
    return CHANGE.replace("MARK", str(folder / "effects"))


def done(folder: Path) -> bool:
    return (folder / "effects").exists()


@pytest.mark.parametrize("typed", ["", "change", "Change it", "change it ", "y", "db-1"])
async def test_only_the_very_words_confirm_a_change(tmp_path: Path, typed: str) -> None:
    asked: list[Question] = []

    def answer(question: Question) -> Reply:
        asked.append(question)
        return Reply(key="s") if len(asked) > 1 else Reply(typed=typed, key="y")

    sitting = Sitting(tmp_path, change(tmp_path), answer)
    state = await sitting.run()

    assert not done(tmp_path)
    assert state.ended["change"] is Ended.SKIPPED
    assert asked[0].typed == "change it"
    assert any(line.startswith("$ tee --append") for line in asked[0].lines), "the command as it will run is shown"
    assert any(line.startswith("undo: ") for line in asked[0].lines)


async def test_a_confirmation_is_worth_nothing_after_a_minute(tmp_path: Path) -> None:
    class Slow(ClientTools):
        late = 0.0

        def mono(self) -> float:
            return time.monotonic() + self.late

    slow, notes = Slow(None), []

    def answer(question: Question) -> Reply:
        notes.append(question.lines[0])
        slow.late += CONFIRM_S + 1
        return Reply(key="s") if len(notes) > 1 else yes(question)

    state = await Sitting(tmp_path, change(tmp_path), answer, tools=slow).run()

    assert not done(tmp_path)
    assert state.ended["change"] is Ended.SKIPPED
    assert "too late" in notes[1]


def busy(share: float) -> Snapshot:
    """A host whose CPU is so busy for ten seconds."""
    store, history = new_store(), None
    for frame in cpu_frames([share] * 10):
        history = store.push(frame)
    assert history is not None
    return Judge(machine=MACHINE).snapshot(history)


@pytest.mark.parametrize(("at_confirmation", "made"), [(0.95, True), (0.2, False)])
async def test_what_justified_a_change_is_looked_at_again_at_the_moment_of_confirmation(
    tmp_path: Path, at_confirmation: float, made: bool
) -> None:
    steps = change(tmp_path).replace("  run:", "  when: host.cpu.busy_ratio > 85%\n  run:")

    def answer(question: Question) -> Reply:
        sitting.board.put(busy(at_confirmation))
        return yes(question)

    sitting = Sitting(tmp_path, steps, answer)
    sitting.board.put(busy(0.95))
    await sitting.run()

    assert done(tmp_path) is made
    if not made:
        assert "no longer so" in sitting.outcome("change")["why"]


@pytest.mark.parametrize(("host", "unlocks"), [("db-1", True), ("db-2", False), ("", False)])
async def test_changes_are_locked_until_the_host_is_named(tmp_path: Path, host: str, unlocks: bool) -> None:
    asked: list[Question] = []

    def answer(question: Question) -> Reply:
        asked.append(question)
        if question.about == "locked":
            return Reply(key="s") if len(asked) > 1 else Reply(typed=host)
        return yes(question)

    sitting = Sitting(tmp_path, change(tmp_path), answer)
    state = await sitting.run(allow_changes=False)

    assert asked[0].about == "locked"
    assert done(tmp_path) is unlocks
    assert state.ended["change"] is (Ended.PASSED if unlocks else Ended.REFUSED)
    assert exit_code(state) == (0 if unlocks else 4)


async def test_an_undeclared_effect_is_confirmed_by_a_key(tmp_path: Path) -> None:
    steps = "- {id: x, title: X, run: [echo, hi]}"
    refused = Sitting(tmp_path / "a", steps, lambda question: Reply(key="s"))
    assert (await refused.run()).ended["x"] is Ended.SKIPPED
    agreed = Sitting(tmp_path / "b", steps, yes)
    assert (await agreed.run()).ended["x"] is Ended.PASSED


async def test_a_secret_reaches_its_program_and_nothing_else(tmp_path: Path) -> None:
    head = 'vars: {pw: {type: text, prompt: Password, secret: true}}\nenv: [EXTRA]\nredact: ["cust-[0-9]{4,8}"]\n'
    steps = """
- id: use
  title: Use
  run: [env]
  env: {APP_PASSWORD: "${vars.pw}"}
  effect: read
  capture: {as: out, parse: text}
- {id: leak, title: Leak, run: [echo, "password=${vars.pw}"], effect: read, on_fail: continue}
- {id: cust, title: Cust, run: [echo, "of cust-12345"], effect: read}
"""

    def answer(question: Question) -> Reply:
        return Reply(values={"pw": "hunter2-xyz"}) if question.about == "ask" else yes(question)

    os.environ["NOT_LISTED"] = "private-thing"
    try:
        sitting = Sitting(tmp_path, steps, answer, head)
        await sitting.run()
    finally:
        del os.environ["NOT_LISTED"]

    assert sitting.outcome("use")["state"] == "passed"
    assert sitting.outcome("leak")["state"] == "refused"
    assert "hunter2-xyz" not in sitting.written()
    assert "private-thing" not in sitting.written()


FLOOD = """
- id: flood
  title: Flood
  run: [python3, -c, "import os\\nfor _ in range(1024): os.write(1, b'x' * 1048576)"]
  effect: read
  timeout: 60s
"""


async def test_a_gigabyte_of_output_leaves_a_few_kilobytes(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, FLOOD, yes)
    await sitting.run()

    outcome = sitting.outcome("flood")
    assert outcome["state"] == "passed"
    assert outcome["values"]["output_bytes"] == 1 << 30
    assert len(sitting.written()) < 200_000
    assert "bytes left out" in sitting.written()


CONTROL = r"""
- id: paint
  title: Paint
  run: [printf, '\033]0;owned\007\033[2J[bold red]x[/]\033[31m red \u202eevil\r\n\a\b[link=file:///]y[/link]']
  effect: read
"""


async def test_no_control_sequence_of_an_output_is_kept_and_no_markup_is_read(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, CONTROL, yes)
    await sitting.run()

    kept = (sitting.folder / "evidence" / sitting.outcome("paint")["evidence"]["sha256"]).read_text()
    assert kept == "[bold red]x[/] red ?evil\n??[link=file:///]y[/link]", "words that look like markup stay words"
    assert all(char.isprintable() or char == "\n" for char in sitting.written())


async def test_a_program_that_fails_tells_its_last_words_and_no_secret_of_them(tmp_path: Path) -> None:
    program = "import sys; sys.stderr.write('\\033[31mpassword=hunter2 was refused\\n\\n'); sys.exit(3)"
    steps = f"- {{id: fails, title: F, run: [python3, -c, {program!r}], effect: read, on_fail: continue}}"
    sitting = Sitting(tmp_path, steps, yes)
    await sitting.run()

    why = sitting.outcome("fails")["why"]
    assert why.startswith("python3 ended with exit code 3: password=") and why.endswith(" was refused")
    assert "hunter2" not in sitting.written()


async def test_a_step_can_not_outlive_its_timeout(tmp_path: Path) -> None:
    steps = "- {id: hang, title: Hang, run: [sleep, '60'], effect: read, timeout: 500ms, on_fail: continue}"
    began = time.monotonic()
    sitting = Sitting(tmp_path, steps, yes)
    state = await sitting.run()

    assert time.monotonic() - began < 5
    assert sitting.outcome("hang")["timed_out"]
    assert exit_code(state) == 5


async def test_the_end_of_a_run_cuts_off_what_reads_and_waits_for_a_change(tmp_path: Path) -> None:
    reading = Sitting(tmp_path / "a", "- {id: hang, title: Hang, run: [sleep, '60'], effect: read}", yes)
    began = time.monotonic()
    task = asyncio.ensure_future(reading.run())
    while not reading.runner.state.visits:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    reading.runner.stop()
    state = await task

    assert time.monotonic() - began < 8
    assert state.stopped == "stopped by the operator"
    assert state.closed
