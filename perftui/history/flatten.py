"""A part's numbers under their reading names: `host.cpu.busy_ratio`, `host.disks.vda.await_s`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from math import nan
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

Getter = Callable[[Any, str, list[tuple[str, float]]], None]


def flatten(part: msgspec.Struct, root: str) -> list[tuple[str, float]]:
    """(name, value) of every number in the part, mappings of structs included, lists left out; None becomes NaN.

    A part whose fields are roots themselves (`probes`, `pools`) has the empty root.
    """
    found: list[tuple[str, float]] = []
    _into(type(part))(part, root, found)
    return found


@cache
def _into(kind: type) -> Getter:
    """The walk of one record type, planned once."""
    numbers: list[str] = []
    records: list[tuple[str, Getter]] = []
    mappings: list[tuple[str, Getter]] = []
    for field, hint in get_type_hints(kind).items():
        plain = _without_none(hint)
        if plain in (int, float, bool):
            numbers.append(field)
        elif isinstance(plain, type) and issubclass(plain, msgspec.Struct):
            records.append((field, _into(plain)))
        elif get_origin(plain) is dict:
            value = _without_none(get_args(plain)[1])
            if isinstance(value, type) and issubclass(value, msgspec.Struct):
                mappings.append((field, _into(value)))

    def walk(record: Any, name: str, found: list[tuple[str, float]]) -> None:
        for field, full in _full_names(name, tuple(numbers)):
            value = getattr(record, field)
            found.append((full, nan if value is None else value))
        for field, inner in records:
            value = getattr(record, field)
            if value is not None:
                inner(value, below(name, field), found)
        for field, inner in mappings:
            for key, value in (getattr(record, field) or {}).items():
                inner(value, f"{below(name, field)}.{key}", found)

    return walk


@lru_cache(maxsize=2048)  # disks, interfaces and groups come and go
def _full_names(prefix: str, fields: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((field, below(prefix, field)) for field in fields)


def below(prefix: str, field: str) -> str:
    """The reading's name below a root or record; at the top of the tree it is the field alone."""
    return f"{prefix}.{field}" if prefix else field


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        rest = [arm for arm in get_args(hint) if arm is not NoneType]
        return rest[0] if len(rest) == 1 else hint
    return hint
