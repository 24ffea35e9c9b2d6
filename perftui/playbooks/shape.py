"""A YAML tree as records: every field checked against its type, all mistakes found in one walk."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT

from perftui.playbooks.complaint import Wrong, nearest
from perftui.playbooks.document import Do
from perftui.playbooks.steps import KINDS, UNDO_KINDS
from perftui.playbooks.steps.kind import Kind
from perftui.playbooks.yaml_tree import Misplaced, Node

Where = tuple[str | int, ...]
"""Keys and positions from the document's root."""


class Broken(msgspec.Struct, frozen=True):
    """Stands for a value that could not be made; why has been told."""


BROKEN = Broken()


class Field(msgspec.Struct, frozen=True):
    """One field of a record: its YAML key, its attribute, its type."""

    key: str
    attribute: str
    type: Any
    required: bool


@cache
def fields(record: type[msgspec.Struct]) -> dict[str, Field]:
    """The fields of a record by their key; what a step does is no field, its kinds are keys."""
    hints = get_type_hints(record)
    return {
        each.encode_name: Field(
            each.encode_name,
            each.name,
            hints[each.name],
            each.default is NODEFAULT and each.default_factory is NODEFAULT,
        )
        for each in msgspec.structs.fields(record)
        if hints[each.name] is not Do
    }


@cache
def does(record: type[msgspec.Struct]) -> tuple[str, ...]:
    """The kinds that may stand in a record; none but in steps and undos."""
    if get_type_hints(record).get("do") is not Do:
        return ()
    return UNDO_KINDS if record.__name__ == "Undo" else tuple(KINDS)


class Shaper:
    """Makes records of nodes and keeps every mistake."""

    def __init__(self) -> None:
        self.problems: list[Misplaced] = []
        self.places: dict[Where, tuple[int, int, bool]] = {}
        """Where each value stands: line, column, and whether it is a text on that one line."""

    def make(self, node: Node, kind: Any, where: Where) -> Any:
        """The value of a node, or BROKEN."""
        inline = node.raw is not None and not node.block
        self.places[where] = (node.line, node.column + node.quoted, inline)
        if get_origin(kind) in (Union, UnionType):
            return self._union(node, kind, where)
        if callable(getattr(kind, "parse", None)):
            return self._parsed(node, kind)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self._record(node, kind, where)
        if get_origin(kind) is tuple:
            return self._list(node, get_args(kind)[0], where)
        if get_origin(kind) is dict:
            key_kind, value_kind = get_args(kind)
            return self._mapping(node, key_kind, value_kind, where)
        return self._scalar(node, kind)

    def complain(self, node: Node, what: str, right: str = "") -> Broken:
        self.problems.append(Misplaced(node.line, node.column, what, right))
        return BROKEN

    def _union(self, node: Node, kind: Any, where: Where) -> Any:
        arms = [arm for arm in get_args(kind) if arm is not NoneType]
        if len(arms) == 1:
            return self.make(node, arms[0], where)
        # Params: a number, or the path of a value.
        number = node.raw is not None and isinstance(node.scalar, int | float) and not isinstance(node.scalar, bool)
        return self.make(node, float if number else arms[0], where)

    def _parsed(self, node: Node, kind: Any) -> Any:
        if node.raw is None or node.scalar is None:
            return self.complain(node, f"expected {_name(kind)}, not {node.word}")
        try:
            return kind.parse(node.raw)
        except Wrong as wrong:
            offset = 0 if node.block else wrong.offset + node.quoted
            self.problems.append(Misplaced(node.line, node.column + offset, wrong.what, wrong.right))
            return BROKEN

    def _scalar(self, node: Node, kind: Any) -> Any:
        if kind is Any:
            return self._anything(node)
        if node.raw is None or node.scalar is None:
            return self.complain(node, f"expected {_name(kind)}, not {node.word}")
        value = node.scalar
        if get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, StrEnum)):
            return self._one_of(node, kind)
        if kind is str:
            return node.raw
        if kind is bool and isinstance(value, bool):
            return value
        if kind in (int, float) and isinstance(value, kind | int) and not isinstance(value, bool):
            return kind(value)
        return self.complain(node, f"expected {_name(kind)}, not {node.word}")

    def _one_of(self, node: Node, kind: Any) -> Any:
        words = [str(word) for word in (get_args(kind) if get_origin(kind) is Literal else kind)]
        if node.raw not in words:
            return self.complain(node, f"{node.raw!r} is not known here", nearest(str(node.raw), words))
        return node.raw if get_origin(kind) is Literal else kind(node.raw)

    def _anything(self, node: Node) -> Any:
        return self.complain(node, f"expected one value, not {node.word}") if node.raw is None else node.scalar

    def _list(self, node: Node, kind: Any, where: Where) -> Any:
        if node.items is None:
            if node.raw is None or node.scalar is None:
                return self.complain(node, f"expected a list, not {node.word}")
            made = self.make(node, kind, where)
            return BROKEN if made is BROKEN else (made,)
        return tuple(
            made
            for number, item in enumerate(node.items)
            if (made := self.make(item, kind, (*where, number))) is not BROKEN
        )

    def _mapping(self, node: Node, key_kind: Any, kind: Any, where: Where) -> Any:
        if node.values is None or node.keys is None:
            return self.complain(node, f"expected a mapping, not {node.word}")
        made: dict[Any, Any] = {}
        for key, value in node.values.items():
            self.make(node.keys[key], key_kind, (*where, key))
            inner = self.make(value, kind, (*where, key))
            if inner is not BROKEN:
                made[key] = inner
        return made

    def _record(self, node: Node, record: type[msgspec.Struct], where: Where) -> Any:
        if node.values is None:
            return self.complain(node, f"expected {_name(record)}, not {node.word}")
        known, kinds = fields(record), does(record)
        do = self._do(node, record, kinds, where) if kinds else None
        beside = set(do[0].beside) if do else set()
        values = self._fields(node, known, {*kinds, *beside}, where)
        if do is not None:
            values["do"] = do[1]
        elif kinds:
            return BROKEN
        if any(values.get(each.attribute, BROKEN) is BROKEN for each in known.values() if each.required):
            return BROKEN
        if values.get("do") is BROKEN:
            return BROKEN
        return record(**{attribute: value for attribute, value in values.items() if value is not BROKEN})

    def _fields(self, node: Node, known: dict[str, Field], others: set[str], where: Where) -> dict[str, Any]:
        assert node.values is not None and node.keys is not None
        made: dict[str, Any] = {}
        for key, value in node.values.items():
            each = known.get(key)
            if each is not None:
                made[each.attribute] = self.make(value, each.type, (*where, key))
            elif key not in others:
                self.complain(node.keys[key], f"{key} is no field here", nearest(key, {*known, *others}))
        for each in known.values():
            if each.required and each.key not in node.values:
                self.complain(node, f"{each.key} is missing", f"add `{each.key}:`")
        return made

    def _do(self, node: Node, record: type, kinds: tuple[str, ...], where: Where) -> tuple[Kind, Any] | None:
        """What a step does, from the one key that names its kind."""
        assert node.values is not None and node.keys is not None
        named = [key for key in node.values if key in kinds]
        if not named:
            self.complain(node, f"the {record.__name__.lower()} does nothing", f"add one of {', '.join(kinds)}")
            return None
        for extra in named[1:]:
            told = f"a step does one thing, not {named[0]} and {extra}"
            self.complain(node.keys[extra], told, "make two steps of it")
        kind = KINDS[named[0]]
        under = node.values[kind.name]
        known = fields(kind.do)
        short = next(each for each in known.values() if each.attribute == kind.short)
        if under.values is not None and not kind.always_short:
            body = Node(under.line, under.column, keys=dict(under.keys or {}), values=dict(under.values))
        else:
            body = Node(under.line, under.column, keys={short.key: under}, values={short.key: under})
        for key in kind.beside:
            if key in node.values and body.keys is not None and body.values is not None:
                body.keys[key], body.values[key] = node.keys[key], node.values[key]
        place = (*where, kind.name)
        self.places[place] = (under.line, under.column, False)
        return kind, self._record(body, kind.do, place)


def _name(kind: Any) -> str:
    names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    told = names.get(kind)
    if told:
        return told
    word = getattr(kind, "__name__", "a word")
    return {
        "Condition": "a condition",
        "Template": "a text",
        "Duration": "a duration as 20s",
        "Size": "a size as 64KiB",
        "Quantity": "a number with its unit",
        "Reference": "the path of a value",
        "StepId": "a name",
    }.get(
        word, f"a mapping ({word.lower()})" if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else "a word"
    )
