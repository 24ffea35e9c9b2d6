"""Words of others on their way into our messages."""

from __future__ import annotations


def plain(text: str, limit: int = 80) -> str:
    """The text without control characters and line breaks, at most `limit` characters long."""
    return "".join(char if char.isprintable() else "?" for char in text[:limit])
