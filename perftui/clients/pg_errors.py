"""What goes wrong with a Postgres connection, as the driver and the server tell it, in our words."""

from __future__ import annotations

from collections.abc import Mapping

from perftui.model.failure import FailureKind, Overrun, SourceError

CLOSED = "postgres: the server closed the connection"

Advice = tuple[FailureKind, str]
ON_CONNECT: dict[str, Advice] = {
    "28": (FailureKind.DENIED, "check user and password (PGUSER, PGPASSWORD, .pgpass, --dsn) and pg_hba.conf"),
    "3D": (FailureKind.MISSING, "name a database that is there with --dsn or PGDATABASE"),
    "42501": (FailureKind.DENIED, "grant connect on that database to this role"),
    "53300": (FailureKind.FULL, "grant pg_use_reserved_connections (16+)"),
    "57P03": (FailureKind.NOT_READY, "trying again"),
    "08P01": (FailureKind.UNSUPPORTED, "if that is a pooler, name the server itself with --dsn"),
}
ON_QUERY: dict[str, Advice] = {
    "57014": (FailureKind.TIMED_OUT, "the server does not answer in time"),
    "55P03": (FailureKind.TIMED_OUT, "a catalog is locked"),
    "55000": (FailureKind.UNSUPPORTED, "add it to shared_preload_libraries and restart the server"),
    "42501": (FailureKind.DENIED, "grant pg_monitor to this role"),
    "42P01": (FailureKind.MISSING, "the extension or view is not there"),
    "42883": (FailureKind.MISSING, "the extension or function is not there"),
    "42703": (FailureKind.MISSING, "the extension's version changed"),
    "40": (FailureKind.TIMED_OUT, "the standby's replay went first; asking again"),
    "53": (FailureKind.MALFORMED, "the server lacks memory, disk or files; look at the host"),
    "22021": (FailureKind.MALFORMED, "text of another database is not in the encoding it claims"),
}
ON_REQUEST: dict[str, Advice] = {
    "57014": (FailureKind.TIMED_OUT, "it took longer than it may"),
    "55P03": (FailureKind.TIMED_OUT, "a lock it needs is held by somebody else"),
    "25006": (FailureKind.DENIED, "nothing is written here"),
    "42501": (FailureKind.DENIED, "this role may not"),
    "42": (FailureKind.MALFORMED, "the server does not take the statement as it stands"),
    "22": (FailureKind.MALFORMED, "the server does not take a value as it stands"),
}
"""For what the operator or a playbook asks: there the server's own words tell what is wrong with it."""
# The three are by SQLSTATE, or its class.


def translated(exc: Exception, advice: Mapping[str, Advice]) -> SourceError:
    """asyncpg's and the network's errors as ours, in one printable line."""
    text = " ".join(str(exc).split()) or type(exc).__name__
    text = "".join(char if char.isprintable() else "?" for char in text[:160])
    if isinstance(exc, TimeoutError):
        return SourceError(FailureKind.TIMED_OUT, "postgres: no answer in time")
    state = getattr(exc, "sqlstate", None) or ""
    for code, (kind, what_to_do) in advice.items():
        if state.startswith(code):
            failure = Overrun if state == "57014" else SourceError
            return failure(kind, f"postgres: {text}; {what_to_do}")
    return SourceError(FailureKind.UNREACHABLE, f"postgres: {text}")
