"""Text that comes from a Postgres server: decoded whatever its encoding, without control characters, without literals."""

from __future__ import annotations

import re

from perftui.sources.text import printable

QUERY_CHARACTERS = 300

_LITERAL = re.compile(
    r"""
      (?P<dollar>\$(?P<tag>\w*)\$ .*? (?:\$(?P=tag)\$|\Z))  # dollar quoted, or cut inside of one
    | [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)                       # with backslash escapes
    | '(?:[^']|'')*(?:'|\Z)                                 # plain; the text may be cut inside of it
    | (?P<name>"(?:[^"]|"")*(?:"|\Z))                       # a quoted name is no literal
    | (?P<parameter>\$\d+)                                  # nor is a parameter
    | (?P<word>[^\W\d]\w*)                                  # nor digits inside a name
    | \d+(?:\.\d+)?(?:[eE][+-]?\d+)?
    """,
    re.VERBOSE | re.DOTALL,
)


def decoded(raw: bytes | None, length: int = QUERY_CHARACTERS) -> str | None:
    """Bytes as sent by textsend(); a database may hold any encoding under any name.

    White space of all kinds becomes one blank: a statement is shown on one line.
    """
    return None if raw is None else printable(" ".join(raw.decode("utf-8", "replace").split()), length)


def masked(query: str | None) -> str | None:
    """The query with each string and number replaced by `?`, so that no customer's data reaches a screen or a tape."""
    return None if query is None else _LITERAL.sub(_hidden, query)


def _hidden(match: re.Match[str]) -> str:
    kept = match["name"] or match["parameter"] or match["word"]
    return kept if kept is not None else "?"
