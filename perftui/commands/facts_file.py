"""The facts of an environment as they were written to a file, by `perftui load facts` or by hand."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec

from perftui.commands.budget_file import quantity
from perftui.model.facts import SYSCTLS, Facts, PostgresFacts
from perftui.model.failure import UsageError
from perftui.model.units import unit_of
from perftui.sources.text import printable

_MAPS = ("postgres.table_rows", "postgres.table_bytes", "pools")
"""Tables whose keys are names of others."""


def read_facts(file: str) -> Facts:
    """The facts in a file.

    Raises:
        UsageError: in one line: the file, the key, what was expected.
    """
    try:
        return _read(file)
    except UsageError as exc:  # keys and values of the file stand in it
        raise UsageError(printable(str(exc), 400)) from None


def _read(file: str) -> Facts:
    try:
        read = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file; perftui load facts > {file} writes one, in production") from None
    except UnicodeDecodeError as exc:
        raise UsageError(f"{file}: not TOML: it is not UTF-8") from exc
    except OSError as exc:
        raise UsageError(f"{file}: can't be read: {(exc.strerror or str(exc)).lower()}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"{file}: not TOML: {str(exc).lower()}") from exc
    if isinstance(read.get("sysctl"), dict):
        read["sysctl"] = _flat("", read["sysctl"])
    _check_keys(file, read)
    plain = _in_base_units(file, "", read)
    try:
        facts = msgspec.convert(plain, Facts)
    except msgspec.ValidationError as exc:
        raise UsageError(f"{file}: {_words(str(exc))}") from exc
    if not plain:
        raise UsageError(f"{file}: there is nothing in it; perftui load facts > {file} writes it, in production")
    return facts


def _flat(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """`vm.swappiness = 1` without quotes is a table in a table; it means the same."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found.update(_flat(f"{prefix}{name}.", value) if isinstance(value, dict) else {prefix + name: value})
    return found


def _check_keys(file: str, read: Mapping[str, Any]) -> None:
    for place, known in (
        ("", Facts.__struct_fields__),
        ("postgres", PostgresFacts.__struct_fields__),
        ("sysctl", SYSCTLS),
    ):
        values = read.get(place, {}) if place else read
        for name in values if isinstance(values, dict) else ():
            if name not in known:
                near = difflib.get_close_matches(name, known, 1, 0.5)
                advice = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
                raise UsageError(f"{file}: unknown key {f'{place}.{name}' if place else name}; {advice}")


def _in_base_units(file: str, place: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with `128GiB` and `99%` as numbers."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        where = f"{place}.{name}" if place else name
        unit = unit_of(place if place in _MAPS else name)
        if isinstance(value, float) and not isfinite(value):
            raise UsageError(f"{file}: {where}: {value} is no number to compare with")
        if place in _MAPS and not _is_count(value) and not (unit == "bytes" and isinstance(value, str)):
            raise UsageError(f"{file}: {where}: expected a whole number")
        if place == "sysctl" and not _is_count(value) and not isinstance(value, str):
            raise UsageError(f"{file}: {where}: expected a whole number or text")
        if isinstance(value, dict):
            found[name] = _in_base_units(file, where, value)
        elif isinstance(value, str) and unit in ("bytes", "ratio"):
            number = quantity(value, unit, f"{file}: {where}")
            found[name] = int(number) if unit == "bytes" else number
        else:
            found[name] = value
    return found


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _words(message: str) -> str:
    """`Expected `int`, got `str` - at `$.cores`` → `cores: expected int, got str`."""
    text, _, place = message.replace("`", "").replace(" | null", "").partition(" - at ")
    key = re.sub(r"^\$\.?", "", place)
    return f"{key}: {text[0].lower()}{text[1:]}" if key else text
