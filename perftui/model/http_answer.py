"""What an HTTP API answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class HttpAnswer(NamedTuple):
    """The answer to one request."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes
