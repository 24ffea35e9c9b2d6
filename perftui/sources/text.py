"""Words of others made safe to show."""

from __future__ import annotations


def printable(text: str, limit: int) -> str:
    """The text with every control, format and line-breaking character replaced by `?`, at most `limit` characters long."""
    text = text[:limit]
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "?" for char in text)


def printable_bytes(raw: bytes, limit: int) -> str:
    """As `printable`; bytes that are not UTF-8 become U+FFFD."""
    return printable(raw[: limit * 4].decode("utf-8", "replace"), limit)
