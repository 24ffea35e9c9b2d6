"""Makes one connection to the first server that is as wanted, directly or through a pooler."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

from perftui.clients.pg_errors import ON_CONNECT, translated
from perftui.clients.pg_place import Host, Place
from perftui.clients.worker import in_daemon
from perftui.model.failure import FailureKind, SourceError
from perftui.model.own_sql import marked

NO_PASSWORDS = "/nonexistent/pgpass"
"""asyncpg's own reading of .pgpass warns on the terminal and takes no escapes; ours was done before."""
# Longer than what asyncpg keeps as a named statement: through a pooler that name would stay with a server's connection of others.
WHICH_BACKEND_SQL = marked("select pg_backend_pid()").ljust(16 * 1024)
IN_RECOVERY_SQL = marked("select pg_is_in_recovery()").ljust(16 * 1024)
KEPT_APART = ("application_name", "client_encoding")
"""Settings that a pooler keeps for each of its clients."""
_STANDBY_WANTED = {"primary": False, "read-write": False, "standby": True, "read-only": True}
"""read-write is taken as primary: our own sessions are read-only, so what they could write is not asked."""


OLDEST_SERVER = 9
"""PgBouncer's console gives its own version, 1 to date."""


class Version(Protocol):
    """What is used of asyncpg's server version."""

    major: int


class Cursor(Protocol):
    """What is used of asyncpg's cursor."""

    async def fetch(self, n: int, *, timeout: float) -> list[Iterable[Any]]: ...  # noqa: ASYNC109 (asyncpg's own)


class Column(Protocol):
    """What is used of asyncpg's attributes."""

    name: str


class Prepared(Protocol):
    """What is used of asyncpg's prepared statement."""

    def get_attributes(self) -> tuple[Column, ...]: ...
    def cursor(self, *args: Any, timeout: float) -> Awaitable[Cursor]: ...


class Connection(Protocol):
    """What is used of asyncpg's connection."""

    async def fetch(self, query: str, *args: Any, timeout: float) -> list[Any]: ...  # noqa: ASYNC109
    async def execute(self, query: str, *, timeout: float) -> str: ...  # noqa: ASYNC109
    async def prepare(self, query: str, *, name: str | None, timeout: float) -> Prepared: ...  # noqa: ASYNC109
    async def close(self, *, timeout: float) -> None: ...  # noqa: ASYNC109
    def get_server_pid(self) -> int: ...
    def get_server_version(self) -> Version: ...
    def is_closed(self) -> bool: ...
    def terminate(self) -> None: ...


class Opened(NamedTuple):
    """A connection that was made."""

    connection: Connection
    pooled: bool
    """It leads through a pooler: nothing may be set for longer than a transaction."""


async def opened(place: Place, settings: Mapping[str, str], answer_s: float) -> Opened:
    """A connection to the first of the servers that answers and is of the kind that is wanted.

    Args:
        settings: Of the session, from its first moment.
        answer_s: How long a statement may take.

    Raises:
        SourceError: none can be had, with the reason.
    """
    refused: list[SourceError] = []
    for session in ("standby", "any") if place.session == "prefer-standby" else (place.session,):
        for host in place.hosts:
            try:
                found = await _logged_in(place, host, settings, answer_s)
                if session == "any" or await _in_recovery(found, place) is _STANDBY_WANTED[session]:
                    return found
            except Exception as exc:
                refused.append(_reason(exc, host, place))
                if not _next_may_do(exc):
                    break
            else:
                found.connection.terminate()
                kind = "primary" if _STANDBY_WANTED[session] else "standby"
                text = f"postgres: {host.words} is a {kind}; target_session_attrs={place.session} wants another"
                refused.append(SourceError(FailureKind.UNREACHABLE, text))
    raise _summed_up(refused)


_NETWORK: tuple[tuple[type[OSError], FailureKind, str], ...] = (
    (ConnectionRefusedError, FailureKind.UNREACHABLE, "connection refused by {host}; is the server running there?"),
    (FileNotFoundError, FailureKind.UNREACHABLE, "no socket {host}; is the server running there?"),
    (PermissionError, FailureKind.DENIED, "the socket {host} may not be opened by this user"),
    (TimeoutError, FailureKind.TIMED_OUT, "no answer in time from {host}; it hangs, or the network drops what is sent"),
)


def _next_may_do(exc: Exception) -> bool:
    """As libpq: another host is tried when this one can't be reached or does not take anybody, not after a refusal."""
    return isinstance(exc, (OSError, SourceError)) or getattr(exc, "sqlstate", "") == "57P03"


def _summed_up(refused: list[SourceError]) -> SourceError:
    last = refused[-1]
    told = dict.fromkeys(reason.detail.removeprefix("postgres: ").partition("; ")[0] for reason in refused)
    if len(told) == 1 or last.kind is FailureKind.DENIED:
        return last
    return SourceError(last.kind, f"postgres: {' · '.join(told)[:280]}; no server can be used")


def _reason(exc: Exception, host: Host, place: Place) -> SourceError:
    if isinstance(exc, SourceError):
        return exc
    if isinstance(exc, OSError) and not isinstance(exc, ssl.SSLError):
        for kind, failure, text in _NETWORK:
            if isinstance(exc, kind):
                return SourceError(failure, f"postgres: {text.format(host=host.words)}")
    if isinstance(exc, ssl.SSLCertVerificationError):
        mismatch = "IP address mismatch" in str(exc) or "Hostname mismatch" in str(exc)
        advice = "name the host as its certificate does" if mismatch else "name the CA's file with sslrootcert"
        why = " ".join((exc.verify_message or str(exc)).split())[:120]
        return SourceError(FailureKind.DENIED, f"postgres: the server's certificate is not trusted: {why}; {advice}")
    if isinstance(exc, ConnectionError) and "rejected SSL upgrade" in str(exc):
        return SourceError(
            FailureKind.DENIED, f"postgres: the server offers no TLS and sslmode={place.sslmode} wants it"
        )
    reason = translated(exc, ON_CONNECT)
    if reason.kind is FailureKind.DENIED and place.notes:
        return SourceError(reason.kind, f"{reason.detail}; {place.notes[0]}")
    return reason


async def _logged_in(place: Place, host: Host, settings: Mapping[str, str], answer_s: float) -> Opened:
    """With psql's names where none are given; where the server does not know those, with the ones each server has."""
    try:
        return await _through(place, host, settings, answer_s, place.user, place.database)
    except Exception as exc:
        state = getattr(exc, "sqlstate", "")
        if state == "3D000" and not place.database_named:
            return await _through(place, host, settings, answer_s, place.user, "postgres")
        if state != "28000" or place.user_named or not host.address.startswith("/"):
            raise
        unknown = exc
    database = place.database if place.database_named else "postgres"
    try:
        return await _through(place, host, settings, answer_s, "postgres", database)
    except Exception:
        raise _no_role(unknown, place.user) from unknown


def _no_role(exc: Exception, user: str) -> SourceError:
    advice = f"sudo -u postgres psql -c 'create role \"{user}\" login in role pg_monitor'"
    return SourceError(
        FailureKind.DENIED, f"{translated(exc, {}).detail}; name another with --dsn user=NAME, or make it: {advice}"
    )


async def _through(
    place: Place, host: Host, settings: Mapping[str, str], answer_s: float, user: str, database: str
) -> Opened:
    """Directly; and where that shows a pooler in between, in the manner that leaves nothing behind in it."""
    import asyncpg

    extra = {"options": place.options} if place.options else {}
    await _resolve(host, place.connect_s)

    async def connect(startup: Mapping[str, str], cached: int) -> Connection:
        return await _connected(place, host, startup, cached, answer_s, user, database)

    try:
        connection = await connect({**extra, **settings}, 50)
    except asyncpg.ProtocolViolationError as exc:
        if "startup parameter" not in str(exc):
            raise
    else:
        if await _is_direct(connection, answer_s):
            return Opened(connection, False)
        connection.terminate()
    return Opened(await connect({name: settings[name] for name in KEPT_APART}, 0), True)


async def _is_direct(connection: Connection, answer_s: float) -> bool:
    """The pid that was told at login is that of the process which answers."""
    try:
        ((backend,),) = await connection.fetch(WHICH_BACKEND_SQL, timeout=answer_s)
    except BaseException:
        connection.terminate()
        raise
    return bool(backend == connection.get_server_pid())


async def _in_recovery(found: Opened, place: Place) -> bool:
    try:
        ((standby,),) = await found.connection.fetch(IN_RECOVERY_SQL, timeout=place.connect_s)
    except BaseException:
        found.connection.terminate()
        raise
    return bool(standby)


async def _connected(
    place: Place, host: Host, startup: Mapping[str, str], cached: int, answer_s: float, user: str, database: str
) -> Connection:
    import asyncpg  # 20 ms, and only where there is a server to talk to

    connect: Callable[..., Awaitable[Connection]] = asyncpg.connect
    local = host.address.startswith("/")
    tls, mode = {**place.tls}, place.sslmode
    context: Any = False if local or mode == "disable" else mode
    if context and tls.get("sslrootcert") == "system":
        context = ssl.create_default_context()
    made = await connect(
        f"postgresql://?{urlencode(tls)}" if tls and isinstance(context, str) else None,
        host=host.address,
        port=host.port,
        user=user,
        password=host.password,
        database=database,
        passfile=NO_PASSWORDS,
        ssl=context,
        timeout=place.connect_s,
        command_timeout=answer_s,
        server_settings=dict(startup),
        statement_cache_size=cached,
        target_session_attrs="any",
        **place.kerberos,
    )
    if made.get_server_version().major < OLDEST_SERVER:
        made.terminate()
        text = "postgres: that is the pooler's own console; name a database of the server with --dsn"
        raise SourceError(FailureKind.UNSUPPORTED, text)
    return made


async def _resolve(host: Host, within_s: float) -> None:
    """Ask for the name once where nobody waits for the thread: a dead resolver must not hold up the program's end.

    The driver asks again, which is quick once it was answered.
    """
    if host.address.startswith("/") or _is_address(host.address):
        return
    try:
        call = in_daemon(lambda: socket.getaddrinfo(host.address, host.port, type=socket.SOCK_STREAM))
        await asyncio.wait_for(call, within_s)
    except TimeoutError:
        text = f"postgres: no answer in time to who {host.address[:80]} is; check DNS, or name its address"
        raise SourceError(FailureKind.TIMED_OUT, text) from None
    except socket.gaierror as exc:
        text = f"postgres: the host {host.address[:80]} is not known: {exc.strerror}; check its name and DNS"
        raise SourceError(FailureKind.UNREACHABLE, text) from exc


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
