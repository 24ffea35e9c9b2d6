"""The JSON Schema of the format, generated from the records: what editors complete and check while one writes."""

from __future__ import annotations

from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from perftui.playbooks.docs import field_texts
from perftui.playbooks.document import Playbook
from perftui.playbooks.shape import does, fields
from perftui.playbooks.steps import KINDS
from perftui.playbooks.template import Template
from perftui.playbooks.values import Quantity

_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Any: {"type": ["string", "number", "boolean"]},
}
Schema = dict[str, Any]


def schema() -> Schema:
    """JSON Schema, draft 2020-12."""
    records: dict[str, Schema] = {}
    whole = _record(Playbook, records)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "perftui playbook",
        **whole,
        "$defs": dict(sorted(records.items())),
    }


def _record(record: type[msgspec.Struct], records: dict[str, Schema]) -> Schema:
    texts = field_texts(record)
    properties: Schema = {}
    required = []
    for field in fields(record).values():
        properties[field.key] = _described(_of(field.type, records), texts.get(field.attribute, ""))
        if field.required:
            required.append(field.key)
    kinds = does(record)
    for name in kinds:
        kind = KINDS[name]
        properties[name] = {**_body(name, records), "description": kind.text}
        for key in kind.beside:
            properties.setdefault(key, _of(fields(kind.do)[key].type, records))
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        made["required"] = required
    if kinds:
        made["oneOf"] = [{"required": [name]} for name in kinds]
    return made


def _body(name: str, records: dict[str, Schema]) -> Schema:
    """What may stand under the key of a kind: its short form, or all of its fields."""
    kind = KINDS[name]
    short = next(field for field in fields(kind.do).values() if field.attribute == kind.short)
    brief = _of(short.type, records)
    if kind.always_short or set(fields(kind.do)) <= {short.key, *kind.beside}:
        return brief
    whole = _record(kind.do, records)
    whole["properties"] = {key: value for key, value in whole["properties"].items() if key not in kind.beside}
    others = [key for key in whole.get("required", []) if key != short.key]
    return whole if others else {"anyOf": [brief, whole]}


def _of(kind: Any, records: dict[str, Schema]) -> Schema:
    if get_origin(kind) in (Union, UnionType):
        arms = [_of(arm, records) for arm in get_args(kind) if arm is not NoneType]
        return arms[0] if len(arms) == 1 else {"anyOf": arms}
    if callable(getattr(kind, "parse", None)):
        # A bare number in a command or as a threshold is read as it is written.
        loose = {Template: ["string", "number", "boolean"], Quantity: ["string", "number"]}
        return {"type": loose.get(kind, "string"), "pattern": kind.PATTERN}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind.__name__ not in records:
            records[kind.__name__] = {}
            records[kind.__name__] = _record(kind, records)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if get_origin(kind) is tuple:
        inner = _of(get_args(kind)[0], records)
        return {"anyOf": [{"type": "array", "items": inner}, inner]}
    if get_origin(kind) is dict:
        return {"type": "object", "additionalProperties": _of(get_args(kind)[1], records)}
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [str(word) for word in kind]}
    return dict(_PLAIN[kind])


def _described(made: Schema, text: str) -> Schema:
    return {**made, "description": text} if text else made
