"""The desk between screen and run: what it lists, that it owns one run, and what it says where it can do nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from perftui.commands import run_keeping
from perftui.commands.playbook_office import FolderOffice
from perftui.pipeline.playbook.board import SnapshotBoard
from perftui.pipeline.playbook.desk import Desk, DeskView
from perftui.pipeline.playbook.operator import ScreenOperator
from perftui.pipeline.playbook.talk import Question, Reply
from perftui.playbooks.document import Effect
from perftui.playbooks.journal import Event
from perftui.playbooks.run_folder import owned
from tests.playbooks.shelf import loaded, text
from tests.servers import until

STEPS = """
- {id: first, title: First, say: Do it.}
- {id: second, title: Second, say: Do that.}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config" / "perftui" / "playbooks"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(text(STEPS).replace("id: sample", "id: mine"))
    (folder / "leads-away.yaml").write_text(
        text("- {id: away, title: Away, use: nowhere}\n").replace("id: sample", "id: leads-away")
    )
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


class Told:
    """The last view; a desk whose runs live in the loop of the test."""

    def __init__(self, live: bool = True) -> None:
        self.view = DeskView()
        loop = asyncio.get_running_loop()

        def call(action: Callable[[], None]) -> None:
            loop.call_soon_threadsafe(action)

        self.desk = Desk(FolderOffice(None), SnapshotBoard(), self.take, call if live else None)

    def take(self, view: DeskView) -> None:
        self.view = view

    async def until(self, condition: Callable[[DeskView], bool]) -> None:
        async def so() -> bool:
            await asyncio.sleep(0.01)
            return condition(self.view)

        await until(so, 10)

    async def asked(self, title: str) -> Question:
        await self.until(
            lambda view: bool(view.sitting and view.sitting.question and view.sitting.question.title == title)
        )
        assert self.view.sitting is not None and self.view.sitting.question is not None
        return self.view.sitting.question


@pytest.fixture
async def told(home: Path) -> AsyncIterator[Told]:
    told = Told()
    yield told
    await told.desk.aclose()


async def test_lists_what_is_there_with_what_keeps_it_from_being_begun(told: Told) -> None:
    told.desk.look(None)
    await told.until(lambda view: view.listing is not None)

    assert told.view.listing is not None
    offers = {each.id: each for each in told.view.listing.offers}
    assert offers["mine"].title == "A sample" and offers["mine"].effect is Effect.READ and not offers["mine"].trouble
    assert "uses nowhere" in offers["leads-away"].trouble
    assert "no database is named: give --dsn or PG* variables" in offers["pool-exhaustion"].missing
    assert told.view.listing.left == ()


async def test_a_run_goes_from_question_to_question_to_its_end(told: Told) -> None:
    told.desk.begin("mine")
    first = await told.asked("First")
    told.desk.begin("mine")
    await told.until(lambda view: "a run is open already" in view.note)
    told.desk.answer(first, Reply(key="d"))
    second = await told.asked("Second")
    told.desk.answer(first, Reply(key="d"))
    await told.until(lambda view: view.note == "that question is no longer open")
    told.desk.note("seen")
    await told.until(lambda view: view.note == "noted")
    told.desk.answer(second, Reply(key="d"))
    await told.until(lambda view: bool(view.sitting and view.sitting.ended))

    assert told.view.sitting is not None and told.view.sitting.ended == "all steps passed"
    told.desk.put_away()
    await told.until(lambda view: view.sitting is None)


async def test_what_is_closed_stays_open_for_the_next_desk_and_belongs_to_one_at_a_time(told: Told) -> None:
    told.desk.begin("mine")
    told.desk.answer(await told.asked("First"), Reply(key="d"))
    await told.asked("Second")
    (run,) = run_keeping.open_runs()
    assert owned(run)
    other = Told()
    other.desk.look(None)
    await other.until(lambda view: bool(view.listing and view.listing.left))
    assert other.view.listing is not None
    assert other.view.listing.left[0].trouble == "another terminal has it open"
    other.desk.resume(run.name)
    await other.until(lambda view: "another terminal owns this run" in view.note)

    await told.desk.aclose()
    other.desk.look(None)
    await other.until(lambda view: bool(view.listing and view.listing.left and not view.listing.left[0].trouble))
    left = other.view.listing.left[0]
    assert (left.playbook, left.place, left.of, left.step) == ("mine", 2, 2, "Second")
    other.desk.resume(run.name)
    await other.asked("Second")
    other.desk.stop()
    await other.until(lambda view: bool(view.sitting and view.sitting.ended))
    assert other.view.sitting is not None and other.view.sitting.ended == "stopped by the operator"
    assert other.view.sitting.view.entries[-1].ev == Event.RUN_CLOSE
    await other.desk.aclose()


@pytest.mark.parametrize(
    ("playbook", "words"), [("nothing", "nothing is no longer there"), ("leads-away", "uses nowhere")]
)
async def test_what_can_not_be_begun_says_why(told: Told, playbook: str, words: str) -> None:
    told.desk.begin(playbook)
    await told.until(lambda view: words in view.note)
    assert told.view.sitting is None


async def test_over_a_tape_playbooks_are_read_and_not_run(home: Path) -> None:
    told = Told(live=False)
    told.desk.look(None)
    await told.until(lambda view: view.listing is not None)
    told.desk.begin("mine")

    assert told.view.locked and told.view.note == told.view.locked
    assert run_keeping.open_runs() == []


async def test_the_newest_question_stands_first_and_one_that_nobody_asks_any_more_is_gone() -> None:
    changes: list[int] = []
    operator = ScreenOperator(lambda: changes.append(1))
    step = loaded(text(STEPS)).playbook.steps[0]
    older, newer = (Question(about="say", path=name, step=step, title=name) for name in ("older", "newer"))
    waiting = [asyncio.ensure_future(operator.ask(each)) for each in (older, newer)]
    await asyncio.sleep(0)

    assert operator.question == newer
    waiting[1].cancel()
    await asyncio.gather(waiting[1], return_exceptions=True)
    assert operator.question == older
    assert not operator.answer(newer, Reply(key="d"))
    operator.release()
    assert await waiting[0] == Reply()
    assert len(changes) == 4
