"""What an environment is, as TOML that is kept, carried over and edited by hand, or as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from perftui.model.facts import Facts, Gathered, PostgresFacts

_HEAD = (
    "# What this environment is. perftui load parity --production THIS-FILE tells how another one differs from it.\n"
    "# Any key may be left out; what is not known is a comment."
)


def facts_toml(found: Gathered) -> str:
    """Keys in the order of the records; a note stands behind its value, or where the value would be."""
    return "\n".join((_HEAD, *_table("", Facts, found.facts, found))) + "\n"


def facts_json(found: Gathered) -> bytes:
    """In base units."""
    told = {"facts": found.facts, "notes": found.notes}
    return msgspec.json.format(msgspec.json.encode(told), indent=1)


def _table(prefix: str, kind: type[msgspec.Struct], values: msgspec.Struct | None, found: Gathered) -> Iterator[str]:
    fields = msgspec.structs.fields(kind)
    given = {field.name: getattr(values, field.name, None) for field in fields}
    for name, value in given.items():
        note = found.notes.get(prefix + name, "")
        scalar = None if isinstance(value, (dict, PostgresFacts)) else value
        if scalar is not None or note:
            yield _line(name, scalar, note)
    for name, value in given.items():
        place = f"{prefix}{name}"
        if isinstance(value, PostgresFacts):
            yield f"\n[{place}]"
            yield from _table(f"{place}.", PostgresFacts, value, found)
        elif isinstance(value, dict):
            yield from _map(place, value, found.notes)


def _map(place: str, values: Mapping[str, Any], notes: Mapping[str, str]) -> Iterator[str]:
    unknown = [name for name in notes if name.startswith(f"{place}.") and name[len(place) + 1 :] not in values]
    if not values and not unknown:
        return
    yield f"\n[{place}]"
    for name, value in values.items():
        yield _line(name, value, notes.get(f"{place}.{name}", ""))
    for name in unknown:
        yield _line(name[len(place) + 1 :], None, notes[name])


def _line(name: str, value: Any, note: str) -> str:
    key = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)
    if value is None:
        return f"# {key}: {note}"
    return f"{key} = {_value(value)}" + (f"  # {note}" if note else "")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    """A basic string; JSON's escapes are TOML's, but for the one that TOML wants for DEL and JSON does not."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
