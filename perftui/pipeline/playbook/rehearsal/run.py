"""Goes through one fixture and says what came out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from perftui.history.baseline import Baseline, Course
from perftui.model.frame import Frame
from perftui.pipeline.playbook.board import SnapshotBoard
from perftui.pipeline.playbook.keeper import Keeper
from perftui.pipeline.playbook.rehearsal.clock import NothingLeft, run_jumping
from perftui.pipeline.playbook.rehearsal.stage import Stage
from perftui.pipeline.playbook.rehearsal.stand_ins import Answers, Script, StepTools, Unanswered
from perftui.pipeline.playbook.runner import Runner
from perftui.pipeline.playbook.talk import RunView
from perftui.pipeline.playbook.usual import Usual
from perftui.pipeline.playbook.world import Tools
from perftui.pipeline.tree import iso
from perftui.playbooks.fixture import Fixture, Outcome
from perftui.playbooks.journal import Entry, Event, Who
from perftui.playbooks.load import walk
from perftui.playbooks.redaction import Redactor, checked_pattern
from perftui.playbooks.run.result import exit_code
from perftui.playbooks.run.state import Book, State
from perftui.playbooks.run_folder import Clocks, RunFolder
from perftui.playbooks.steps.branch import Branch

T = TypeVar("T")


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """What a run against a fixture came to."""

    outcome: Outcome
    took_s: float
    """By the fixture's clock."""
    entries: tuple[Entry, ...]
    stuck: str = ""
    """What it asked for that the fixture does not tell, where it could not go on; empty where it came to its end."""


class _AtOnce:
    """In the place of a thread: there is no disk that could hang."""

    async def run(self, call: Callable[[], T]) -> T:
        return call()


class _FixtureRunner(Runner):
    """Each step has tools of its own, since answers are told by step."""

    answers: Answers

    def tools_of(self, path: str) -> Tools:
        return StepTools(self.answers, path)


def rehearse(book: Book, fixture: Fixture, frames: Iterable[Frame] = ()) -> Rehearsed:
    """Run the playbook through the fixture.

    Args:
        frames: of the fixture's tape.
    """
    return run_jumping(_rehearse(book, fixture, frames))


async def _rehearse(book: Book, fixture: Fixture, frames: Iterable[Frame]) -> Rehearsed:
    board = SnapshotBoard()
    stage = Stage(fixture, board, frames)
    stage.rise()
    answers = Answers(fixture, stage.started_at)
    clocks = Clocks(wall_iso=lambda: str(iso(answers.wall())), mono=answers.mono)
    folder = RunFolder("fixture", (), Who(user="fixture", host="fixture"), clocks)
    patterns = [checked_pattern(str(text)) for playbook in book.playbooks.values() for text in playbook.redact]
    keeper = Keeper(folder, _AtOnce, Redactor(patterns=patterns))
    runner = _FixtureRunner(
        book,
        keeper,
        board,
        StepTools(answers, ""),
        Script(fixture),
        _Ends(stage, answers).look,
        host="fixture",
        given=fixture.vars,
        usual=_usual(fixture, stage.started_at),
    )
    runner.answers = answers
    ticking = asyncio.ensure_future(stage.go_on())
    stuck = ""
    try:
        await runner.run({"allow_changes": fixture.changes})
    except (Unanswered, NothingLeft) as exc:
        stuck = str(exc)
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
    return Rehearsed(
        outcome=outcome(book, runner.state, keeper.entries),
        took_s=answers.mono() - answers.mono_began,
        entries=tuple(keeper.entries),
        stuck=stuck,
    )


def _usual(fixture: Fixture, at: float) -> Usual:
    """An hour of each value without a change, from the day before."""
    kept = {
        name: Baseline(
            name=name,
            first_at=at - 90_000,
            last_at=at - 86_400,
            host="fixture",
            system="Linux",
            cores=8,
            program="fixture",
            courses={
                reading: Course(
                    means=[told.value] * 120, mean=told.value, median=told.value, p95=told.value, cv_ratio=0.0
                )
                for reading, told in readings.items()
            },
        )
        for name, readings in fixture.baselines.items()
    }
    return Usual(baselines=kept, loaded=next(iter(kept), ""))


class _Ends:
    """Tells the stage when steps end, so that readings can follow what was done."""

    def __init__(self, stage: Stage, answers: Answers) -> None:
        self._stage, self._answers = stage, answers
        self._seen = 0

    def look(self, view: RunView) -> None:
        for entry in view.entries[self._seen :]:
            passed = entry.ev == Event.STEP_OUTCOME and entry.data["state"] == "passed"
            if entry.step and (passed or entry.ev in (Event.CHOICE, Event.UNDO_DONE)):
                seconds = self._answers.mono() - self._answers.mono_began
                self._stage.ended[entry.step] = seconds
                self._stage.ended[entry.step.rpartition("/")[2]] = seconds
        self._seen = len(view.entries)


def outcome(book: Book, state: State, entries: list[Entry]) -> Outcome:
    """What a run came to, in the words of a fixture."""
    closed = next((entry for entry in reversed(entries) if entry.ev == Event.RUN_CLOSE), None)
    return Outcome(
        trail=tuple(trail(book, state, entries)),
        board={cause: told.verdict for cause, told in state.board.items()},
        end=closed.data["reason"] if closed else "not ended",
        exit=exit_code(state).name.lower(),
    )


def trail(book: Book, state: State, entries: list[Entry]) -> Iterator[str]:
    """The steps as they ended: `STEP`, `STEP failed`, `BRANCH -> STEP`, `CHOICE -> KEY`."""
    for entry in entries:
        if entry.ev == Event.CHOICE and "label" in entry.data:
            yield f"{entry.step} -> {entry.data['key']}"
        elif entry.ev == Event.UNDO_DONE:
            yield f"undo:{entry.step} {entry.data['state']}"
        elif entry.ev == Event.STEP_OUTCOME:
            ended = entry.data["state"]
            arm = entry.data.get("values", {}).get("arm")
            if ended != "passed":
                yield f"{entry.step} {ended}"
            elif arm is not None:
                yield f"{entry.step} -> {_arm(book, state, entry.step or '', arm)}"
            else:
                yield str(entry.step)


def _arm(book: Book, state: State, path: str, number: int) -> str:
    """Where an arm leads: its playbook, its step, or the steps inside of it."""
    owners = {name.partition("#")[0]: scope.playbook for name, scope in state.scopes.items()}
    around = max((owner for owner in owners if not owner or path.startswith(f"{owner}/")), key=len)
    step_id = path.rpartition("/")[2]
    for _, step in walk(book.playbooks[owners[around]]):
        if step.id == step_id and isinstance(step.do, Branch):
            arm = step.do.arms[number]
            return str(arm.use or ("steps" if arm.steps else arm.target))
    return str(number)
