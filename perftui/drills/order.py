"""What is said between a drill's keeper and whoever started it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

BEGIN = b"begin"
"""The line that makes the fault; the next line, or the end of the input, takes it back."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The first line. It comes this way since arguments would stand in every list of processes."""

    drill: str
    at_most_s: float
    """The fault and the stage end by themselves after this long."""


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    event: Literal["ready", "begun", "undone", "failed"]
    dsn: str = ""
    settings: dict[str, Any] = {}
    """As a config file would hold them: pools, probes, deploys."""
    folder: str = ""
    detail: str = ""
    """Why it failed."""
