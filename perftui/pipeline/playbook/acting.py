"""One step of a run: from the question whether it is due to the outcome that is written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.pipeline.playbook import questions
from perftui.pipeline.playbook.inputs import Inputs
from perftui.pipeline.playbook.talk import Reply
from perftui.pipeline.playbook.world import StepWorld
from perftui.playbooks.capture import Unreadable, captured
from perftui.playbooks.conditions import evaluate
from perftui.playbooks.document import Effect, Step, Var
from perftui.playbooks.journal import Event
from perftui.playbooks.run.actions import Begin, Execute, Next
from perftui.playbooks.run.fold import may_repeat
from perftui.playbooks.steps import kind_of
from perftui.playbooks.steps.ask import Ask
from perftui.playbooks.steps.branch import Branch
from perftui.playbooks.steps.choose import Choose
from perftui.playbooks.steps.for_each import ForEach
from perftui.playbooks.steps.repeat import Repeat
from perftui.playbooks.steps.say import Say
from perftui.playbooks.steps.use import Use
from perftui.playbooks.steps.wait import Wait
from perftui.playbooks.steps.watch import Watch
from perftui.playbooks.steps.world import Done, Unfilled, unknown_words

if TYPE_CHECKING:
    from perftui.pipeline.playbook.runner import Runner

GRACE_S = 10.0
"""A step's own timeout ends it; past so much more it is given up from outside."""
PATIENCE_S = 3.0
_ACTS = ("run", "sql", "http")


class Acting:
    """What the runner does with one step."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._inputs = Inputs(runner)

    async def begin(self, action: Begin) -> None:
        """Inputs, delay, `when`, confirmation; then the intent is written."""
        run, step, path = self._runner, action.step, action.path
        await self._inputs.of_playbook(action.scope, action.path, step)
        if run.stopping:
            return
        retry = step.retry
        wait_s = step.delay_s if action.attempt == 1 else retry.every_s if retry else 0.0
        await run.pause(float(wait_s), path)
        world = run.world(action.scope, path, step)
        if run.stopping or not await self._due(action, world):
            return
        acts = kind_of(step.do).name in _ACTS and action.effect is not Effect.READ
        if acts and not await self._confirmed(action, world):
            return
        opens: Mapping[str, Any] = {}
        if isinstance(step.do, (Use, ForEach)):
            done = await self._done(step, world)
            if done.state != "passed":
                await self._outcome(path, action.attempt, done, 0.0, {})
                return
            opens = done.opens
        data = {
            "title": step.title,
            "kind": kind_of(step.do).name,
            "effect": action.effect.value,
            "does": list(questions.deed(step.do, world)),
            **opens,
        }
        await run.write(Event.STEP_INTENT, path, action.attempt, data)

    async def execute(self, action: Execute) -> None:
        """Do it and write the outcome."""
        step = action.step
        match step.do:
            case Say():
                await self._say(action, step.do)
            case Ask():
                await self._ask(action, step.do.inputs)
            case Choose():
                await self._choose(action, step.do)
            case _:
                await self._do(action)

    async def undo(self, key: str) -> None:
        """Take a change back."""
        run = self._runner
        undoable = next((each for each in run.state.undos if each.key == key), None)
        if undoable is None or undoable.step.undo is None or undoable.state in ("done", "started"):
            run.tell("there is nothing to take back")
            return
        undo = undoable.step.undo
        note = "it was under way when perftui ended: look first" if undoable.state == "indeterminate" else ""
        step = msgspec.structs.replace(
            undoable.step,
            do=undo.do,
            effect=undo.effect or Effect.CHANGE,
            timeout_s=undo.timeout_s or undoable.step.timeout_s,
        )
        world = run.world(undoable.scope, f"undo:{key}", step)
        question = questions.undo(undoable, world, note)
        if question.effect is not Effect.READ and not await self._unlocked(step, undoable.path, world):
            return
        reply = await run.ask(question)
        if not _agreed(question.typed, question.expires_mono, reply, world) and reply.key != "d":
            run.tell("not taken back")
            return
        await run.write(Event.CONFIRM, f"undo:{key}", data={"typed": reply.typed, "key": reply.key})
        await run.write(
            Event.STEP_INTENT, f"undo:{key}", undoable.attempts + 1, {"does": list(questions.deed(undo.do, world))}
        )
        began = run.tools.mono()
        done = Done(state="passed") if isinstance(undo.do, Say) else await self._done(step, world)
        evidence = await self._evidence(step, done)
        how = "done" if done.state == "passed" else "failed"
        data = {"state": how, "why": done.why, "duration_s": round(run.tools.mono() - began, 3), **evidence}
        await run.write(Event.UNDO_DONE, key, data=data)
        run.tell("taken back" if how == "done" else f"could not be taken back: {done.why}")

    async def round(self, action: Next, do: Repeat, world: StepWorld) -> None:
        """After a round of a repeat: the operator may pick, until the next one is due."""
        run, path = self._runner, action.path
        if do.until is not None and evaluate(do.until, world.scope()).truth is True:
            await self._outcome(path, action.turn, Done(state="passed", values={"rounds": action.turn - 1}), 0.0, {})
            return
        begun = next(entry.mono for entry in reversed(run.keeper.entries) if entry.step == path and entry.attempt <= 1)
        if world.mono - begun > do.timeout_s:
            late = Done(state="failed", why="nothing was picked in time", timed_out=True)
            await self._outcome(path, action.turn, late, 0.0, {})
            return
        reply = None
        if do.pick:
            rows = next(questions.rows_of(var, world) for var in do.pick.values())
            question = questions.inputs(
                action.step, path, {str(name): var for name, var in do.pick.items()}, {}, rows, ""
            )
            try:
                reply = await asyncio.wait_for(run.ask(question), float(do.every_s))
            except TimeoutError:
                reply = None
        else:
            await run.pause(float(do.every_s), path)
        if run.stopping:
            return
        picked = {name: reply.values[name] for name in do.pick if reply and reply.values.get(name)}
        if picked:
            for name, row in picked.items():
                await run.write(Event.VAR_SET, path, data={"scope": action.scope, "name": name, "value": row})
            await self._outcome(path, action.turn, Done(state="passed", values={"rounds": action.turn - 1}), 0.0, {})
        else:
            await run.write(Event.STEP_INTENT, path, action.turn, {"round": action.turn})

    def traces(self, path: str) -> tuple[str, ...]:
        """What is known of a change that was cut off: what it was to do, and whether its process still runs."""
        run = self._runner
        intents = [e for e in run.keeper.entries if e.step == path and e.ev == Event.STEP_INTENT]
        starts = [e for e in run.keeper.entries if e.step == path and e.ev == Event.STEP_STARTED]
        lines = list(intents[-1].data.get("does", ())) if intents else []
        if starts and intents and starts[-1].seq > intents[-1].seq:
            pid, ticks = starts[-1].data["pid"], starts[-1].data["started"]
            alive = run.tools.lives(pid, ticks)
            lines.append(f"its process {pid} {'still runs: wait for it' if alive else 'has ended'}")
        return tuple(lines)

    async def _due(self, action: Begin, world: StepWorld) -> bool:
        """Whether `when` holds; where it can't be told, the operator decides."""
        run, step, path = self._runner, action.step, action.path
        if step.when is None:
            return True
        began = world.mono
        outcome = evaluate(step.when, world.scope())
        while outcome.truth is None and world.mono - began < PATIENCE_S and not run.stopping:
            await world.tick()
            outcome = evaluate(step.when, world.scope())
        if outcome.truth is True:
            return True
        if outcome.truth is None:
            reply = await run.ask(questions.unknown_when(step, path, unknown_words(outcome)))
            if reply.key == "r":
                await run.write(Event.CHOICE, path, data={"key": "run", "why": unknown_words(outcome)})
                return True
            if run.stopping:
                return False
        why = f"due only when {step.when.text}" + ("" if outcome.truth is False else f"; {unknown_words(outcome)}")
        await self._outcome(path, action.attempt, Done(state="skipped", why=why), 0.0, {})
        return False

    async def _unlocked(self, step: Step, path: str, world: StepWorld) -> bool:
        run = self._runner
        while not run.state.allowed and not run.stopping:
            question = questions.locked(step, path, Effect.CHANGE, world, run.host)
            reply = await run.ask(question)
            if reply.typed and reply.typed == run.host:
                await run.write(Event.CONFIRM, path, data={"unlocks": True, "typed": reply.typed})
            elif reply.key == "s":
                return False
        return run.state.allowed

    async def _confirmed(self, action: Begin, world: StepWorld) -> bool:
        """Unlocked, agreed to in time, and still due at that moment."""
        run, step, path, note = self._runner, action.step, action.path, ""
        if not await self._unlocked(step, path, world):
            if not run.stopping:
                await self._outcome(path, action.attempt, Done(state="refused", why="changes are locked"), 0.0, {})
            return False
        while not run.stopping:
            try:
                question = questions.confirm(step, path, action.effect, world, self._evidence_lines(step, world), note)
            except Unfilled as exc:
                await self._outcome(path, action.attempt, Done(state="refused", why=str(exc)), 0.0, {})
                return False
            reply = await run.ask(question)
            if reply.key in ("s", "refuse"):
                done = Done(state="skipped", why="not confirmed")
                if reply.key == "refuse":
                    done = Done(state="refused", why="nobody agreed to this change; --allow does")
                await self._outcome(path, action.attempt, done, 0.0, {})
                return False
            if not _agreed(question.typed, question.expires_mono, reply, world):
                late = question.expires_mono is not None and world.mono > question.expires_mono
                note = (
                    "the confirmation came too late; look at the numbers again"
                    if late
                    else "that is not what was asked for"
                )
                continue
            if step.when is not None and evaluate(step.when, world.scope()).truth is not True:
                why = f"no longer so at the moment of confirmation: {step.when.text}"
                await self._outcome(path, action.attempt, Done(state="skipped", why=why), 0.0, {})
                return False
            data = {"typed": reply.typed, "key": reply.key, "evidence": list(question.lines)}
            await run.write(Event.CONFIRM, path, action.attempt, data)
            return True
        return False

    def _evidence_lines(self, step: Step, world: StepWorld) -> tuple[str, ...]:
        """What justifies it, with its age."""
        snapshot = self._runner.board.newest
        age = "" if snapshot is None else f" · readings {max(0.0, self._runner.tools.wall() - snapshot.at):.0f} s old"
        lines = [f"because {step.why}"] if step.why else []
        if step.when is not None:
            lines.append(f"due when {step.when.text}{age}")
        board = [f"{cause}: {told.verdict}" for cause, told in self._runner.state.board.items()]
        return (*lines, *([f"board: {' · '.join(board)}"] if board else []))

    async def _say(self, action: Execute, do: Say) -> None:
        run, path = self._runner, action.path
        try:
            question = questions.say(action.step, path, do, run.world(action.scope, path, action.step))
        except Unfilled as exc:
            await self._outcome(path, action.attempt, Done(state="unknown", why=str(exc)), 0.0, {})
            return
        reply = await run.ask(question)
        if run.stopping:
            return
        state = {"d": "passed", "s": "skipped", "b": "failed"}.get(reply.key)
        answer = {"d": "done", "s": "skip", "b": "blocked"}.get(reply.key, "")
        if state is not None:
            why = reply.note or ("blocked" if state == "failed" else "")
            done = msgspec.convert({"state": state, "why": why, "values": {"answer": answer}}, Done)
            await self._assessed(action, done, 0.0)

    async def _ask(self, action: Execute, wanted: Mapping[Any, Var]) -> None:
        run, path = self._runner, action.path
        world = run.world(action.scope, path, action.step)
        await self._inputs.fill_in(
            path, action.scope, action.step, {str(name): var for name, var in wanted.items()}, world
        )
        if not run.stopping:
            await self._outcome(path, action.attempt, Done(state="passed"), 0.0, {})

    async def _choose(self, action: Execute, do: Choose) -> None:
        run, path = self._runner, action.path
        reply = await run.ask(questions.choose(action.step, path, do))
        option = next((option for option in do.options if option.key == reply.key), None)
        if option is None:
            return
        world = run.world(action.scope, path, action.step)
        try:
            values = {name: world.fill(value) for name, value in option.arguments.items()}
        except Unfilled as exc:
            run.tell(str(exc))
            return
        await run.write(Event.CHOICE, path, action.attempt, {"key": option.key, "label": option.label, "vars": values})

    async def _do(self, action: Execute) -> None:
        run, step, path = self._runner, action.step, action.path
        began = run.tools.mono()
        acting: dict[str, Any] = {}
        if not may_repeat(step):
            name = f"{path.replace('/', '_')}-{action.attempt}.out"
            acting = {"to_file": run.keeper.output_file(name), "started": self._tell_started(path, action.attempt)}
        done = await self._done(step, run.world(action.scope, path, step, **acting))
        await self._assessed(action, done, run.tools.mono() - began)

    def _tell_started(self, path: str, attempt: int) -> Any:
        def tell(pid: int, started: int) -> None:
            entry = self._runner.write(Event.STEP_STARTED, path, attempt, {"pid": pid, "started": started})
            self._runner.later(entry)

        return tell

    async def _done(self, step: Step, world: StepWorld) -> Done:
        """The step's own work, with every way it can go wrong in words."""
        execute = kind_of(step.do).execute
        if execute is None:
            return Done(state="passed")
        own = isinstance(step.do, (Wait, Watch)) or kind_of(step.do).name in ("check", "branch")
        try:
            async with asyncio.timeout(None if own else world.timeout_s + GRACE_S):
                return await execute(step, step.do, world)
        except SourceError as exc:
            return Done(state="failed", why=exc.detail, timed_out=exc.kind is FailureKind.TIMED_OUT)
        except TimeoutError:
            return Done(state="failed", why=f"no end within {world.timeout_s:.0f} s", timed_out=True)
        except Unfilled as exc:
            return Done(state="refused", why=str(exc))

    async def _assessed(self, action: Execute, done: Done, seconds: float) -> None:
        """Capture, evidence, verdicts, outcome."""
        run, step = self._runner, action.step
        values = dict(done.values)
        if step.capture is not None and done.state == "passed":
            try:
                values |= captured(step.capture, done, run.playbook(action.scope).limits.rows)
            except Unreadable as exc:
                done = msgspec.structs.replace(done, state="failed", why=str(exc))
        done = msgspec.structs.replace(done, values=values)
        evidence = await self._evidence(step, done)
        if done.state in ("passed", "failed"):
            await self._verdicts(action, done, seconds)
        await self._outcome(action.path, action.attempt, done, seconds, evidence)

    async def _verdicts(self, action: Execute, done: Done, seconds: float) -> None:
        run, step = self._runner, action.step
        if isinstance(step.do, Branch):
            await self._verdict_of_arm(action, step.do, done)
        if not step.assess:
            return
        names = run.names(action.scope)
        told = {**done.values, "state": done.state, "attempts": action.attempt, "duration_s": seconds}
        scope = msgspec.structs.replace(names.scope, steps={**names.scope.steps, str(step.id): told})
        world = StepWorld(msgspec.structs.replace(names, scope=scope), run.board, run.tools, 0.0, lambda _: None)
        for assessment in step.assess:
            outcome = evaluate(assessment.condition, world.scope())
            if outcome.truth is True:
                data = {
                    "cause": assessment.cause,
                    "verdict": assessment.verdict.value,
                    "say": assessment.say,
                    "because": assessment.condition.text,
                }
                await run.write(Event.VERDICT, action.path, action.attempt, data)

    async def _verdict_of_arm(self, action: Execute, do: Branch, done: Done) -> None:
        arm = do.arms[done.values["arm"]] if done.values.get("arm") is not None else None
        if arm is not None and arm.verdict is not None and arm.condition is not None:
            data = {"cause": arm.cause, "verdict": arm.verdict.value, "say": arm.say, "because": arm.condition.text}
            await self._runner.write(Event.VERDICT, action.path, action.attempt, data)

    async def _evidence(self, step: Step, done: Done) -> dict[str, Any]:
        if not done.output or step.evidence == "none":
            return {}
        first = done.output.strip().splitlines()[:3]
        if step.evidence == "summary":
            return {"output": first}
        kept = await self._runner.keeper.keep(done.output)
        return {"output": first, "evidence": {"sha256": kept.sha256, "size_bytes": kept.size_bytes, "kept": kept.kept}}

    async def _outcome(self, path: str, attempt: int, done: Done, seconds: float, evidence: Mapping[str, Any]) -> None:
        data = {
            "state": done.state,
            "why": done.why,
            "values": dict(done.values),
            "duration_s": round(seconds, 3),
            "timed_out": done.timed_out,
            **evidence,
            **done.opens,
        }
        await self._runner.write(Event.STEP_OUTCOME, path, attempt, data)


def _agreed(typed: str, expires_mono: float | None, reply: Reply, world: StepWorld) -> bool:
    in_time = expires_mono is None or world.mono <= expires_mono
    return in_time and (reply.typed == typed if typed else reply.key == "y")
