"""How our own statements are told from those of others, in the server's statistics too."""

from __future__ import annotations

MARK = "/* perftui */"


def marked(sql: str) -> str:
    """The statement with the mark behind its first word: pg_stat_statements drops what stands before it (18 and newer)."""
    word, _, rest = sql.strip().partition(" ")
    return f"{word} {MARK} {rest}"


def is_own(text: str) -> bool:
    """Whether a statement, as the server's statistics show it, is one of ours."""
    return MARK in text[:60]
