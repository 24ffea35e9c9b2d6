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
from perftui.model.failure import FailureKind, SourceError
from perftui.model.probe import Certificate, TlsReading


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
    try:
        return await _handshake(ip, port, host, _unverified())
    except OSError:
        return ()


async def read_tls(host: str, port: int, name: str, timeout_s: float) -> TlsReading:
    """What a server shows for a name, accepted or not.

    Raises:
        SourceError: it could not be connected to, or speaks no TLS.
    """
    try:
        async with asyncio.timeout(timeout_s):
            try:
                chain = await _handshake(host, port, name, ssl.create_default_context())
            except ssl.SSLCertVerificationError as exc:
                return await _not_accepted(host, port, name, exc)
    except TimeoutError:
        raise SourceError(FailureKind.TIMED_OUT, f"{plain(host)}:{port}: no answer in {timeout_s:.0f} s") from None
    except ssl.SSLError as exc:
        reason = (exc.reason or "handshake failed").replace("_", " ").lower()
        raise SourceError(
            FailureKind.UNSUPPORTED, f"{plain(host)}:{port}: {reason}; does it speak TLS there?"
        ) from None
    except (OSError, UnicodeError) as exc:
        reason = getattr(exc, "strerror", None) or "no connection"
        raise SourceError(FailureKind.UNREACHABLE, f"{plain(host)}:{port}: {plain(str(reason))}") from None
    return TlsReading(chain=chain, trusted=True, name_matches=True)


async def _not_accepted(host: str, port: int, name: str, exc: ssl.SSLCertVerificationError) -> TlsReading:
    """Read it all the same; a trusted one whose name differs is told apart by the check that looks at names last."""
    unverified = _unverified()
    chain = await _handshake(host, port, name, unverified)
    nameless = ssl.create_default_context()
    nameless.check_hostname = False
    try:
        await _handshake(host, port, name, nameless)
    except ssl.SSLCertVerificationError as untrusted:
        named = exc.verify_message == untrusted.verify_message
        return TlsReading(chain=chain, trusted=False, name_matches=named, problem=untrusted.verify_message)
    return TlsReading(chain=chain, trusted=True, name_matches=False, problem=exc.verify_message)


async def _handshake(host: str, port: int, name: str, context: ssl.SSLContext) -> tuple[Certificate, ...]:
    _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
    try:
        return chain_of(writer.get_extra_info("ssl_object"))
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


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
