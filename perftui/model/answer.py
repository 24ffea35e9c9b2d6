"""What a database answers to one statement."""

from __future__ import annotations

from typing import Any

import msgspec


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Columns and rows as plain values: None, bool, int, float, str, and lists of these. Text has no control characters."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: bool = False
    """There were more rows than were asked for."""
