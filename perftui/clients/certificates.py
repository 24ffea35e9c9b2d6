"""The certificates that a TLS server sent, its own first.

The whole chain is read through `_ssl`'s get_unverified_chain, there since Python 3.10 and public since 3.13 (which gives
bytes that the standard library can't read into dates). Where it is missing, the server's own certificate alone is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterable, Mapping
from typing import Any

from perftui.clients.words import plain
from perftui.model.probe import Certificate


def chain_of(tls: Any) -> tuple[Certificate, ...]:
    """The chain of a connection (ssl.SSLObject) whose handshake is done."""
    read = getattr(getattr(tls, "_sslobj", None), "get_unverified_chain", None)
    if read is not None:
        return tuple(_certificate(each.get_info()) for each in read() or ())
    own = tls.getpeercert() if tls is not None else None
    return (_certificate(own),) if own else ()


async def read_chain(ip: str, port: int, host: str) -> tuple[Certificate, ...]:
    """The chain of a server whose certificate is not accepted: over a connection that reads it and sends nothing else.

    Empty when that fails too: the reason why the first one failed is what counts.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        _, writer = await asyncio.open_connection(ip, port, ssl=context, server_hostname=host)
    except OSError:
        return ()
    try:
        return chain_of(writer.get_extra_info("ssl_object"))
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _certificate(info: Mapping[str, Any]) -> Certificate:
    names = [value for kind, value in info.get("subjectAltName", ()) if kind == "DNS"]
    return Certificate(
        subject=_common_name(info.get("subject", ())) or next(iter(names), ""),
        issuer=_common_name(info.get("issuer", ())),
        not_before_at=float(ssl.cert_time_to_seconds(info["notBefore"])),
        not_after_at=float(ssl.cert_time_to_seconds(info["notAfter"])),
    )


def _common_name(name: Iterable[Iterable[tuple[str, str]]]) -> str:
    fields = dict(pair for part in name for pair in part)
    text = fields.get("commonName") or fields.get("organizationName") or ""
    return plain(text)
