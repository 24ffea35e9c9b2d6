"""Which servers, which role, which database: from --dsn, the service file, PG* variables, .pgpass and psql's defaults."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from perftui.clients.dsn import parameters
from perftui.model.failure import FailureKind, SourceError

SOCKET_FOLDERS = ("/run/postgresql", "/var/run/postgresql", "/tmp")
"""Debian's, Red Hat's and the sources' own."""
SYSTEM_SERVICES = ("/etc/postgresql-common/pg_service.conf", "/etc/sysconfig/pgsql/pg_service.conf")
CONNECT_S = 3.0
LONGEST_CONNECT_S = 15.0
SESSIONS = ("any", "primary", "read-write", "standby", "read-only", "prefer-standby")
TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TLS_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "dbname": "PGDATABASE",
    "options": "PGOPTIONS",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "krbsrvname": "PGKRBSRVNAME",
    "gsslib": "PGGSSLIB",
    "sslmode": "PGSSLMODE",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslpassword": "PGSSLPASSWORD",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
}
_NAMED = _VARIABLES | {"service": "PGSERVICE"}
_TLS = tuple(name for name in _VARIABLES if name.startswith("ssl") and name != "sslmode")


class Host(msgspec.Struct, frozen=True):
    """One place to try."""

    address: str
    """Name or address; the folder of a socket when it begins with a slash."""
    port: int
    password: str | None = None

    @property
    def words(self) -> str:
        """`db1:5432`, `/run/postgresql/.s.PGSQL.5432`."""
        local = self.address.startswith("/")
        return f"{self.address}/.s.PGSQL.{self.port}" if local else f"{self.address}:{self.port}"

    def __repr__(self) -> str:
        return f"Host({self.words})"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """All that is needed to connect."""

    hosts: tuple[Host, ...]
    user: str
    user_named: bool
    """Otherwise it is the name of the operating system's user, as with psql."""
    database: str
    database_named: bool
    """Otherwise it is the user's name, as with psql."""
    sslmode: str = "prefer"
    tls: Mapping[str, str] = {}
    """sslrootcert, sslcert, … as far as they are named."""
    session: str = "any"
    """target_session_attrs."""
    options: str = ""
    kerberos: Mapping[str, str] = {}
    connect_s: float = CONNECT_S
    notes: tuple[str, ...] = ()
    """What was passed over, and why: told when the server refuses."""

    def __repr__(self) -> str:
        return f"Place({self.user} at {', '.join(host.words for host in self.hosts)})"


def place(
    dsn: str | None,
    environment: Mapping[str, str] = os.environ,
    folders: Sequence[str] = SOCKET_FOLDERS,
) -> Place:
    """Where psql would connect to.

    Raises:
        ValueError: the DSN, a variable or the service file can't be understood.
        SourceError: MISSING when a service or a certificate that is named is not there.
    """
    home = Path(environment.get("HOME") or "/nonexistent")
    named = parameters(dsn) if dsn is not None else {}
    service = named.pop("service", "") or environment.get("PGSERVICE", "")
    if service:
        named = {**_service(service, named.get("servicefile"), environment, home), **named}
    for name, variable in _VARIABLES.items():
        if environment.get(variable):
            named.setdefault(name, environment[variable])
    named = {name: value for name, value in named.items() if value or name == "password"}
    user = named.get("user") or pwd.getpwuid(os.geteuid()).pw_name
    database = named.get("dbname") or user
    hosts = _hosts(named, folders)
    notes: list[str] = []
    if "password" in named:
        hosts = [Host(host.address, host.port, named["password"]) for host in hosts]
    else:
        known, notes = _passwords(Path(named.get("passfile") or home / ".pgpass"))
        hosts = [Host(h.address, h.port, _password(known, h, database, user, folders)) for h in hosts]
    return Place(
        hosts=tuple(hosts),
        user=user,
        user_named="user" in named,
        database=database,
        database_named="dbname" in named,
        sslmode=_one_of(TLS_MODES, named.get("sslmode", "prefer"), "sslmode"),
        tls=_tls(named, home),
        session=_one_of(SESSIONS, named.get("target_session_attrs", "any"), "target_session_attrs"),
        options=named.get("options", ""),
        kerberos={name: named[name] for name in ("krbsrvname", "gsslib") if name in named},
        connect_s=_connect_s(named.get("connect_timeout")),
        notes=tuple(notes),
    )


def variables(dsn: str) -> dict[str, str]:
    """The PG* variables that lead another program to the same place. Its secrets are not in a DSN any more."""
    return {_NAMED[name]: value for name, value in parameters(dsn).items() if name in _NAMED}


def local_sockets(folders: Sequence[str] = SOCKET_FOLDERS) -> list[tuple[str, int]]:
    """(folder, port) of the sockets that lie here, the usual port first."""
    found: dict[Path, tuple[str, int]] = {}
    for folder in folders:
        for socket in Path(folder).glob(".s.PGSQL.*"):
            if re.fullmatch(r"\.s\.PGSQL\.\d+", socket.name):
                found.setdefault(socket.resolve(), (folder, int(socket.name.rpartition(".")[2])))
    return sorted(found.values(), key=lambda each: (each[1] != 5432, each[1]))


def _hosts(named: Mapping[str, str], folders: Sequence[str]) -> list[Host]:
    """Each host with its port, in the order they are tried."""
    addresses = (named.get("hostaddr") or named.get("host") or "").split(",")
    ports = [_port(each) for each in named.get("port", "").split(",")]
    if addresses == [""]:
        return _local_hosts(ports[0] if named.get("port") else None, folders)
    if len(ports) == 1:
        ports *= len(addresses)
    if len(ports) != len(addresses):
        raise ValueError(f"{len(ports)} ports for {len(addresses)} hosts")
    return [Host(address.strip() or "localhost", port) for address, port in zip(addresses, ports, strict=True)]


def _local_hosts(port: int | None, folders: Sequence[str]) -> list[Host]:
    """Nobody named one: the sockets that lie here, of one server; then the loopback, where a container's port may lead to."""
    found = [each for each in local_sockets(folders) if port in (None, each[1])]
    port = found[0][1] if found else port or 5432
    return [*(Host(folder, each) for folder, each in found if each == port), Host("localhost", port)]


def _port(text: str) -> int:
    if not text.strip():
        return 5432
    if not text.strip().isdecimal() or not 0 < int(text) < 65536:
        raise ValueError("a port is a number from 1 to 65535")
    return int(text)


def _connect_s(text: str | None) -> float:
    """What the operator gives it, within what is bearable; 0 means for ever to psql and our own measure here."""
    if text is None:
        return CONNECT_S
    if not re.fullmatch(r"\s*-?\d+\s*", text):
        raise ValueError("connect_timeout is a number of seconds")
    return min(LONGEST_CONNECT_S, max(2.0, float(text))) if int(text) > 0 else CONNECT_S


def _one_of(known: Sequence[str], value: str, name: str) -> str:
    if value not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}")
    return value


def _tls(named: Mapping[str, str], home: Path) -> dict[str, str]:
    """Files that are named must be there: what the driver says without them leads nowhere."""
    for name in _TLS_FILES:
        file = named.get(name)
        if file and file != "system" and not os.access(file, os.R_OK):
            raise SourceError(FailureKind.MISSING, f"postgres: {name} {file[:120]}: no such file, or it can't be read")
    default = home / ".postgresql" / "root.crt"
    if named.get("sslmode", "").startswith("verify-") and not named.get("sslrootcert") and not default.exists():
        raise SourceError(
            FailureKind.MISSING,
            f"postgres: sslmode={named['sslmode']} needs the certificate of the CA; name its file with sslrootcert, or"
            " sslrootcert=system",
        )
    return {name: named[name] for name in _TLS if name in named}


def _service(name: str, file: str | None, environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """The parameters of one section; the user's own file hides the system's."""
    own = file or environment.get("PGSERVICEFILE") or str(home / ".pg_service.conf")
    folder = environment.get("PGSYSCONFDIR")
    files = (own, f"{folder}/pg_service.conf") if folder else (own, *SYSTEM_SERVICES)
    for each in files:
        section = _section(Path(each), name)
        if section is not None:
            return section
    raise SourceError(FailureKind.MISSING, f"postgres: service {name[:60]} is not defined in {own[:120]}; add it there")


def _section(file: Path, name: str) -> dict[str, str] | None:
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return None
    found: dict[str, str] | None = None
    for line in map(str.strip, lines):
        if line.startswith("["):
            if found is not None:
                break
            found = {} if line == f"[{name}]" else None
        elif found is not None and line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            if not equals:
                raise ValueError(f"a line of service {name[:60]} is not name=value")
            found[key.strip()] = value.strip()
    return found


_Entry = tuple[str, ...]
"""Host, port, database, user, password."""
_ENTRY = re.compile(":".join([r"((?:[^:\\]|\\.)*)"] * 5))
r"""Fields between colons; \: and \\ stand for themselves, and what follows a fifth colon for nothing."""


def _passwords(file: Path) -> tuple[list[_Entry], list[str]]:
    """(the entries of a password file, why it was passed over)."""
    try:
        if not file.is_file():
            return [], []
        if file.stat().st_mode & 0o077:
            return [], [f"{file} was passed over since others may read it: chmod 600 {file}"]
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return [], [f"{file} can't be read"]
    entries = [_fields(line) for line in lines if line and not line.startswith("#")]
    return [entry for entry in entries if entry], []


def _fields(line: str) -> _Entry:
    found = _ENTRY.match(line)
    return tuple(re.sub(r"\\(.)", r"\1", each) for each in found.groups()) if found else ()


def _password(known: Sequence[_Entry], host: Host, database: str, user: str, folders: Sequence[str]) -> str | None:
    """The first entry that fits; a socket in the usual folders is found under localhost."""
    name = "localhost" if host.address in folders else host.address
    wanted = (name, str(host.port), database, user)
    for entry in known:
        if all(field in ("*", value) for field, value in zip(entry, wanted, strict=False)):
            return entry[4]
    return None
