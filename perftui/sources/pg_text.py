"""Text that comes from a Postgres server: decoded whatever its encoding, without control characters, without literals."""

from __future__ import annotations

import re
from functools import lru_cache

from perftui.sources.text import printable

QUERY_CHARACTERS = 300
QUERY_BYTES = 400
"""So much of a statement is asked for: bytes, since counting characters fails where the text is not in the encoding it claims."""
HIDDEN_TEXT = b"<insufficient privilege>"
"""What the server gives for the text of others to a role that may not see it."""

_LITERAL = re.compile(
    r"""
      (?P<rest>
          '(?:[^'\\]|''|\\(?!'))*\\'.*                      # \' ends a literal or not, as the session is set: hide all after
        | /\*(?:(?!\*/).)*/\*.*                             # comments in comments: hide all after
      )
    | (?P<comment>/\*.*?(?:\*/|\Z) | --[^\r\n]*)
    | \$(?P<tag>(?:[^\W\d]\w*)?)\$ .*? (?:\$(?P=tag)\$|\Z)  # dollar quoted, or cut inside of one
    | [eE]'(?:[^'\\]|\\.|'')*(?:\\?\Z|')                    # with backslash escapes
    | '(?:[^']|'')*(?:'|\Z)                                 # plain; the text may be cut inside of it
    | (?P<name>"(?:[^"]|"")*(?:"|\Z))                       # a quoted name is no literal
    | (?P<parameter>\$\d+)                                  # nor is a parameter
    | (?P<word>(?![eE]')[^\W\d][\w$]*)                      # nor digits inside a name
    | \.?\d(?:[\w.]|(?<=[eE])[+-](?=\d))*                   # 1, .5, 1e-5, 0x1F, 1_000
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_COMMENT = re.compile(r"'[^']*(?:'|(?=\*/\Z)|\Z)|\"[^\"]*(?:\"|(?=\*/\Z)|\Z)|[\w.:@-]++")


def decoded(raw: bytes | None, length: int = QUERY_CHARACTERS) -> str | None:
    """Bytes as sent by textsend(); a database may hold any encoding under any name. White space of all kinds becomes one
    blank."""
    return None if raw is None else printable(" ".join(raw.decode("utf-8", "replace").split()), length)


@lru_cache(maxsize=1000)  # most statements are seen again the next second, and masking takes 60 µs
def statement(raw: bytes | None, length: int = QUERY_CHARACTERS, cut_at_bytes: int = QUERY_BYTES) -> str | None:
    """A statement on one line with its literals masked, `…` at its end where it is longer than what is shown.

    None where this role may not see it.
    """
    if raw is None or raw == HIDDEN_TEXT:
        return None
    text = " ".join(masked(raw.decode("utf-8", "replace")).split())
    if len(raw) >= cut_at_bytes or len(text) > length:
        text = text[: length - 1].rstrip("\ufffd") + "…"
    return printable(text, length)


def masked(query: str) -> str:
    """The query with each string and number replaced by `?`, so that no customer's data reaches a screen or a tape.

    It wants the text as it was written: a comment ends with its line.
    """
    return _LITERAL.sub(_hidden, query)


def has_parameters(query: str) -> bool:
    """Whether a `$1` stands in it outside of strings, names and comments."""
    return any(match["parameter"] for match in _LITERAL.finditer(query))


def _hidden(match: re.Match[str]) -> str:
    if match["rest"] is not None:
        return "?…"
    if match["comment"] is not None:
        return _comment(match["comment"])
    kept = match["name"] or match["parameter"] or match["word"]
    return kept if kept is not None else "?"


def _comment(text: str) -> str:
    """Words of a comment tell the place in the program; values in it are no less private than others."""
    opening, inner, closing = text[:2], text[2:], ""
    if opening == "/*" and inner.endswith("*/"):
        inner, closing = inner[:-2], "*/"
    return opening + _IN_COMMENT.sub(_value_hidden, inner) + closing


def _value_hidden(match: re.Match[str]) -> str:
    """Words stay, what is quoted or holds a digit does not. A pattern that asks for the digit itself takes quadratic time."""
    text = match[0]
    return "?" if text[0] in "'\"" or any(sign.isdigit() for sign in text) else text
