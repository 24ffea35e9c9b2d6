"""Secrets are taken out of text before it is written: the values we know, and what stands behind the words for them.

Every pattern is bounded, so that no text can make it slow; a line is read up to 16 KiB.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

HIDDEN = "[hidden]"
FAILED = "[redaction failed: withheld]"
LINE_CAP = 16 * 1024
CUT = "[line cut at 16 KiB]"

_WORDS = (
    r"(?:pass(?:word|wd|phrase)?|pwd|pgpassword|secret|token|authorization|auth|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|client[_-]?secret|session[_-]?key|credential|cookie)s?"
)
_NAME = rf"[\w.-]{{0,40}}{_WORDS}(?:_?(?:id|key|value|hash))?"
_VALUE = r"""(?!\[hidden\])(?:"[^"\n]{0,4096}"?|'[^'\n]{0,4096}'?|[^\s&;,"'}\]]{1,4096})"""
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A header's value goes to the end of the line: `Authorization: Bearer …`, `Cookie: a=…; b=…`.
    (
        re.compile(
            r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]{0,30}(?:key|token))(\s{0,8}:\s{0,8})[^\n]+"
        ),
        r"\1\2",
    ),
    (re.compile(rf"""(?i)(?<![\w.-])({_NAME})(["']?\s{{0,8}}[:=]\s{{0,8}}){_VALUE}"""), r"\1\2"),
    (re.compile(rf"(?i)(--?{_NAME})(\s{{1,8}}){_VALUE}"), r"\1\2"),
    (re.compile(r"(?i)\b(bearer|basic)(\s{1,8})[\w.~+/=-]{8,4096}"), r"\1\2"),
    (re.compile(r"(://[^\s:/@]{0,128}:)()[^\s@/]{1,512}(?=@)"), r"\1\2"),
    (re.compile(r"(?i)\b(identified\s{1,8}by|(?:encrypted\s{1,8})?password)(\s{1,8})'[^'\n]{0,1024}'?"), r"\1\2"),
    (re.compile(r"()()\b(?:AKIA|ASIA|AIDA|AROA)[0-9A-Z]{16}\b"), r"\1\2"),
    (re.compile(r"()()\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk_live_)[\w-]{10,256}"), r"\1\2"),
    (re.compile(r"()()\beyJ[\w-]{8,2048}\.[\w-]{8,4096}\.[\w-]{0,1024}"), r"\1\2"),
)
_SECRET_KEY = re.compile(rf"(?i)^{_NAME}$")
_PEM_BEGIN, _PEM_END = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----"), "-----END"
_UNBOUNDED = re.compile(r"(?<!\\)(?:\\\\)*(?:[*+]|\{\d*,\})")
_MOST_REPEATS = 4096


def checked_pattern(text: str) -> re.Pattern[str]:
    """A pattern of a playbook's `redact`.

    Raises:
        ValueError: it is no pattern, or could take long on some text; with what to write instead.
    """
    if len(text) > 200:
        raise ValueError("longer than 200 characters")
    outside_classes = re.sub(r"(?<!\\)\[(?:\\.|[^\]\\])*\]", "x", text)
    if _UNBOUNDED.search(outside_classes):
        raise ValueError("`*`, `+` and `{n,}` can take long on some text; write a bound such as {0,64}")
    if re.search(r"\\[1-9]|\(\?P=", outside_classes):
        raise ValueError("references to groups can take long on some text")
    repeats = 1
    for most in re.findall(r"\{(?:\d*,)?(\d+)\}", outside_classes):
        repeats *= max(1, int(most))
    if repeats > _MOST_REPEATS:
        raise ValueError(f"its bounds multiply to {repeats}; at most {_MOST_REPEATS}")
    try:
        return re.compile(text)
    except re.error as exc:
        raise ValueError(str(exc)) from None


class Redactor:
    """Takes secrets out of text and of plain data.

    Args:
        secrets: values that are known to be secret, whatever stands before them.
        patterns: more patterns, from `checked_pattern`.
    """

    def __init__(self, secrets: Iterable[str] = (), patterns: Iterable[re.Pattern[str]] = ()) -> None:
        self._secrets: list[str] = []
        self._patterns = tuple(patterns)
        for secret in secrets:
            self.also(secret)

    def also(self, secret: str) -> None:
        """Hide one more value from now on."""
        if secret:
            spellings = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
            self._secrets = sorted({*self._secrets, *spellings}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The same with every secret hidden; a fault of ours withholds it all."""
        try:
            return self._text(text)
        except Exception:  # whatever went wrong, what may hold a secret must not be written
            return FAILED

    def data(self, value: Any) -> Any:
        """Plain data (what JSON can hold) with its text redacted, and withheld altogether below a key that names a secret."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                self.text(str(key)): HIDDEN if _names_secret(key, inner) else self.data(inner)
                for key, inner in value.items()
            }
        if isinstance(value, (list, tuple)):
            return self._words(list(value))
        return value

    def _words(self, values: list[Any]) -> list[Any]:
        """A list; in an argument list the word after `--password` is the secret."""
        found: list[Any] = []
        for value in values:
            before = found[-1] if found else None
            secret = isinstance(before, str) and before.startswith("-") and _SECRET_KEY.match(before.lstrip("-"))
            found.append(HIDDEN if secret and isinstance(value, str) else self.data(value))
        return found

    def _text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        if len(text) < 4:
            return text
        lines: list[str] = []
        in_key = False
        for line in text.split("\n"):
            if in_key or _PEM_BEGIN.search(line[:LINE_CAP]):
                in_key = _PEM_END not in line[:LINE_CAP]
                if not lines or lines[-1] != HIDDEN:
                    lines.append(HIDDEN)
                continue
            lines.append(self._line(line))
        return "\n".join(lines)

    def _line(self, line: str) -> str:
        cut = len(line) > LINE_CAP
        line = line[:LINE_CAP]
        for pattern, kept in _PATTERNS:
            line = pattern.sub(kept + HIDDEN, line)
        for pattern in self._patterns:
            line = pattern.sub(HIDDEN, line)
        return f"{line} {CUT}" if cut else line


def _names_secret(key: Any, value: Any) -> bool:
    return isinstance(key, str) and value not in (None, "", [], {}) and bool(_SECRET_KEY.match(key))
