"""The inputs of a run: proposed, asked for, checked, set."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from perftui.pipeline.playbook import questions
from perftui.pipeline.playbook.world import StepWorld
from perftui.playbooks.complaint import Wrong
from perftui.playbooks.document import Step, Var
from perftui.playbooks.inputs import value_of
from perftui.playbooks.journal import Event
from perftui.playbooks.run.state import inputs_wanted

if TYPE_CHECKING:
    from perftui.pipeline.playbook.runner import Runner


class Inputs:
    """What the runner does about inputs."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def of_playbook(self, scope: str, path: str, step: Step) -> None:
        """Inputs that nobody gave to this playbook yet: proposed values are taken, the rest is asked for."""
        run = self._runner
        playbook = run.playbook(scope)
        declared = {str(name): var for name, var in playbook.vars.items()}
        wanted = inputs_wanted(playbook, run.state.scopes[scope])
        secrets = [name for name, var in declared.items() if var.secret and name not in run.secrets.get(scope, {})]
        world = run.world(scope, path, step)
        asked: dict[str, Var] = {}
        for name in dict.fromkeys([*wanted, *secrets]):
            var = declared[name]
            proposal = run.given.get(name) or _proposal(var, world)
            if proposal is None or var.secret:
                asked[name] = var
                continue
            try:
                await self._set(None, scope, name, var, proposal)
            except Wrong:  # a reading that does not fit: whoever is asked is told what would
                asked[name] = var
        if asked:
            await self.fill_in(None, scope, step, asked, world)

    async def fill_in(
        self, path: str | None, scope: str, step: Step, wanted: Mapping[str, Var], world: StepWorld
    ) -> None:
        """Ask until every input is what it should be, or the run is ended."""
        run = self._runner
        left: dict[str, Var] = dict(wanted)
        note = ""
        while left and not run.stopping:
            proposals = {name: p for name, var in left.items() if (p := _proposal(var, world)) is not None}
            rows = next((questions.rows_of(var, world) for var in left.values() if var.type == "row"), ())
            reply = await run.ask(questions.inputs(step, path or "", left, proposals, rows, note))
            note = ""
            for name, var in list(left.items()):
                given = reply.values.get(name, "")
                if given == "" and var.type != "text":
                    note = note or f"{name} is missing"
                    continue
                try:
                    await self._set(path, scope, name, var, given)
                    del left[name]
                except Wrong as wrong:
                    note = f"{name}: {wrong.what}; {wrong.right}"

    async def _set(self, path: str | None, scope: str, name: str, var: Var, given: Any) -> None:
        value = given if var.type == "row" else value_of(var, given)
        if var.type == "time":
            value = _moment(str(value), self._runner.tools.wall())
        data: dict[str, Any] = {"scope": scope, "name": name, "value": value}
        if var.secret:
            self._runner.secrets.setdefault(scope, {})[name] = str(value)
            self._runner.keeper.redactor.also(str(value))
            data = {"scope": scope, "name": name, "secret_input": True}
        await self._runner.write(Event.VAR_SET, path, data=data)


def _proposal(var: Var, world: StepWorld) -> str | None:
    """What stands in an input at first: a value from where its `from` points, else its default."""
    if var.source and var.type != "row":
        value = world.value(var.source)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return f"{value:.10g}"
        if isinstance(value, str):
            return value
    if var.default is None:
        return None
    return str(var.default).lower() if isinstance(var.default, bool) else str(var.default)


def _moment(text: str, now: float) -> str:
    """`now` and `-10m` as the moment they name."""
    if text == "now" or text.startswith("-"):
        seconds = 0.0 if text == "now" else int(text[1:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]
        return datetime.fromtimestamp(now - seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return text
