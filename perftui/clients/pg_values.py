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


def _printable(text: str) -> str:
    """Line breaks and tabs stay: they tell a plan's or a text's shape; all else that steers a terminal becomes `?`."""
    text = text[:TEXT_CHARACTERS]
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)
