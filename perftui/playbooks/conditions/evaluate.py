"""A compiled condition against a scope: true, false or unknown, and for how long it has been true.

Kleene logic: unknown and false is false, unknown or true is true, everything else with an unknown in it is unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import simpleeval

from perftui.history.history import History
from perftui.history.middle import median
from perftui.playbooks.conditions.functions import FUNCTIONS, call
from perftui.playbooks.conditions.scope import Scope, Value, reading
from perftui.playbooks.conditions.syntax import Condition, Number, Path

ENOUGH = 0.8
"""Of the samples that a `for` window should hold (3.3)."""
_GAP = 2
"""Intervals without a sample that a `for` window may have."""
_SAME = 2e-7
"""Relative difference of two numbers that are one: courses are kept as 32 bit floats, and 0.8 must not be above 80 %."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a condition comes to."""

    truth: bool | None
    """None is unknown: it passes no check and starts no change."""
    missing: tuple[str, ...] = ()
    """Readings and values that were not known; where the truth is unknown, the reason for it."""
    held_s: float = 0.0
    """How long the expression before `for` has been true without a break."""
    needed_s: float = 0.0
    """The duration after `for`; 0 without one."""
    detail: str = ""
    """Why a window is unknown although every reading is known now."""


def evaluate(condition: Condition, scope: Scope) -> Outcome:
    """The condition now. Pure: the history's newest tick is its only now."""
    missing: list[str] = []
    now = _Closed(scope, missing).truth(condition.expression)
    if not condition.hold_s:
        return Outcome(truth=now, missing=tuple(dict.fromkeys(missing)))
    if now is not True or scope.history is None:
        return Outcome(truth=now, missing=tuple(dict.fromkeys(missing)), needed_s=condition.hold_s)
    return _held(condition, scope, scope.history)


def _held(condition: Condition, scope: Scope, history: History) -> Outcome:
    """The trailing window of an expression that is true now, walked back from the newest tick to the first that is not."""
    ages = history.ages(condition.hold_s)
    missing: list[str] = []
    truths: list[bool | None] = [True]
    closed = _Closed(scope, missing)
    for ticks in range(1, len(ages)):
        closed.move_to(history.back(ticks))
        truth = closed.truth(condition.expression)
        truths.append(truth)
        if truth is False:
            break
    unknown = truths.index(None) if None in truths else len(truths)
    broken = len(truths) - 1 if truths[-1] is False else len(truths)
    held_s = ages[min(unknown, broken) - 1]
    told = tuple(dict.fromkeys(missing))
    if truths[-1] is False:
        return Outcome(truth=False, missing=told, held_s=held_s, needed_s=condition.hold_s)
    detail = _gap(ages, condition.hold_s) or ("" if unknown == len(truths) else "a reading was not known in the window")
    return Outcome(
        truth=None if detail else True,
        missing=told,
        held_s=held_s if detail else max(held_s, condition.hold_s),
        needed_s=condition.hold_s,
        detail=detail,
    )


def _gap(ages: list[float], hold_s: float) -> str:
    """Why the samples don't cover the window; empty where they do. Ages of its ticks, newest first."""
    gaps = [after - before for before, after in pairwise(ages)]
    if not gaps:
        return f"watched for less than {hold_s:g} s"
    interval = median(gaps)
    if hold_s - ages[-1] > _GAP * interval:
        return f"watched for {ages[-1]:.0f} of {hold_s:g} s"
    if max(gaps) > _GAP * interval * 1.05:
        return f"{max(gaps):.0f} s without a sample"
    expected = hold_s / interval
    return "" if len(ages) >= ENOUGH * expected else f"{len(ages)} of {expected:.0f} samples"


class _Closed(simpleeval.SimpleEval):
    """simpleeval cut down to what conditions may hold. It sees numbers, texts and truths, and never an object."""

    def __init__(self, scope: Scope, missing: list[str]) -> None:
        self._scope = scope
        self._history = scope.history
        self._missing = missing
        self._handlers: dict[type, Callable[[Any], Any]] = {
            ast.BoolOp: self._eval_boolop,
            ast.UnaryOp: self._eval_unaryop,
            ast.BinOp: self._eval_binop,
            ast.Compare: self._eval_compare,
            ast.Call: self._eval_call,
            ast.Constant: _constant,
            Number: _constant,
            Path: self._eval_path,
        }

    def move_to(self, history: History) -> None:
        """The same values at another moment."""
        self._history = history

    def truth(self, expression: ast.expr) -> bool | None:
        value: Any = self._eval(expression)
        if value is None or isinstance(value, bool):
            return value
        # The course of a yes/no reading is kept as 1 and 0.
        return bool(value) if value in (0.0, 1.0) else None

    def _eval(self, node: Any) -> Any:
        return self._handlers[type(node)](node)

    def _get(self, parts: tuple[str, ...]) -> Value:
        if parts[0] in self._scope.values:
            return self._scope.get(parts)
        return None if self._history is None else reading(self._history, parts)

    def _eval_path(self, node: Path) -> Any:
        value = self._get(node.parts)
        if value is None:
            self._missing.append(node.id)
        return value

    def _eval_boolop(self, node: ast.BoolOp) -> bool | None:
        decisive = isinstance(node.op, ast.Or)
        unknown = False
        for inner in node.values:
            value = self.truth(inner)
            if value is decisive:
                return decisive
            unknown = unknown or value is None
        return None if unknown else not decisive

    def _eval_unaryop(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            truth = self.truth(node.operand)
            return None if truth is None else not truth
        value = self._eval(node.operand)
        return -value if isinstance(value, int | float) else None

    def _eval_binop(self, node: ast.BinOp) -> float | None:
        left, right = self._eval(node.left), self._eval(node.right)
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            return None
        try:
            match node.op:
                case ast.Add():
                    return left + right
                case ast.Sub():
                    return left - right
                case ast.Mult():
                    return left * right
            return left / right
        except (ZeroDivisionError, OverflowError):
            return None

    def _eval_compare(self, node: ast.Compare) -> bool | None:
        unknown, left = False, self._eval(node.left)
        for operation, comparator in zip(node.ops, node.comparators, strict=True):
            right = self._eval(comparator)
            held = _compared(operation, left, right)
            if held is False:
                return False
            unknown = unknown or held is None
            left = right
        return None if unknown else True

    def _eval_call(self, node: Any) -> Any:
        name, given = node.func.id, node.args
        function = FUNCTIONS[name]
        if function.over is not None and self._history is not None:
            arguments = [arg.id if isinstance(arg, Path) else arg.value for arg in given]
            return self._known(call(function, self._history, arguments), given[0].id)
        match name:
            case "absent":
                return self._get(given[0].parts) is None
            case "baseline":
                return self._usual(given[0].id)
            case "ratio":
                return self._ratio(given[0])
            case "deploys":
                return self._known(self._scope.deploys(given[0].value), "deploys")
            case "abs" | "round":
                value = self._eval(given[0])
                return None if not isinstance(value, int | float) else abs(value) if name == "abs" else round(value)
        return self._known(None, given[0].id)

    def _ratio(self, path: Path) -> float | None:
        now, usual = self._eval_path(path), self._usual(path.id)
        return now / usual if isinstance(now, int | float) and usual else None

    def _usual(self, reading: str) -> float | None:
        return self._known(self._scope.baselines.get(reading), f"baseline({reading}): {self._scope.no_baseline}")

    def _known(self, value: float | None, name: str) -> float | None:
        if value is None:
            self._missing.append(name)
        return value


def _constant(node: ast.Constant) -> Any:
    return node.value


def _compared(operation: ast.cmpop, left: Any, right: Any) -> bool | None:
    same: bool
    less: bool
    if left is None or right is None or isinstance(left, str) is not isinstance(right, str):
        return None
    if isinstance(left, str):
        same, less = left == right, left < right
    else:
        both_whole = isinstance(left, int) and isinstance(right, int)
        same = left == right or (not both_whole and abs(left - right) <= _SAME * max(abs(left), abs(right)))
        less = left < right
    match operation:
        case ast.Eq():
            return same
        case ast.NotEq():
            return not same
        case ast.Lt():
            return less and not same
        case ast.LtE():
            return less or same
        case ast.Gt():
            return not less and not same
    return not less or same
