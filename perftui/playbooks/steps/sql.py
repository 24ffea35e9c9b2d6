"""`sql`: one statement with bound parameters, in a read-only transaction unless the step is a change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from perftui.model.read_only_sql import refusal
from perftui.playbooks.document import Do, Effect, Step
from perftui.playbooks.steps.kind import Kind, Place, Problem
from perftui.playbooks.steps.world import Done, World
from perftui.playbooks.template import Reference
from perftui.playbooks.values import StepId

_EXECUTES = re.compile(r"(?i)explain\s*(\([^)]*)?\banalyze\b(?!\s*(false|off|0))")
_HIDDEN = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


class Sql(Do, frozen=True, kw_only=True):
    statement: str
    """One statement; `:name` stands for a parameter."""
    params: dict[StepId, Reference | float] = {}


def bare(statement: str) -> str:
    """The statement without comments, literals and quoted names, each replaced by a blank."""
    return _HIDDEN.sub(" ", statement)


def parameters(statement: str) -> list[str]:
    """The `:name` parameters, in order, each once; `::type` is a cast."""
    return list(dict.fromkeys(_PARAMETER.findall(bare(statement))))


def numbered(statement: str) -> tuple[str, list[str]]:
    """The statement with `$1`, `$2`, … for its parameters, and their names in that order."""
    names = parameters(statement)
    pieces: list[str] = []
    end = 0
    for found in [*_HIDDEN.finditer(statement), None]:
        open_text = statement[end : found.start() if found else None]
        pieces.append(_PARAMETER.sub(lambda each: f"${names.index(each[1]) + 1}", open_text))
        if found:
            pieces.append(found[0])
            end = found.end()
    return "".join(pieces), names


def is_one(statement: str) -> bool:
    return ";" not in bare(statement).strip().rstrip(";")


def effect(do: Sql) -> Effect:
    """Read, but EXPLAIN ANALYZE executes what it explains."""
    return Effect.UNKNOWN if _EXECUTES.match(bare(do.statement).strip()) else Effect.READ


def _references(do: Sql) -> Iterator[tuple[Place, str]]:
    return ((("params", name), value) for name, value in do.params.items() if isinstance(value, str))


def _check(step: Step, do: Sql) -> Iterator[Problem]:
    open_text = bare(do.statement)
    declared = step.effect or effect(do)
    if not open_text.strip():
        yield Problem(("statement",), "there is no statement", "write one SELECT")
    elif not is_one(do.statement):
        yield Problem(("statement",), "there is more than one statement", "write one statement a step")
    if "${" in do.statement:
        yield Problem(
            ("statement",), "${…} in SQL would become part of the statement", "write :name and bind it in params"
        )
    if declared is Effect.READ:
        # The same that the connection would answer when the step's turn has come.
        reason = refusal(numbered(do.statement)[0])
        if reason is not None and open_text.strip() and is_one(do.statement):
            yield Problem((), f"{reason}, and this step only reads", "declare effect: change with a target and an undo")
        if re.search(r"(?i)\bfor\s+(update|no\s+key\s+update|share|key\s+share)\b", open_text):
            yield Problem(("statement",), "SELECT … FOR UPDATE takes row locks in a read step", "leave the lock out")
    named = parameters(do.statement)
    for name in named:
        if name not in do.params:
            yield Problem(("statement",), f":{name} is bound to nothing", f"add params: {{{name}: vars.{name}}}")
    for name in do.params:
        if name not in named:
            yield Problem(("params", name), f"the statement has no :{name}", f"use :{name} or remove it")


async def execute(step: Step, do: Sql, world: World) -> Done:
    """Ask it; the transaction only reads unless the step is a declared change."""
    text, names = numbered(do.statement)
    args: list[Any] = []
    for name in names:
        bound = do.params[StepId(name)]
        value = world.value(bound) if isinstance(bound, str) else bound
        if value is None:
            return Done(state="unknown", why=f"{bound} is not known")
        args.append(value)
    writes = (step.effect or effect(do)) is Effect.CHANGE
    answer = await world.query(text, tuple(args), read_only=not writes, timeout_s=world.timeout_s)
    table = tuple(dict(zip(answer.columns, row, strict=True)) for row in answer.rows)
    return Done(
        state="passed", values={"n": len(table)}, table=table, output=_as_text(answer.columns, answer.rows, answer.cut)
    )


def _as_text(columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...], cut: bool) -> str:
    """Tab-separated, headed, as psql -A gives it."""
    lines = ["\t".join(columns), *("\t".join("" if value is None else str(value) for value in row) for row in rows)]
    return "\n".join([*lines, *(["… more rows were not read"] if cut else [])])


KIND = Kind(
    name="sql",
    do=Sql,
    text="one statement with bound parameters (`:name`), in a read-only transaction unless it is a change",
    short="statement",
    acts=True,
    undoes=True,
    outside=True,
    beside=("params",),
    effect=effect,
    fields={"n": "count"},
    captures=True,
    references=_references,
    check=_check,
    execute=execute,
)
