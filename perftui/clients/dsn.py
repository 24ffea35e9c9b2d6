"""Where a Postgres is, as psql lets one say it, and the password in it kept apart."""

from __future__ import annotations

import re
import shlex
from urllib.parse import quote, unquote, urlencode

_URI = re.compile(r"(?P<scheme>postgres(?:ql)?://)(?:(?P<user>[^:@/?#]*):(?P<password>[^?]*)@)?(?P<rest>.*)", re.DOTALL)
_IN_QUERY = re.compile(r"(?P<before>[?&])password=(?P<password>[^&]*)")


def uri(dsn: str) -> str:
    """A URI of any of psql's three forms: a URI, `host=… user=…`, or the name of a database.

    Raises:
        ValueError: quotes are not closed, or a word has no value; the text is not in the message.
    """
    if "://" in dsn:
        return dsn
    if "=" not in dsn:
        return f"postgresql:///{quote(dsn, safe='')}"
    try:
        pairs = dict(word.split("=", 1) for word in shlex.split(re.sub(r"\s*=\s*", "=", dsn)))
    except ValueError:
        raise ValueError("expected name=value pairs") from None
    return f"postgresql://?{urlencode(pairs)}"


def without_password(dsn: str) -> tuple[str, str | None]:
    """(the same place as a URI, the password that stood in it). The password may hold signs that had to be escaped."""
    if "://" not in dsn and "password" not in dsn:
        return dsn, None
    found = _URI.fullmatch(uri(dsn))
    if found is None:
        return dsn, None
    password, user = found["password"], found["user"]
    place = found["scheme"] + (f"{user}@" if user else "") + found["rest"]
    in_query = _IN_QUERY.search(place)
    if in_query is not None:
        password = in_query["password"].replace("+", " ")
        place = _IN_QUERY.sub(r"\g<before>", place).replace("?&", "?").replace("&&", "&").rstrip("?&")
    return place, None if password is None else unquote(password)
