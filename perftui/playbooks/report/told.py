"""What a journal's line says, read without trust: a line may be of another version, or written by somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Any

import msgspec

from perftui.playbooks.journal import Entry
from perftui.playbooks.redaction import Redactor
from perftui.sources.text import printable

LONGEST = 600


def cleaned(entry: Entry, redactor: Redactor) -> Entry:
    """The line with every secret taken out of what it says."""
    return msgspec.structs.replace(entry, data=redactor.data(entry.data), step=entry.step and redactor.text(entry.step))


def words(value: Any) -> str:
    """A text in one line, printable; what is no text is empty."""
    return printable(" ".join(value.split()), LONGEST) if isinstance(value, str) else ""


def lines(value: Any, most: int = 12) -> tuple[str, ...]:
    """The first lines of a list of texts, with their indents."""
    found = [each for each in value if isinstance(each, str)] if isinstance(value, list | tuple) else []
    return tuple(printable(each.rstrip().replace("\t", "    "), LONGEST) for each in found[:most])


def number(value: Any) -> float | None:
    """A finite number."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) else None


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list | tuple) else []


def moment(text: Any) -> float | None:
    """Seconds since 1970 of an ISO 8601 moment in UTC."""
    try:
        found = datetime.fromisoformat(text)
        return found.timestamp() if found.tzinfo is not None else None
    except (TypeError, ValueError, OverflowError):
        return None
