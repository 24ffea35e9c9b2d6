"""Checks that several tables of the config share."""

from __future__ import annotations

from urllib.parse import urlsplit

from perftui.model.failure import UsageError


def check_url(url: str, place: str) -> None:
    """An address without a user in it.

    Raises:
        UsageError: with the place and what was expected; the text itself is not quoted, since it may hold a password.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{place}: not a URL; write http://HOST:PORT/PATH or https://…") from None
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"{place}: no user or password in it; give a header by headers_from_env")
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        raise UsageError(f"{place}: expected http://HOST:PORT/PATH or https://…")
