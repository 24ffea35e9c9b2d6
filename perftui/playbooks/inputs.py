"""The values of inputs: a text as the operator or `--var` gives it, checked against its declaration."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from perftui.playbooks.complaint import Wrong
from perftui.playbooks.document import Var
from perftui.playbooks.values import Duration

_NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}"
_HOST = r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,10}\.?"
LONGEST, LONGEST_MATCHED = 4096, 256
"""Characters of a value, and of one that a pattern looks at."""


def value_of(var: Var, given: Any) -> Any:
    """The value of an input: a text, number, truth, or seconds of a duration. A time stays the text that it is.

    Raises:
        Wrong: it is not what the declaration asks for.
    """
    text = str(given).lower() if isinstance(given, bool) else str(given)
    if len(text) > LONGEST or not (text.isprintable() or (var.type == "text" and text.replace("\n", "").isprintable())):
        raise Wrong("the value is too long or has control characters in it", "give plain text")
    if var.type == "row":
        raise Wrong("a row is picked, not written", "leave the default out")
    value = _READERS[var.type](text)
    if var.type == "choice" and text not in var.choices:
        raise Wrong(f"{text!r} is no choice", f"one of {', '.join(var.choices)}")
    if var.pattern is not None and len(text) > LONGEST_MATCHED:
        raise Wrong(f"the value is longer than {LONGEST_MATCHED} characters", "give a shorter one")
    if var.pattern is not None and not re.fullmatch(var.pattern, text):
        raise Wrong(f"{text!r} does not match {var.pattern}", "match the pattern as a whole")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if var.min is not None and value < var.min:
            raise Wrong(f"{text} is less than {var.min:g}", f"give {var.min:g} or more")
        if var.max is not None and value > var.max:
            raise Wrong(f"{text} is more than {var.max:g}", f"give {var.max:g} or less")
    return value


def _name(text: str) -> str:
    if not re.fullmatch(_NAME, text):
        raise Wrong(f"{text!r} is no name", "letters, digits, dots, hyphens and underscores; no hyphen first")
    return text


def _host(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        if not re.fullmatch(_HOST, text):
            raise Wrong(f"{text!r} is no host", "write a host name or an address") from None
        return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        named = parts.hostname
    except ValueError:
        named, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not named or " " in text:
        raise Wrong(f"{text!r} is no address", "write https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise Wrong("the address has a password in it", "leave it out")
    return text


def _time(text: str) -> str:
    if text == "now" or re.fullmatch(r"-[0-9]+(s|m|h|d)", text):
        return text
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise Wrong(f"{text!r} is no time", "write now, -10m or 2026-02-11T10:39:00Z") from None
    return text


def _int(text: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]{1,18}", text, re.ASCII):
        raise Wrong(f"{text!r} is no whole number", "write digits")
    return int(text)


def _number(text: str) -> float:
    if not re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?", text, re.ASCII):
        raise Wrong(f"{text!r} is no number", "write digits and a dot")
    return float(text)


def _bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise Wrong(f"{text!r} is neither true nor false", "write true or false")
    return text == "true"


_READERS: dict[str, Callable[[str], Any]] = {
    "text": str,
    "name": _name,
    "int": _int,
    "number": _number,
    "bool": _bool,
    "duration": Duration.parse,
    "time": _time,
    "url": _url,
    "choice": str,
    "host": _host,
}
