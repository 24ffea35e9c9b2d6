"""What one probe, that is one request over a connection of its own, saw."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Phase(StrEnum):
    """The parts of a request in their order; a failed one tells the part it failed in."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    FIRST_BYTE = "first_byte"
    BODY = "body"


class ProbeOutcome(StrEnum):
    """How a request ended; the closed list that every failure is translated into."""

    OK = "ok"
    DNS = "dns"
    """The name could not be resolved."""
    CONNECT = "connect"
    """Nobody listens there, or there is no way."""
    TLS = "tls"
    """The handshake failed; mostly the certificate."""
    STATUS = "status"
    """Answered with another status than expected."""
    TIMED_OUT = "timed_out"
    CLOSED = "closed"
    """The connection broke before the answer was whole."""
    MALFORMED = "malformed"
    """The answer is not HTTP."""
    REFUSED = "refused"
    """By perftui itself: a link-local address, or a request that can't be sent."""


class Certificate(msgspec.Struct, frozen=True, array_like=True):
    """One certificate that the server sent."""

    subject: str
    """Its common name, or the first name it is valid for."""
    issuer: str
    not_before_at: float
    """Wall clock, seconds since 1970 UTC, of its begin."""
    not_after_at: float
    """Wall clock, seconds since 1970 UTC, of its end."""


class ProbeResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request: how it ended and the time each part took. The parts add up to the total; None where it was not reached."""

    mono: float
    """CLOCK_MONOTONIC seconds when it began."""
    outcome: ProbeOutcome
    total_s: float
    """Until the last byte, or until it failed."""
    detail: str = ""
    """What failed, in one line; empty when all is well."""
    phase: Phase | None = None
    """The part in which it failed."""
    status_code: int | None = None
    address: str | None = None
    """The one that was connected to, or tried last."""
    local: bool | None = None
    """Whether that address is this host's own."""
    dns_s: float | None = None
    """None for an address, which needs no resolving."""
    connect_s: float | None = None
    """TCP; with several addresses all tries together."""
    tls_s: float | None = None
    first_byte_s: float | None = None
    """From the request's begin to the end of the answer's head: the server's own time and a round trip."""
    body_s: float | None = None
    body_bytes: int | None = None
    """As sent, at most the cap, where reading ends."""
    certificates: tuple[Certificate, ...] = ()
    """The chain as the server sent it, its own first; also of a server whose certificate is not accepted."""


class TlsReading(msgspec.Struct, frozen=True, kw_only=True):
    """What a TLS server shows of itself, accepted or not."""

    chain: tuple[Certificate, ...]
    """Its own certificate first."""
    trusted: bool
    name_matches: bool
    problem: str = ""
    """Why it is not accepted; empty where it is."""
