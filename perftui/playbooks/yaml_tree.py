"""YAML text as a tree in which every node knows its line and column.

The safe subset of YAML 1.2: no tags, anchors or second documents, no key twice. Plain scalars are read by the 1.2 core
schema, whatever PyYAML thinks of them: `on` and `yes` are words, 012 is twelve, 1:30 and 2026-09-01 are text.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import yaml

from perftui.playbooks.complaint import Wrong

Scalar = str | int | float | bool | None
LIMIT_BYTES = 256 * 1024
_DEEPEST = 48
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]+")
_RADIX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u061c\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Control sequences, blanks that are none, and signs that turn the direction of writing."""
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class Node(msgspec.Struct):
    """One scalar, list or mapping. Line and column count from 1."""

    line: int
    column: int
    raw: str | None = None
    """A scalar as it was written; None for a list or mapping."""
    quoted: bool = False
    block: bool = False
    """Written as a `|` or `>` block, so that a place inside of it is on a later line."""
    items: list[Node] | None = None
    keys: dict[str, Node] | None = None
    """Of a mapping: where each key stands."""
    values: dict[str, Node] | None = None

    @property
    def scalar(self) -> Scalar:
        """Its value by the core schema; the text where it is quoted."""
        assert self.raw is not None
        return self.raw if self.quoted or self.block else _core(self.raw)

    @property
    def word(self) -> str:
        """What it is, for messages."""
        if self.values is not None:
            return "a mapping"
        if self.items is not None:
            return "a list"
        return "nothing" if self.scalar is None else repr(self.raw)


def plain(node: Node) -> Any:
    """The tree as mappings, lists and scalars, as it was written."""
    if node.values is not None:
        return {key: plain(value) for key, value in node.values.items()}
    return [plain(item) for item in node.items] if node.items is not None else node.scalar


class Misplaced(Wrong):
    """Wrong at a place of the text."""

    def __init__(self, line: int, column: int, what: str, right: str = "") -> None:
        super().__init__(what, right)
        self.line = line
        self.column = column


def read(text: str) -> tuple[Node | None, list[Misplaced]]:
    """The tree, and all that is wrong with it; no tree where it is no YAML at all."""
    problems: list[Misplaced] = []
    try:
        events = iter(yaml.parse(text, Loader=_LOADER))
        root = _document(events, problems)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return None, [*problems, Misplaced(*place, f"not YAML: {' '.join(str(exc.problem).split())}")]
    except yaml.YAMLError as exc:
        return None, [*problems, Misplaced(1, 1, f"not YAML: {' '.join(str(exc).split())}")]
    except Misplaced as problem:
        return None, [*problems, problem]
    return root, problems


def _document(events: Any, problems: list[Misplaced]) -> Node | None:
    root: Node | None = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if root is not None:
                raise Misplaced(*_place(event), "a second document begins here", "write one playbook a file")
            root = _node(next(events), events, problems, 0)
    if root is None:
        raise Misplaced(1, 1, "the file is empty", "write apiVersion, id, title and steps")
    return root


def _node(event: Any, events: Any, problems: list[Misplaced], depth: int) -> Node:
    line, column = _place(event)
    if isinstance(event, yaml.AliasEvent):
        problems.append(Misplaced(line, column, f"*{event.anchor} is an alias", "write the value out"))
        return Node(line, column, raw="")
    if getattr(event, "anchor", None):
        problems.append(Misplaced(line, column, f"&{event.anchor} is an anchor", "write the value out at each place"))
    if event.tag is not None:
        problems.append(Misplaced(line, column, f"{event.tag} is a tag", "leave it out; fields know their types"))
    if isinstance(event, yaml.ScalarEvent):
        hidden = _HIDDEN.search(event.value)
        if hidden:
            what = f"the text has a character in it that can't be seen, U+{ord(hidden[0]):04X}"
            problems.append(Misplaced(line, column, what, "take it out; it could hide what stands there"))
        return Node(line, column, raw=event.value, quoted=event.style in ("'", '"'), block=event.style in ("|", ">"))
    if depth >= _DEEPEST:
        raise Misplaced(line, column, f"nested more than {_DEEPEST} deep", "split the playbook with `use`")
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_node(event, events, problems, depth + 1))
        return Node(line, column, items=items)
    return _mapping(Node(line, column, keys={}, values={}), events, problems, depth)


def _mapping(mapping: Node, events: Any, problems: list[Misplaced], depth: int) -> Node:
    keys, values = mapping.keys, mapping.values
    assert keys is not None and values is not None
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _node(event, events, problems, depth + 1)
        value = _node(next(events), events, problems, depth + 1)
        if key.raw is None:
            problems.append(Misplaced(key.line, key.column, f"{key.word} can't be a key", "write a word"))
        elif key.raw in keys:
            first = keys[key.raw]
            problems.append(Misplaced(key.line, key.column, f"{key.raw} stands here twice; first in line {first.line}"))
        else:
            keys[key.raw], values[key.raw] = key, value
    return mapping


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _core(raw: str) -> Scalar:
    if raw in _WORDS:
        return _WORDS[raw]
    if len(raw) > 40:
        return raw
    if _INT.fullmatch(raw):
        return int(raw)
    if _RADIX.fullmatch(raw):
        return int(raw, 0)
    return float(raw) if _FLOAT.fullmatch(raw) else raw
