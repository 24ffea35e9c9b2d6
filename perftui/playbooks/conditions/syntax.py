"""A condition's text as a tree that can be evaluated: units turned to base units, names as whole paths, nothing else let in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, ClassVar

import msgspec

from perftui.playbooks.complaint import Wrong, nearest
from perftui.playbooks.conditions.functions import FUNCTIONS
from perftui.playbooks.values import NUMBER, NUMBER_UNITS, UNIT, Duration, in_base_unit

LONGEST, DEEPEST = 500, 20
_FOR = re.compile(r"(.*\S)\s+for\s+(\S+)\s*", re.DOTALL)
_TOKEN = re.compile(rf"'[^']*'|\"[^\"]*\"|(?<![\w.])({NUMBER})({UNIT})?(?!\w)(?!\.\w)")
_COMPARES = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_SUMS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_HINTS = {"&&": "write `and`", "||": "write `or`", "!": "write `not`", "=": "write == to compare"}
_WRITE = "write a comparison: host.cpu.busy_ratio > 85% for 10s"


class Number(ast.Constant):
    """A number in base units."""

    value: float

    unit: str
    """ratio, s, bytes; empty for a bare one."""


class Path(ast.Name):
    """A whole dotted path; `id` is its name, as the history knows it."""

    parts: tuple[str, ...]


class Condition(msgspec.Struct, frozen=True, eq=False):
    """A condition, compiled."""

    PATTERN: ClassVar = r"^.{1,500}$"

    text: str
    expression: Any
    """The tree of what stands before `for`: ast nodes, with `Number` and `Path` among them."""
    hold_s: float = 0.0
    """How long it must have been true; 0 without `for`."""

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Compile a text.

        Raises:
            Wrong: with the place in the text.
        """
        return compiled(text)

    def nodes(self) -> Iterator[Any]:
        """Every node of the expression."""
        return ast.walk(self.expression)

    def paths(self) -> Iterator[Path]:
        """The readings and values it names."""
        return (node for node in self.nodes() if isinstance(node, Path))


@lru_cache(maxsize=4096)
def compiled(text: str) -> Condition:
    """The condition of a text; the same text is compiled once."""
    if len(text) > LONGEST:
        raise Wrong(f"the condition is longer than {LONGEST} characters", "split it into several")
    flat = re.sub(r"\s", " ", text)
    suffix = _FOR.fullmatch(flat)
    expression, hold_s = flat, 0.0
    if suffix:
        expression = suffix[1]
        try:
            hold_s = Duration.parse(suffix[2])
        except Wrong as wrong:
            raise Wrong(wrong.what, wrong.right, suffix.start(2)) from None
    return Condition(text=text, expression=_Reader(expression).tree(), hold_s=hold_s)


class _Reader:
    """Reads one expression; offsets are those of the text as it was written."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._units: dict[int, str] = {}
        self._shifts: list[tuple[int, int]] = [(0, 0)]
        self._python = self._in_base_units()

    def tree(self) -> ast.expr:
        if not self._text.strip():
            raise Wrong("the condition is empty", _WRITE)
        # Leading blanks would be an indent to Python.
        try:
            body = ast.parse(self._python.lstrip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as exc:
            raise self._unreadable(exc) from None
        return self._closed(body, 1)

    def _in_base_units(self) -> str:
        pieces: list[str] = []
        end = length = 0
        for found in _TOKEN.finditer(self._text):
            number, unit = found[1], found[2]
            if number is None:
                continue
            before = self._text[end : found.start()]
            length += len(before)
            written = repr(in_base_unit(number, unit)) if unit else self._plain(number)
            self._units[length] = NUMBER_UNITS[unit][1] if unit else ""
            pieces += [before, written]
            length += len(written)
            end = found.end()
            self._shifts.append((length, end))
        return "".join([*pieces, self._text[end:]])

    def _plain(self, number: str) -> str:
        return number.lstrip("0") or "0" if "." not in number else number

    def _written(self, offset: int) -> int:
        """Where in the written text a place of the rewritten one stands."""
        rewritten, written = max(shift for shift in self._shifts if shift[0] <= offset)
        return min(written + offset - rewritten, len(self._text))

    def _place(self, node: ast.expr) -> int:
        """Its offset in the rewritten text; ast counts bytes."""
        text = self._python.lstrip()
        return len(self._python) - len(text) + len(text.encode()[: node.col_offset].decode("utf-8", "replace"))

    def _unreadable(self, exc: Exception) -> Wrong:
        offset = (
            max(0, (exc.offset or 1) - 1 + len(self._python) - len(self._python.lstrip()))
            if isinstance(exc, SyntaxError)
            else 0
        )
        for sign, hint in _HINTS.items():
            place = re.search(rf"(?<![=<>!]){re.escape(sign)}(?!=)", re.sub(r"'[^']*'|\"[^\"]*\"", '""', self._text))
            if place:
                return Wrong(f"{sign} is not known in conditions", hint, place.start())
        return Wrong("the condition can't be read", _WRITE, self._written(offset))

    def _wrong(self, node: ast.expr, what: str, right: str = "") -> Wrong:
        return Wrong(what, right, self._written(max(0, self._place(node))))

    def _closed(self, node: ast.expr, depth: int) -> ast.expr:
        if depth > DEEPEST:
            raise self._wrong(node, f"the condition is nested more than {DEEPEST} deep", "split it into several")
        offset = self._written(max(0, self._place(node)))
        closed = self._one(node, depth)
        closed.col_offset = offset
        return closed

    def _one(self, node: ast.expr, depth: int) -> ast.expr:
        match node:
            case ast.BoolOp():
                return ast.BoolOp(op=node.op, values=[self._closed(value, depth + 1) for value in node.values])
            case ast.UnaryOp(op=ast.Not() | ast.USub()):
                return ast.UnaryOp(op=node.op, operand=self._closed(node.operand, depth + 1))
            case ast.BinOp() if isinstance(node.op, _SUMS):
                left, right = self._closed(node.left, depth + 1), self._closed(node.right, depth + 1)
                return ast.BinOp(left=left, op=node.op, right=right)
            case ast.BinOp(op=ast.Mod()):
                raise self._wrong(
                    node.right, "% is not known as an operator", "a percentage has no space before it: 20%"
                )
            case ast.Compare() if all(isinstance(op, _COMPARES) for op in node.ops):
                left = self._closed(node.left, depth + 1)
                return ast.Compare(
                    left=left, ops=node.ops, comparators=[self._closed(each, depth + 1) for each in node.comparators]
                )
            case ast.Compare():
                raise self._wrong(node, "conditions compare with < <= > >= == != only", "join several with `or`")
            case ast.Constant():
                return self._constant(node)
            case ast.Name(id="true" | "false"):
                return ast.Constant(value=node.id == "true")
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._path(node)
            case ast.Call():
                return self._call(node, depth)
        raise self._wrong(node, f"{type(node).__name__} is not known in conditions", _WRITE)

    def _constant(self, node: ast.Constant) -> ast.expr:
        if isinstance(node.value, bool | str):
            return ast.Constant(value=node.value)
        if not isinstance(node.value, int | float):
            raise self._wrong(
                node, f"{node.value!r} is no value of a condition", "ask absent(READING) whether it is known"
            )
        number = Number(value=node.value)
        number.unit = self._units.get(self._place(node), "")
        return number

    def _path(self, node: ast.expr) -> Path:
        parts: list[str] = []
        inner: ast.expr = node
        while not isinstance(inner, ast.Name):
            if isinstance(inner, ast.Attribute):
                parts.append(inner.attr)
                inner = inner.value
            elif isinstance(inner, ast.Subscript) and isinstance(inner.slice, ast.Constant):
                key = inner.slice.value
                if not isinstance(key, str):
                    raise self._wrong(node, "a key in brackets is a text", 'write host.filesystems["/var"].used_ratio')
                parts.append(key)
                inner = inner.value
            else:
                raise self._wrong(node, "this names no reading", "write its path: host.cpu.busy_ratio")
        parts.append(inner.id)
        path = Path(id=".".join(reversed(parts)), ctx=ast.Load())
        path.parts = tuple(reversed(parts))
        return path

    def _call(self, node: ast.Call, depth: int) -> ast.expr:
        if not isinstance(node.func, ast.Name):
            raise self._wrong(node, "readings have no functions of their own", "write avg(host.cpu.busy_ratio, '5m')")
        name = node.func.id
        function = FUNCTIONS.get(name)
        if function is None:
            raise self._wrong(node, f"{name} is no function", nearest(name, set(FUNCTIONS)))
        if node.keywords or len(node.args) != len(function.takes):
            count = len(node.args) + len(node.keywords)
            takes = len(function.takes)
            told = f"{name} takes {takes} argument{'s' if takes != 1 else ''}, not {count}"
            raise self._wrong(node, told, f"write {function.example}")
        call = ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=[], keywords=[])
        for takes_one, given in zip(function.takes, node.args, strict=True):
            call.args.append(self._argument(takes_one, self._closed(given, depth + 1), given, function.example))
        return call

    def _argument(self, takes: str, read: ast.expr, given: ast.expr, example: str) -> ast.expr:
        if takes == "reading" and (not isinstance(read, Path) or read.parts[0] in ("vars", "t", "steps")):
            raise self._wrong(given, "here stands a reading", f"write {example}")
        if takes == "number" and not (isinstance(read, Number) and not read.unit and 0 <= read.value <= 100):
            raise self._wrong(given, "here stands a percentage from 0 to 100, without %", f"write {example}")
        if takes != "window":
            return read
        if isinstance(read, Number) and read.unit == "s":
            return read
        try:
            seconds = Number(value=float(Duration.parse(str(getattr(read, "value", None)))))
        except Wrong:
            raise self._wrong(given, "here stands a window", f"write {example}") from None
        seconds.unit = "s"
        seconds.col_offset = read.col_offset
        return seconds
