"""Arms of a branch that an earlier arm takes away: `x > 10` can't be reached behind `x > 5`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import msgspec

from perftui.playbooks.checks.flow import Flow
from perftui.playbooks.checks.sheet import Placed, Sheet
from perftui.playbooks.complaint import Complaint
from perftui.playbooks.conditions import Condition
from perftui.playbooks.conditions.syntax import Number, Path
from perftui.playbooks.steps.branch import Branch


class _Bound(msgspec.Struct, frozen=True):
    """`path > limit` or `path < limit`."""

    path: str
    above: bool
    limit: float
    includes: bool
    hold_s: float


def check_branches(sheet: Sheet, flow: Flow) -> Iterator[Complaint]:
    """Arms that are never taken."""
    for placed in sheet.steps:
        if not isinstance(placed.step.do, Branch):
            continue
        yield from _falls_through(sheet, placed, placed.step.do)
        earlier: list[tuple[int, _Bound]] = []
        for number, arm in enumerate(placed.step.do.arms):
            bound = _bound(sheet, arm.condition) if arm.condition else None
            if bound is None:
                continue
            taken = next((first for first, other in earlier if _covers(other, bound)), None)
            if taken is not None:
                what = f"this arm can't be reached: arm {taken + 1} is true whenever it is"
                yield sheet.say((*placed.do, "arms", number, "if"), what, "put the narrower arm first")
            earlier.append((number, bound))


def _falls_through(sheet: Sheet, placed: Placed, branch: Branch) -> Iterator[Complaint]:
    """After `use` or `steps` an arm goes on to the next step, also where that is meant for when no arm is true."""
    *around, number = placed.where
    following = next((each for each in sheet.steps if each.where == (*around, int(number) + 1)), None)
    if following is None or following.step.id not in (branch.otherwise, branch.unknown):
        return
    for place, arm in enumerate(branch.arms):
        if arm.condition is not None and arm.goto is None and (arm.use or arm.steps):
            what = f"after it the run goes on with {following.step.id}, which is for when no arm is true"
            yield sheet.say((*placed.do, "arms", place), what, "say where to go on: `goto: STEP`", warning=True)


def _bound(sheet: Sheet, condition: Condition) -> _Bound | None:
    compare = condition.expression
    if not isinstance(compare, ast.Compare) or len(compare.ops) != 1 or not isinstance(compare.left, Path):
        return None
    limit, operation = compare.comparators[0], compare.ops[0]
    if isinstance(limit, Number):
        value = limit.value
    elif isinstance(limit, Path) and limit.parts[0] == "t":
        threshold = next((t for name, t in sheet.playbook.thresholds.items() if limit.parts[1:] == (name,)), None)
        if threshold is None:
            return None
        value = threshold.value.value
    else:
        return None
    if not isinstance(operation, ast.Gt | ast.GtE | ast.Lt | ast.LtE):
        return None
    return _Bound(
        path=compare.left.id,
        above=isinstance(operation, ast.Gt | ast.GtE),
        limit=value,
        includes=isinstance(operation, ast.GtE | ast.LtE),
        hold_s=condition.hold_s,
    )


def _covers(wide: _Bound, narrow: _Bound) -> bool:
    """Whether the first is true whenever the second is; equal texts are told by the branch itself."""
    if (wide.path, wide.above) != (narrow.path, narrow.above) or wide.hold_s > narrow.hold_s or wide == narrow:
        return False
    if wide.limit == narrow.limit:
        return wide.includes or not narrow.includes
    return narrow.limit > wide.limit if wide.above else narrow.limit < wide.limit
