"""What a run would do: every step with the values it would have. Nothing is executed and nothing is asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from shutil import which
from typing import Any

import msgspec

from perftui.model.failure import UsageError
from perftui.playbooks.complaint import Wrong, nearest
from perftui.playbooks.document import Effect, Playbook, Step, Var
from perftui.playbooks.inputs import value_of
from perftui.playbooks.load import Loaded
from perftui.playbooks.steps import effect_of, kind_of
from perftui.playbooks.steps.kind import Way
from perftui.playbooks.steps.run import OWN
from perftui.playbooks.template import Template, moment

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where commands are looked for (3.5, point 4)."""


class PlannedInput(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    type: str
    value: str | None
    """As it would be used; None is asked for at the start. A secret is never shown."""
    source: str
    """given, default, or where a value is proposed from."""
    prompt: str


class PlannedStep(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    kind: str
    effect: Effect
    does: dict[str, Any]
    """What it does, with values filled in; what is not known before the run stands as `${…}`."""
    when: str | None
    target: str | None
    timeout_s: float | None
    """None where the kind's own words give it, or it waits for a person."""
    undo: dict[str, Any] | None
    steps: tuple[PlannedStep, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    file: str
    sha256: str
    effect: Effect
    """The worst of its steps; those of playbooks that it uses come on top."""
    inputs: tuple[PlannedInput, ...]
    missing: tuple[str, ...]
    """Needs that are not there, each in words."""
    uses: tuple[str, ...]
    """Other playbooks that it may lead to."""
    steps: tuple[PlannedStep, ...]
    finally_: tuple[PlannedStep, ...] = msgspec.field(name="finally", default=())


def plan(
    loaded: Loaded, given: Mapping[str, str], at: float, shelf: Mapping[str, Playbook], database: bool = False
) -> Plan:
    """The plan of a playbook.

    Args:
        given: Values of inputs, by name.
        at: Now, seconds since 1970: what `${utc:…}` counts from.
        shelf: The playbooks there are.
        database: Whether a Postgres is named.

    Raises:
        UsageError: a value for an input that isn't there, or that it can't have.
    """
    playbook = loaded.playbook
    inputs = tuple(_input(name, var, given) for name, var in playbook.vars.items())
    for name in given:
        if name not in playbook.vars:
            hint = nearest(name, set(map(str, playbook.vars))) or "see perftui playbook show"
            raise UsageError(f"--var {name}: {playbook.id} has no such input; {hint}")
    values = {f"vars.{each.name}": each.value for each in inputs if each.value is not None}
    values |= {f"t.{name}": f"{threshold.value.value:g}" for name, threshold in playbook.thresholds.items()}

    def fill(reference: str) -> str:
        offset = moment(reference)
        if offset is not None:
            then = datetime.fromtimestamp(at, UTC) + timedelta(seconds=offset)
            return then.isoformat(timespec="seconds").replace("+00:00", "Z")
        return values.get(reference, f"${{{reference}}}")

    steps = tuple(_step(step, playbook, fill) for step in playbook.steps)
    ways = [way for step in playbook.steps for way in _ways(step)]
    uses = tuple(dict.fromkeys(way.use for way in ways if way.use is not None))
    return Plan(
        id=playbook.id,
        title=playbook.title,
        file=loaded.file,
        sha256=loaded.sha256,
        effect=max((effect_of(step) for step in playbook.steps), key=lambda effect: effect.weight, default=Effect.READ),
        inputs=inputs,
        missing=tuple(_missing(playbook, uses, shelf, database)),
        uses=uses,
        steps=steps,
        finally_=tuple(_step(step, playbook, fill) for step in playbook.finally_),
    )


def _ways(step: Step) -> list[Way]:
    ways = list(kind_of(step.do).ways(step.do))
    return [*ways, *(inner for way in ways for each in way.steps for inner in _ways(each))]


def _input(name: str, var: Var, given: Mapping[str, str]) -> PlannedInput:
    value = given.get(name, var.default)
    if value is not None and name in given:
        try:
            value_of(var, value)
        except Wrong as wrong:
            raise UsageError(f"--var {name}: {wrong.what}; {wrong.right}") from None
    source = "given" if name in given else "default" if value is not None else var.source or "asked"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    shown = None if value is None else "(secret)" if var.secret else text
    return PlannedInput(name=name, type=var.type, value=shown, source=source, prompt=var.prompt)


def _missing(playbook: Playbook, uses: tuple[str, ...], shelf: Mapping[str, Playbook], database: bool) -> list[str]:
    needs = playbook.needs
    found = [f"command {name} is not installed" for name in needs.commands if not _installed(name)]
    optional = [name for name in needs.commands_optional if not _installed(name)]
    found += [f"command {name} is not installed: its steps will be unknown" for name in optional]
    if "db" in needs.connections and not database:
        found.append("no database is named: give --dsn or PG* variables")
    found += [f"playbook {name} is not here" for name in uses if name not in shelf]
    return found + [f"environment variable {name} is not set" for name in playbook.env if name not in os.environ]


def _installed(command: str) -> bool:
    return command == OWN or which(command, path=PATH) is not None


def _step(step: Step, playbook: Playbook, fill: Callable[[str], str]) -> PlannedStep:
    kind = kind_of(step.do)
    inner = tuple(_step(each, playbook, fill) for way in kind.ways(step.do) for each in way.steps)
    own = getattr(step.do, "timeout_s", None) or getattr(step.do, "duration_s", None)
    timed = own or (step.timeout_s or playbook.limits.step_timeout_s if kind.outside else None)
    undo = None
    if step.undo is not None:
        undo = {kind_of(step.undo.do).name: plain(step.undo.do, fill)}
        if step.undo.remind_after_s is not None:
            undo["remind_after_s"] = float(step.undo.remind_after_s)
    return PlannedStep(
        id=step.id,
        title=step.title,
        kind=kind.name,
        effect=effect_of(step),
        does=plain(step.do, fill),
        when=step.when.text if step.when is not None else None,
        target=step.target.fill(fill) if step.target is not None else None,
        timeout_s=None if timed is None else float(timed),
        undo=undo,
        steps=inner,
    )


def plain(value: Any, fill: Callable[[str], str]) -> Any:
    """A record as plain values, without what has its default and without the steps inside."""
    if isinstance(value, Template):
        return value.fill(fill)
    if isinstance(value, msgspec.Struct):
        if hasattr(value, "text") and hasattr(value, "PATTERN"):
            return value.text
        shown = {}
        for field in msgspec.structs.fields(value):
            inner = getattr(value, field.name)
            if field.name != "steps" and inner not in (field.default, None, (), {}, ""):
                shown[field.encode_name] = plain(inner, fill)
        return shown
    if isinstance(value, Mapping):
        return {str(key): plain(inner, fill) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [plain(inner, fill) for inner in value]
    return str(value) if isinstance(value, str) else float(value) if isinstance(value, float) else value
