"""What a condition measures: no seconds against bytes, no text against a number."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from perftui.playbooks.conditions.functions import FUNCTIONS, PER_SECOND, SAME
from perftui.playbooks.conditions.syntax import Condition, Number, Path

Told = Callable[[int, str, str], None]
"""(offset in the text, what is wrong, what would be right)."""
Units = Callable[[Path], str | None]
"""The unit of a path; None where it can't be known before the run."""

_WORDS = {
    "": "a bare number",
    "s": "seconds",
    "text": "text",
    "yes/no": "true or false",
    "percent": "percent",
    "1/s": "a rate",
}
_HOW = {
    "ratio": "write a share: 20%",
    "s": "write a duration: 100ms",
    "bytes": "write a size: 512MiB",
    "count": "write a plain number",
}
_RATES = {"bytes": "bytes/s", "s": "s/s", "count": "1/s"}
_PLAIN = ("", "count", "ratio", "percent")


def check(condition: Condition, units: Units, told: Told) -> None:
    """Tell every comparison and sum whose sides don't measure the same."""
    _Measure(units, told).truth(condition.expression)


class _Measure:
    def __init__(self, units: Units, told: Told) -> None:
        self._units = units
        self._told = told

    def truth(self, node: Any) -> None:
        unit = self.unit(node)
        if unit not in ("yes/no", None):
            self._told(
                node.col_offset, f"here stands {_word(unit)}, not something true or false", "compare it: … > 80%"
            )

    def unit(self, node: Any) -> str | None:
        match node:
            case Number():
                return node.unit
            case ast.Constant():
                return "text" if isinstance(node.value, str) else "yes/no"
            case Path():
                unit = self._units(node)
                return "count" if unit == "counter" else unit
            case ast.BoolOp():
                for value in node.values:
                    self.truth(value)
                return "yes/no"
            case ast.UnaryOp():
                if isinstance(node.op, ast.Not):
                    self.truth(node.operand)
                    return "yes/no"
                return self._number(node.operand)
            case ast.BinOp():
                return self._sum(node)
            case ast.Compare():
                self._compare(node)
                return "yes/no"
        return self._call(node)

    def _number(self, node: Any) -> str | None:
        unit = self.unit(node)
        if unit in ("text", "yes/no", "UTC"):
            self._told(node.col_offset, f"{_word(unit)} can't be calculated with", "take a number")
            return None
        return unit

    def _sum(self, node: ast.BinOp) -> str | None:
        left, right = self._number(node.left), self._number(node.right)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Add | ast.Sub):
            self._same(node.right, left, right, "added to" if isinstance(node.op, ast.Add) else "taken from")
            return left or right
        if isinstance(node.op, ast.Mult):
            return left if right in _PLAIN else right if left in _PLAIN else None
        if right in _PLAIN:
            return left
        return "" if left == right else None

    def _compare(self, node: ast.Compare) -> None:
        left = self.unit(node.left)
        for operation, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.unit(comparator)
            self._same(comparator, left, right, "compared with")
            if {left, right} & {"text", "yes/no"} and not isinstance(operation, ast.Eq | ast.NotEq):
                told = "text and truths have no order"
                self._told(comparator.col_offset, told, "compare with == or !=")
            left = right

    def _same(self, node: Any, left: str | None, right: str | None, verb: str) -> None:
        if left is None or right is None or left == right:
            return
        if "" in (left, right) and not {left, right} & {"text", "yes/no", "UTC"}:
            return
        hint = ""
        if {left, right} == {"ratio", "percent"}:
            hint = "these functions give percent: write 20 instead of 20%"
        elif {left, right} == {"text", ""}:
            hint = "put a text in quotes, and a number out of them"
        elif isinstance(node, Number):
            hint = _HOW.get(left, "")
        self._told(node.col_offset, f"{_word(left)} can't be {verb} {_word(right)}", hint)

    def _call(self, node: Any) -> str | None:
        function = FUNCTIONS[node.func.id]
        if function.takes == ("window",):
            return function.unit
        unit = self.unit(node.args[0])
        if unit in ("text", "yes/no", "UTC") and node.func.id != "absent":
            self._told(
                node.args[0].col_offset,
                f"{node.func.id} needs a number, not {_word(unit)}",
                f"write {function.example}",
            )
            return None
        if function.unit == SAME:
            return unit
        if function.unit == PER_SECOND:
            return None if unit is None else _RATES.get(unit)
        return function.unit


def _word(unit: str | None) -> str:
    if unit is None:
        return "an unknown value"
    return _WORDS.get(unit, f"a {unit}" if unit in ("ratio", "count") else unit)
