"""Values of the driver as plain ones, for conditions, reports and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

TEXT_CHARACTERS = 100_000


def plain(value: Any) -> Any:
    """None, bool, int, float, str or a list of these.

    An interval is seconds; a moment is ISO 8601, in UTC where its zone is known; bytes are `\\x…` as psql shows them.
    """
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _printable(value)
        case Decimal():
            whole = value.is_finite() and value == value.to_integral_value()
            return int(value) if whole else float(value)
        case timedelta():
            return value.total_seconds()
        case datetime():
            return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
        case bytes() | bytearray() | memoryview():
            return f"\\x{bytes(value[: TEXT_CHARACTERS // 2]).hex()}"
        case Mapping():  # a row in a row, of asyncpg's own kind, which has names too
            return [plain(each) for each in value.values()]
        case Iterable():
            return [plain(each) for each in value]
    return _printable(str(value))


def fitted(value: Any, kind: str) -> Any:
    """A plain value as a parameter of that type takes it: what was read as text goes back as what it was.

    Raises:
        ValueError: it is no such value.
    """
    if value is None:
        return None
    match kind:
        case "int2" | "int4" | "int8" | "oid" | "xid":
            number = Decimal(str(value))
            if number != number.to_integral_value():
                raise ValueError(f"{value} is no whole number")
            return int(number)
        case "float4" | "float8":
            return float(value)
        case "numeric":
            return Decimal(str(value))
        case "bool":
            return value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]
        case "timestamptz" | "timestamp":
            return datetime.fromisoformat(str(value))
        case "interval":
            return timedelta(seconds=float(value))
        case "text" | "varchar" | "bpchar" | "name":
            return str(value)
    return value


def _printable(text: str) -> str:
    """Line breaks and tabs stay: they tell a plan's or a text's shape; all else that steers a terminal becomes `?`."""
    text = text[:TEXT_CHARACTERS]
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)
