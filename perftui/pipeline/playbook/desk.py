"""Between the screen and a run: the list of playbooks, one run at a time in the thread that samples, questions and answers.

Every public call may be made from any thread and returns at once; what comes of it is published as one `DeskView`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from perftui.model.exit_code import ExitCode
from perftui.model.failure import SourceError, UsageError
from perftui.pipeline.playbook.board import SnapshotBoard
from perftui.pipeline.playbook.keeper import Blocking, Keeper
from perftui.pipeline.playbook.listing import Listing, listing
from perftui.pipeline.playbook.operator import ScreenOperator
from perftui.pipeline.playbook.runner import Runner
from perftui.pipeline.playbook.talk import Question, Reply, RunView
from perftui.pipeline.playbook.usual import Usual
from perftui.pipeline.playbook.world import Tools
from perftui.pipeline.snapshot import Snapshot
from perftui.playbooks.redaction import Redactor
from perftui.playbooks.run.book import Bound, bound, kept
from perftui.playbooks.run.result import exit_code
from perftui.playbooks.run_folder import Found, RunFolder
from perftui.playbooks.shelf import Shelf

ENDED = {
    ExitCode.HEALTHY: "all steps passed",
    ExitCode.WARNING: "a step failed",
    ExitCode.UNKNOWN: "something stayed unknown",
    ExitCode.REFUSED: "a change was refused",
    ExitCode.TIMED_OUT: "a step timed out",
}


class Office(Protocol):
    """Where playbooks and runs are kept, and the clients behind the steps. Its calls may block on the disk."""

    host: str
    tools: Tools
    database: bool
    """A Postgres is watched."""

    def shelf(self) -> Shelf: ...
    def open_runs(self) -> Sequence[Found]: ...
    def new_folder(self, made: Bound) -> RunFolder: ...
    def taken_over(self, found: Found) -> RunFolder: ...
    def redactor(self, made: Bound) -> Redactor: ...
    def opening(self, made: Bound) -> Mapping[str, Any]: ...
    def usual(self) -> Usual: ...
    def hand_off(self, run: str) -> tuple[str, str]:
        """The page for who comes next, and where it is kept.

        Raises:
            UsageError: the run's journal can't be found.
            OSError: the page can't be written.
        """
        ...

    def worker(self) -> Blocking:
        """A thread of its own for calls that may block."""
        ...


class Sitting(msgspec.Struct, frozen=True, kw_only=True):
    """The run that is open in this console."""

    view: RunView
    question: Question | None = None
    expires_at: float | None = None
    """Wall clock after which a confirmation is worth nothing."""
    ended: str = ""
    """What it came to; empty while it goes on."""
    folder: str = ""
    """Where its journal is; empty while it is in memory only."""


class DeskView(msgspec.Struct, frozen=True, kw_only=True):
    """All that the screen knows of playbooks."""

    listing: Listing | None = None
    """None until it has been read."""
    sitting: Sitting | None = None
    locked: str = ""
    """Why nothing can be begun here; empty where it can."""
    changes_allowed: bool = False
    """Runs begin with changes unlocked."""
    page: str = ""
    """The hand-off page, once it was asked for: to be copied."""
    note: str = ""
    """What the last request came to."""


class Desk:
    """Owns the run that is open here."""

    def __init__(
        self,
        office: Office,
        board: SnapshotBoard,
        told: Callable[[DeskView], None],
        call: Callable[[Callable[[], None]], None] | None,
        changes_allowed: bool = False,
    ) -> None:
        """
        Args:
            board: readings of the feed that is watched.
            told: is handed each view, from any thread.
            call: has a function run in the thread that samples; None where nothing does, as over a tape.
            changes_allowed: runs begin with changes unlocked.
        """
        self._office, self._board, self._told, self._call = office, board, told, call
        self._changes_allowed = changes_allowed
        self._view = DeskView(
            changes_allowed=changes_allowed,
            locked="" if call else "this is a tape: playbooks can be read here, and are run on a live console",
        )
        self._lock = threading.Lock()
        self._operator = ScreenOperator(self._changed)
        self._runner: Runner | None = None
        self._run: asyncio.Task[None] | None = None
        self._others: set[asyncio.Task[None]] = set()

    def look(self, snapshot: Snapshot | None) -> None:
        """Read what there is anew."""

        def read() -> None:
            try:
                found = listing(self._office.shelf(), self._office.open_runs(), snapshot, self._office.database)
                self._publish(listing=found)
            except (UsageError, OSError) as exc:
                self._publish(listing=Listing(), note=f"the list can't be read: {exc}")

        threading.Thread(target=read, name="perftui-shelf", daemon=True).start()

    def begin(self, playbook: str) -> None:
        """Begin a run of a playbook, in a folder of its own."""

        def made() -> tuple[Bound, RunFolder]:
            shelf = self._office.shelf()
            shelved = shelf.playbooks.get(playbook)
            if shelved is None or shelved.loaded is None:
                raise UsageError(shelved.reason if shelved else f"{playbook} is no longer there")
            book = bound(shelved.loaded, shelf)
            return book, self._office.new_folder(book)

        self._soon(lambda: self._open(made))

    def resume(self, run: str) -> None:
        """Go on with a run that was left."""

        def made() -> tuple[Bound, RunFolder]:
            found = next((each for each in self._office.open_runs() if each.name == run), None)
            if found is None:
                raise UsageError(f"{run} is no longer open")
            return kept(found.places[0]), self._office.taken_over(found)

        self._soon(lambda: self._open(made))

    def answer(self, question: Question, reply: Reply) -> None:
        def hand_over() -> None:
            there = self._operator.answer(question, reply)
            self._publish(note="" if there else "that question is no longer open")

        self._soon(hand_over)

    def note(self, text: str) -> None:
        """Put a note on the run's time axis."""

        async def keep(runner: Runner) -> None:
            await runner.note(text)
            self._publish(note="noted")

        self._soon(lambda: self._beside(keep))

    def undo(self, key: str) -> None:
        """Take a change back; the operator is asked first."""
        self._soon(lambda: self._beside(lambda runner: runner.undo(key)))

    def hand_off(self) -> None:
        """Write the page for who comes next, from the journal as it is now; also of a run that has ended."""

        def write() -> None:
            sitting = self._view.sitting
            if sitting is None:
                return
            try:
                page, place = self._office.hand_off(sitting.view.name)
                self._publish(page=page, note=f"hand-off page copied, and kept in {place}")
            except (UsageError, OSError) as exc:
                self._publish(note=f"no hand-off page: {exc}")

        threading.Thread(target=write, name="perftui-handoff", daemon=True).start()

    def stop(self) -> None:
        """End the run: what only reads at once, a change when it is done; `finally` and the question of undos still come."""

        def end() -> None:
            if self._runner is None or self._run is None:
                return
            asked = self._operator.question
            if asked is not None and asked.about == "undo" and not asked.path:
                return  # it has come to its end already: only what still stands is to be decided
            self._runner.stop()
            self._operator.release()

        self._soon(end)

    def put_away(self) -> None:
        """Forget a run that has ended."""

        def forget() -> None:
            if self._run is None:
                self._runner = None
                self._publish(sitting=None, note="")

        self._soon(forget)

    async def aclose(self) -> None:
        """Leave the run, resumable: what only reads ends, a change that is under way goes on by itself."""
        tasks = [*self._others, *([self._run] if self._run else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _soon(self, action: Callable[[], None]) -> None:
        if self._call is None:
            self._publish(note=self._view.locked)
            return
        self._call(action)

    def _open(self, made: Callable[[], tuple[Bound, RunFolder]]) -> None:
        if self._run is not None:
            self._publish(note="a run is open already; end it first")
            return
        self._run = asyncio.ensure_future(self._follow(made))

    async def _follow(self, made: Callable[[], tuple[Bound, RunFolder]]) -> None:
        """The run from its first line to its last, or to where it is left."""
        keeper = None
        try:
            book, folder = await self._office.worker().run(made)
            usual = await self._office.worker().run(self._office.usual)
            keeper = Keeper(folder, self._office.worker, self._office.redactor(book))
            runner = Runner(
                book.book,
                keeper,
                self._board,
                self._office.tools,
                self._operator,
                self._show,
                self._office.host,
                usual=usual,
            )
            self._runner = runner
            state = await runner.run({**self._office.opening(book), "allow_changes": self._changes_allowed})
            ended = state.stopped or ENDED.get(exit_code(state), "it has ended")
            self._end(ended)
        except (UsageError, SourceError) as exc:
            self._publish(note=str(exc).splitlines()[0])
        except Exception as exc:  # a fault of ours must not end the console: the journal has all up to here
            self._end(f"left open by a fault of ours: {type(exc).__name__}: {exc}; it can be resumed")
        finally:
            self._run = None
            if keeper is not None:
                await keeper.close()

    def _beside(self, work: Callable[[Runner], Coroutine[Any, Any, None]]) -> None:
        """What the operator wants besides the step at hand, one thing at a time."""
        if self._runner is None or self._run is None:
            self._publish(note="no run is open")
            return
        if self._others:
            self._publish(note="answer the other question first")
            return
        task = asyncio.ensure_future(work(self._runner))
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    def _show(self, view: RunView) -> None:
        keeper = self._runner.keeper if self._runner is not None else None
        folder = str(keeper.path or "") if keeper is not None else ""
        before = self._view.sitting
        # What a request came to is told once, with the picture that is the first to have it.
        note = view.note if before is None or view.note != before.view.note else self._view.note
        self._publish(sitting=self._asked(Sitting(view=view, folder=folder)), note=note)

    def _changed(self) -> None:
        if self._view.sitting is not None:
            self._publish(sitting=self._asked(self._view.sitting))

    def _asked(self, sitting: Sitting) -> Sitting:
        question = self._operator.question
        expires_at = sitting.expires_at if question is sitting.question else None
        if question is not None and question.expires_mono is not None and expires_at is None:
            tools = self._office.tools
            expires_at = tools.wall() + question.expires_mono - tools.mono()
        return msgspec.structs.replace(sitting, question=question, expires_at=expires_at)

    def _end(self, ended: str) -> None:
        sitting = self._view.sitting
        if sitting is None:
            self._publish(note=ended)
            return
        self._publish(sitting=msgspec.structs.replace(sitting, question=None, ended=ended), note="")

    def _publish(self, **changed: Any) -> None:
        with self._lock:  # the thread that reads the list publishes as well
            self._view = msgspec.structs.replace(self._view, **changed)
            self._told(self._view)
