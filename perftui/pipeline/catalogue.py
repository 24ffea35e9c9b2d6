"""Every reading's name with its unit and meaning, generated from the types: what `perftui readings` prints."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from perftui.history.flatten import below
from perftui.history.trends import TRENDS
from perftui.model.units import unit_of
from perftui.pipeline.load_limit import LoadLimit
from perftui.pipeline.tree import Reachable
from perftui.sources import KINDS
from perftui.sources.deploy import DeploysRead

_KEYS = {
    "disks": "NAME",
    "filesystems": "PATH",
    "network": "NAME",
    "cgroups": "PATH",
    "pools": "NAME",
    "probes": "NAME",
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One reading."""

    name: str
    """`host.disks.NAME.await_s`; NAME and PATH stand for a device or a place, `[]` for each item of a list."""
    unit: str
    text: str


def catalogue() -> list[Entry]:
    """All readings, in the order of their sources."""
    found: dict[str, Entry] = {}
    parts: list[tuple[str, type]] = [
        *((kind.root, kind.part) for kind in KINDS if not issubclass(kind.part, DeploysRead)),
        *((trend.root, trend.part) for trend in TRENDS),
        ("postgres", Reachable),
        ("load", LoadLimit),
    ]
    for root, part in parts:
        for entry in _entries(part, root):
            found.setdefault(entry.name, entry)
    return list(found.values())


def _entries(record: type, path: str) -> Iterator[Entry]:
    for field, hint in get_type_hints(record).items():
        name = below(path, field)
        kind = _without_none(hint)
        if get_origin(kind) is dict:
            name, kind = f"{name}.{_KEYS.get(field, 'KEY')}", _without_none(get_args(kind)[1])
        elif get_origin(kind) is tuple:
            name, kind = f"{name}[]", _without_none(get_args(kind)[0])
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            yield from _entries(kind, name)
        else:
            yield Entry(name=name, unit=_unit(field, kind), text=_text(record, field))


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        arms = [arm for arm in get_args(hint) if arm is not NoneType]
        return arms[0] if len(arms) == 1 else hint
    return hint


def _unit(field: str, kind: Any) -> str:
    if kind is bool:
        return "yes/no"
    if kind not in (int, float):
        return "text"
    return unit_of(field)


def _text(record: type, field: str) -> str:
    """The docstring below the field; its class' one where the field's name says the rest."""
    docs = _docs(record.__module__).get(record.__name__, {})
    return " ".join((docs.get(field) or docs.get("") or field.replace("_", " ")).split())


@cache
def _docs(module: str) -> dict[str, dict[str, str]]:
    """Class → field → docstring of a module; the class' own under the empty name."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = {"": ast.get_docstring(node) or "", **_field_docs(node)}
    return found


def _field_docs(node: ast.ClassDef) -> dict[str, str]:
    docs = {}
    for field, after in zip(node.body, node.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            value = after.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                docs[field.target.id] = value.value
    return docs
