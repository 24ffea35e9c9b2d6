"""Words about changes made safe: no secret and no control character of a log, a command line or an address gets further."""

from __future__ import annotations

import re

from perftui.sources.text import printable

_HIDDEN = "***"
_NAMES = (
    r"\w{0,40}(?:token|secret|passw(?:or)?d|passphrase|api[_-]?key|access[_-]?key|private[_-]?key|signature)|pwd|sig"
)
_SECRETS = re.compile(
    rf"(?P<scheme>\b[a-z][a-z0-9+.-]{{0,20}}://)[^/\s@]{{0,500}}@"
    rf"|(?P<name>\b(?:[\w.-]{{0,40}}[_.-])?(?:{_NAMES})[\"']?\s*[=:]\s*|--(?:[\w-]{{0,40}}-)?(?:{_NAMES})\s+)"
    r"(?:[\"'][^\"']*[\"']|[^\s&\"',;]+)"
    r"|(?P<header>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"
    r"|\b(?:gh[opsur]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}"
    r"|eyJ[\w-]{8,}\.[\w.-]{8,})",
    re.IGNORECASE,
)
"""Log-ins in addresses, values of settings named like secrets, HTTP authorization, and the known forms of tokens."""


def told(text: str | None, limit: int) -> str | None:
    """A text for a record: secrets hidden, one line, at most `limit` characters; None where there is none."""
    if not text or not text.strip():
        return None
    words = " ".join(_SECRETS.sub(_hidden, text[: limit * 8]).split())
    return printable(words if len(words) <= limit else f"{words[: limit - 1]}…", limit)


def _hidden(match: re.Match[str]) -> str:
    if match["scheme"]:
        return match["scheme"]
    return f"{match['name'] or match['header'] or ''}{_HIDDEN}"
