"""The ways through a playbook: steps nobody reaches, gotos to nowhere, loops nobody ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from perftui.playbooks.checks.sheet import Placed, Sheet
from perftui.playbooks.complaint import Complaint, nearest
from perftui.playbooks.document import Effect, Step
from perftui.playbooks.shape import Where


class Flow:
    """Which step may come after which. Steps are known by where they stand."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._places = {id(placed.step): placed for placed in sheet.steps}
        self.after: dict[Where, set[Where]] = {placed.where: set() for placed in sheet.steps}
        self.jumps: list[tuple[Where, Where, Where]] = []
        """(where a goto stands, its step, its target)."""
        self._chain(sheet.playbook.steps, set())
        self._chain(sheet.playbook.finally_, set())

    def _chain(self, steps: Sequence[Step], then: set[Where]) -> None:
        """Steps one after another, and what follows the last."""
        for number, step in enumerate(steps):
            after = {self._places[id(steps[number + 1])].where} if number + 1 < len(steps) else then
            self._one(self._places[id(step)], after)

    def _one(self, placed: Placed, then: set[Where]) -> None:
        step, kind, out = placed.step, placed.kind, self.after[placed.where]
        if kind.goes_on(step.do) or step.when is not None:
            out |= then
        if step.on_fail.step:
            out |= self._jump((*placed.where, "on_fail"), placed, step.on_fail.step)
        for way in kind.ways(step.do):
            where = (*placed.do, *way.place)
            beyond = self._jump(where, placed, way.goto) if way.goto else then
            if not way.steps:
                out |= beyond
            elif kind.together:
                for inner in way.steps:
                    out.add(self._places[id(inner)].where)
                    self._chain([inner], beyond)
            else:
                first = self._places[id(way.steps[0])].where
                out.add(first)
                self._chain(way.steps, beyond | ({first} if kind.loops else set()))

    def _jump(self, where: Where, placed: Placed, target: str) -> set[Where]:
        found = self._sheet.by_id.get(target)
        if found is None:
            return set()
        self.jumps.append((where, placed.where, found.where))
        return {found.where}

    @cached_property
    def before(self) -> dict[Where, set[Where]]:
        """The steps that may have run before each."""
        found: dict[Where, set[Where]] = {where: set() for where in self.after}
        for start in self.after:
            for reached in reach(self.after, self.after[start]):
                found[reached].add(start)
        # `finally` comes after whatever was reached.
        everything = {placed.where for placed in self._sheet.steps if placed.where[0] == "steps"}
        for where in found:
            if where[0] == "finally":
                found[where] |= everything
        return found


def reach(after: dict[Where, set[Where]], start: set[Where]) -> set[Where]:
    """All that can be come to from there, the start included."""
    seen, waiting = set(start), list(start)
    while waiting:
        for following in after.get(waiting.pop(), ()):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return seen


def check_flow(sheet: Sheet, flow: Flow) -> Iterator[Complaint]:
    """Everything that is wrong with the ways through the playbook."""
    yield from _twice(sheet)
    yield from _gotos(sheet)
    if not sheet.playbook.steps:
        if not sheet.broken:
            yield sheet.say(("steps",), "there are no steps", "write one")
        return
    reached = reach(flow.after, {("steps", 0)})
    for placed in sheet.steps:
        if placed.where[0] == "steps" and placed.where not in reached and not sheet.broken:
            told = f"step {placed.step.id} can't be reached"
            yield sheet.say(placed.where, told, "lead to it with goto, or remove it")
    yield from _spinning(sheet, flow)


def _twice(sheet: Sheet) -> Iterator[Complaint]:
    seen: dict[str, Placed] = {}
    for placed in sheet.steps:
        first = seen.setdefault(str(placed.step.id), placed)
        if first is not placed:
            line = sheet.loaded.places[first.where][0]
            what = f"{placed.step.id} is the id of two steps; first in line {line}"
            yield sheet.say((*placed.where, "id"), what, "give it one of its own")


def _gotos(sheet: Sheet) -> Iterator[Complaint]:
    known = set(sheet.by_id) | sheet.broken
    for placed in sheet.steps:
        ways = [((*placed.do, *way.place), way.goto) for way in placed.kind.ways(placed.step.do) if way.goto]
        if placed.step.on_fail.step:
            ways.append(((*placed.where, "on_fail"), placed.step.on_fail.step))
        for where, target in ways:
            at = next(
                (place for key in ("goto", "else", "unknown") if (place := (*where, key)) in sheet.loaded.places), where
            )
            if target not in known:
                yield sheet.say(at, f"{target} is no step", nearest(target, known))
            elif target in sheet.by_id:
                yield from _landing(sheet, placed, at, sheet.by_id[target])


def _landing(sheet: Sheet, placed: Placed, at: Where, target: Placed) -> Iterator[Complaint]:
    """A goto leads to a step of its own list or of one around it."""
    if placed.unmanned not in ("", "finally"):
        yield sheet.say(at, f"a step inside of {placed.unmanned} can't leave it", "decide in a step after it")
    elif target.where[:-1] != placed.where[: len(target.where) - 1]:
        told = (
            f"{target.step.id} stands inside of another step" if target.where[0] == "steps" else "finally is no target"
        )
        yield sheet.say(at, told, "go to a step of the same list or of one around it")


def _spinning(sheet: Sheet, flow: Flow) -> Iterator[Complaint]:
    """Gotos that close a loop in which no person takes part."""
    manned = {placed.where for placed in sheet.steps if placed.kind.operator or placed.effect is not Effect.READ}
    alone = {
        where: {each for each in after if each not in manned}
        for where, after in flow.after.items()
        if where not in manned
    }
    for where, source, target in flow.jumps:
        if source in alone and target in alone and source in reach(alone, {target}):
            step = next(placed.step.id for placed in sheet.steps if placed.where == target)
            what = f"the loop back to {step} has no operator in it and may never end"
            yield sheet.say(where, what, "put a choose or an ask into it")
