"""What a condition can see: readings of a history, and the values of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from perftui.history.history import History

Value = str | float | bool | None


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The world at one moment."""

    history: History | None = None
    """The readings; without it each of them is unknown."""
    values: Mapping[str, Any] = {}
    """`vars`, `t`, `steps` and `slo`: mappings in mappings. What is missing is unknown."""
    baselines: Mapping[str, float] = {}
    """A reading's mean in the baseline that is loaded."""
    no_baseline: str = "no baseline is loaded"
    """Why one is not among them."""
    deploys: Callable[[float], int | None] = lambda seconds: None
    """How many deploys the last so many seconds had; None where no source of deploys is known."""

    def get(self, parts: tuple[str, ...]) -> Value:
        """The value of a path now; None where it is not known."""
        if parts[0] in self.values:
            return _plain(_inside(self.values, parts))
        return None if self.history is None else reading(self.history, parts)


def reading(history: History, parts: tuple[str, ...]) -> Value:
    """A reading now. A list of rows stands for their number; the key `*` for the highest of all."""
    if "*" in parts:
        return _highest(history, parts)
    value = history.value(".".join(parts))
    if value is not None:
        return value
    for root, part in history.fresh_parts():
        # A part of the empty root has the roots themselves as its fields: `pools`.
        if root in (parts[0], ""):
            found = _plain(_inside(part, parts[1:] if root else parts))
            if found is not None:
                return found
    return None


def _highest(history: History, parts: tuple[str, ...]) -> float | None:
    place = parts.index("*")
    before, after = ".".join(parts[:place]) + ".", "." + ".".join(parts[place + 1 :])
    names = (name for name in history.names() if name.startswith(before) and name.endswith(after))
    values = (history.value(name) for name in names if len(name) > len(before) + len(after))
    return max((value for value in values if value is not None), default=None)


def _inside(record: Any, parts: tuple[str, ...]) -> Any:
    """Only fields of records and keys of mappings can be named: no attribute of any other object."""
    for part in parts:
        if isinstance(record, Mapping):
            record = record.get(part)
        elif isinstance(record, msgspec.Struct) and part in record.__struct_fields__:
            record = getattr(record, part)
        else:
            return None
    return record


def _plain(value: Any) -> Value:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    return float(len(value)) if isinstance(value, list | tuple) else None
