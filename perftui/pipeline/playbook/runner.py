"""Goes through a run: does what its state asks for, and writes each thing down before and after it happens.

One coroutine owns the run. What the operator wants besides (a note, an undo, the end) comes in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from perftui.history.baseline import Baseline, Course
from perftui.pipeline.playbook import questions
from perftui.pipeline.playbook.acting import Acting
from perftui.pipeline.playbook.board import SnapshotBoard
from perftui.pipeline.playbook.course import course, values_now, watched_readings
from perftui.pipeline.playbook.keeper import Keeper
from perftui.pipeline.playbook.talk import Operator, Question, Reply, RunView
from perftui.pipeline.playbook.usual import Usual
from perftui.pipeline.playbook.world import Names, StepWorld, Tools
from perftui.playbooks.conditions import evaluate
from perftui.playbooks.document import Playbook, Step
from perftui.playbooks.journal import Entry, Event
from perftui.playbooks.run.actions import Action, Answer, Begin, Close, Execute, Next, Settle, actions
from perftui.playbooks.run.fold import applied, folded, may_repeat
from perftui.playbooks.run.state import Book, State, here, open_undos
from perftui.playbooks.run_folder import Durability
from perftui.playbooks.steps.for_each import ForEach
from perftui.playbooks.steps.repeat import Repeat
from perftui.playbooks.steps.world import Progress

MARK_EVERY_S = 30.0
"""How often the run keeps the values of its readings, for the charts of its report."""


class Runner:
    """One run, from its first entry or from where it was left."""

    def __init__(
        self,
        book: Book,
        keeper: Keeper,
        board: SnapshotBoard,
        tools: Tools,
        operator: Operator,
        publish: Callable[[RunView], None] = lambda view: None,
        host: str = "",
        given: Mapping[str, str] = {},
        usual: Usual | None = None,
    ) -> None:
        """
        Args:
            operator: who answers.
            publish: is handed what there is to show, whenever it changes.
            host: its name unlocks changes.
            given: values of inputs by name, told beforehand; they go before defaults, also in the playbooks it uses.
            usual: the baselines kept on this host.
        """
        self.book, self.keeper, self.board, self.tools = book, keeper, board, tools
        self.host, self.given = host, given
        self.state: State = folded(book, keeper.entries)
        self.secrets: dict[str, dict[str, str]] = {}
        """By scope; they are in no journal."""
        self.baselines: dict[str, Mapping[str, Course]] = dict(_kept_baselines(keeper.entries))
        self.usual = (usual or Usual()).as_begun(_begun_with(keeper.entries))
        self._operator = operator
        self._publish = publish
        self._question: Question | None = None
        self._progress: dict[str, Progress] = {}
        self._note = ""
        self._started_mono, self._started_at = tools.mono(), tools.wall()
        self._acting = Acting(self)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._harmless: set[str] = set()
        """Paths of steps under way that may be cut off."""
        self._others: set[asyncio.Task[None]] = set()
        self._stop = ""
        self._durability = Durability.DISK

    async def run(self, data: Mapping[str, Any] = {}) -> State:
        """Go on to the end of the run.

        Args:
            data: of the entry that opens or resumes it: vars, whether changes are allowed, the playbook's hash.
        """
        resumed = bool(self.keeper.entries)
        opening = {**data, **({"baseline": self.usual.loaded} if self.usual.loaded else {})}
        await self.write(Event.RUN_RESUMED if resumed else Event.RUN_OPEN, data=opening)
        await self._keep_course()
        marking = asyncio.ensure_future(self._keep_values())
        try:
            while not self.state.closed:
                await self._one()
        finally:
            # When the run is given up (a hangup), what only reads ends with it; a change is left to finish by itself.
            tasks = [marking, *self._others, *(self._tasks[path] for path in self._harmless)]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self.state

    async def write(self, ev: str, step: str | None = None, attempt: int = 0, data: Mapping[str, Any] = {}) -> None:
        """Write an entry and be in the state after it."""
        entry = await self.keeper.append(ev, step, attempt, data)
        self.state = applied(self.book, self.state, entry)
        self.show()
        if self.keeper.durability is not self._durability:
            self._durability = self.keeper.durability
            await self.write(Event.DURABILITY, data={"state": self._durability.value, "problem": self.keeper.problem})

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it in its turn, without waiting for it here."""
        task = asyncio.ensure_future(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    async def note(self, text: str) -> None:
        """Put a note on the run's time axis."""
        found = here(self.state)
        await self.write(Event.NOTE, found[2] if found else None, data={"text": text})

    async def undo(self, key: str) -> None:
        """Take a change back, if the operator confirms it."""
        await self._acting.undo(key)

    def stop(self, why: str = "stopped by the operator") -> None:
        """End the run after what is going on; what only reads is ended at once."""
        self._stop = why
        for path in self._harmless:
            self._tasks[path].cancel()

    async def ask(self, question: Question) -> Reply:
        """The operator's answer; `x` ends the run whatever was asked."""
        self._question = question
        self.show()
        try:
            reply = await self._operator.ask(question)
        finally:
            self._question = None
        if reply.note:
            await self.write(Event.NOTE, question.path or None, data={"text": reply.note})
        if reply.key == "x" and not any(choice.key == "x" for choice in question.choices if question.about == "choose"):
            self._stop = "stopped by the operator"
        return reply

    def tell(self, note: str) -> None:
        """Say what a request came to."""
        self._note = note
        self.show()

    def show(self) -> None:
        found = here(self.state)
        self._publish(
            RunView(
                name=self.keeper.name,
                playbook=self.book.playbooks[self.book.main],
                state=self.state,
                entries=tuple(self.keeper.entries),
                path=found[2] if found else "",
                step=found[1] if found else None,
                question=self._question,
                progress=dict(self._progress),
                durability=self.keeper.durability,
                problem=self.keeper.problem,
                started_mono=self._started_mono,
                note=self._note,
            )
        )

    def world(self, scope: str, path: str, step: Step, **acting: Any) -> StepWorld:
        """The outside as this step sees it."""

        def tell(progress: Progress) -> None:
            self._progress[path] = progress
            self.show()

        tools = self.tools_of(path)
        return StepWorld(self.names(scope), self.board, tools, self.timeout_s(scope, step), tell, **acting)

    def tools_of(self, path: str) -> Tools:
        """The clients behind one step."""
        return self.tools

    def names(self, scope: str) -> Names:
        known = self.state.scopes[scope]
        return Names(
            playbook=self.book.playbooks[known.playbook],
            scope=known,
            secrets=self.secrets.get(scope, {}),
            baselines=self.baselines,
            usual=self.usual,
            save=self._save_baseline,
            started_at=self._started_at,
        )

    async def _save_baseline(self, baseline: Baseline) -> None:
        await self.keeper.beside(lambda: self.usual.save(baseline), f"the baseline {baseline.name}")
        self.usual = self.usual.having(baseline)

    def timeout_s(self, scope: str, step: Step) -> float:
        limits = self.playbook(scope).limits
        return float(step.timeout_s if step.timeout_s is not None else limits.step_timeout_s)

    def playbook(self, scope: str) -> Playbook:
        return self.book.playbooks[self.state.scopes[scope].playbook]

    @property
    def stopping(self) -> bool:
        return bool(self._stop)

    async def _one(self) -> None:
        """Do what is due: one thing, or the children of a parallel step side by side."""
        limit_s = self.book.playbooks[self.book.main].limits.run_timeout_s
        if not self._stop and self.tools.mono() - self._started_mono > limit_s:
            self._stop = f"the run took longer than {limit_s / 60:.0f} min"
        if self._stop and not self.state.stopped:
            await self.write(Event.CHOICE, data={"key": "stop", "why": self._stop})
            self._stop = ""
            return
        due = actions(self.state)
        if len(due) == 1 and not isinstance(due[0], (Begin, Execute)):
            await self._decide(due[0])
            return
        for action in due:
            if isinstance(action, (Begin, Execute)) and action.path not in self._tasks:
                self._tasks[action.path] = asyncio.ensure_future(self._step(action))
                if may_repeat(action.step):
                    self._harmless.add(action.path)
        await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_COMPLETED)
        ended = {path: task for path, task in self._tasks.items() if task.done()}
        for path, task in ended.items():
            del self._tasks[path]
            self._harmless.discard(path)
            self._progress.pop(path, None)
            if not task.cancelled():
                task.result()

    async def _step(self, action: Begin | Execute) -> None:
        """Begin it; a child of a parallel step is followed to its end at once."""
        if isinstance(action, Execute):
            await self._acting.execute(action)
            return
        await self._acting.begin(action)
        if action.path in self.state.children and self.state.children[action.path] is None:
            execute = Execute(path=action.path, step=action.step, scope=action.scope, attempt=action.attempt)
            await self._acting.execute(execute)

    async def _decide(self, action: Action) -> None:
        match action:
            case Answer():
                await self._answer(action)
            case Next():
                await self._next(action)
            case Settle():
                await self.write(Event.STEP_OUTCOME, action.path, data={"state": action.ended.value})
            case Close():
                await self._close(action)

    async def _answer(self, action: Answer) -> None:
        step, path = action.step, action.path
        if action.about == "failed":
            reply = await self.ask(questions.failed(step, path, action.problem, True))
            keys = {"r": "retry", "c": "continue"}
        else:
            lines = self._acting.traces(path)
            reply = await self.ask(questions.indeterminate(step, path, lines))
            keys = {"d": "done", "n": "not_done"}
        if reply.key in keys:
            await self.write(Event.CHOICE, path, data={"key": keys[reply.key]})

    async def _next(self, action: Next) -> None:
        do, path = action.step.do, action.path
        world = self.world(action.scope, path, action.step)
        if isinstance(do, ForEach):
            done = do.until is not None and evaluate(do.until, world.scope()).truth is True
            if action.last or done:
                ended = {"state": "passed", "values": {"done": action.turn}}
                await self.write(Event.STEP_OUTCOME, path, data=ended)
                return
            if action.turn:
                await self._pause(do.wait_s, path)
            data = {"scope": action.scope, "name": do.name, "value": action.row, "turn": action.turn}
            await self.write(Event.VAR_SET, path, data=data)
        elif isinstance(do, Repeat):
            await self._acting.round(action, do, world)

    async def _pause(self, seconds: float, path: str) -> None:
        """Wait, showing how long; the end of the run is not held up by it."""
        began = self.tools.mono()
        while (waited := self.tools.mono() - began) < seconds and not self._stop:
            self._progress[path] = Progress(waited_s=waited, limit_s=seconds, words="waiting")
            self.show()
            await asyncio.sleep(min(0.5, seconds - waited))
        self._progress.pop(path, None)

    async def pause(self, seconds: float, path: str) -> None:
        """As a step's delay, or between two tries."""
        await self._pause(seconds, path)

    async def _close(self, action: Close) -> None:
        while standing := [undo for undo in open_undos(self.state) if undo.state != "kept"]:
            reply = await self.ask(questions.still_standing(list(standing), standing[0].step))
            if reply.key == "u":
                await self.undo(standing[0].key)
                continue
            for undo in standing:
                await self.write(Event.UNDO_DONE, undo.key, data={"state": "kept"})
        await self._keep_course()
        await self.write(Event.RUN_CLOSE, data={"reason": action.reason, "follow_up": list(self._follow_up())})

    def _follow_up(self) -> tuple[str, ...]:
        used = {scope.playbook for scope in self.state.scopes.values()}
        return tuple(line for playbook in used for line in self.book.playbooks[playbook].follow_up)

    async def _keep_course(self) -> None:
        """The last half hour of the readings this run is about, with the deploys and marks inside it."""
        snapshot = self.board.newest
        if snapshot is not None:
            readings = watched_readings(self.book, snapshot)
            await self.write(Event.METRIC_MARK, data=course(snapshot, readings))

    async def _keep_values(self) -> None:
        while True:
            await asyncio.sleep(MARK_EVERY_S)
            snapshot = self.board.newest
            if snapshot is not None:
                await self.write(Event.METRIC_MARK, data=values_now(snapshot, watched_readings(self.book, snapshot)))


def _kept_baselines(entries: Iterable[Entry]) -> Iterator[tuple[str, Mapping[str, Course]]]:
    """What `collect` kept before the run was left."""
    for entry in entries:
        kept = entry.data.get("baseline") if entry.ev == Event.STEP_OUTCOME else None
        if kept:
            yield kept["name"], msgspec.convert(kept["courses"], dict[str, Course])


def _begun_with(entries: Iterable[Entry]) -> str:
    """The baseline that the run was measured against from its beginning; empty where there was none."""
    return next((str(entry.data.get("baseline", "")) for entry in entries if entry.ev == Event.RUN_OPEN), "")
