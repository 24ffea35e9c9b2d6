"""Where a Postgres is, as psql lets one say it: read, and the secrets in it kept apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

SECRETS = {"password": "PGPASSWORD", "sslpassword": "PGSSLPASSWORD"}
"""What nobody else may see → the variable it is handed on in. psql knows the first one only."""
_KEYWORDS = """
application_name channel_binding client_encoding connect_timeout dbname fallback_application_name gssdelegation gssencmode
gsslib host hostaddr keepalives keepalives_count keepalives_idle keepalives_interval krbsrvname load_balance_hosts
max_protocol_version min_protocol_version options passfile password port replication require_auth requirepeer
scram_client_key scram_server_key service servicefile ssl_max_protocol_version ssl_min_protocol_version sslcert sslcertmode
sslcompression sslcrl sslcrldir sslkey sslkeylogfile sslmode sslnegotiation sslpassword sslrootcert sslsni
target_session_attrs tcp_user_timeout user
"""
KEYWORDS = frozenset(_KEYWORDS.split())
"""libpq 18's. Those that only tune its own transport are read and left alone."""
_ALIASES = {"database": "dbname"}

_SCHEME = r"postgres(?:ql)?://"
_HOST = r"(?:\[[^\]/@?]*\]|[^:,\[\]/@?]*)(?::\d*)?"
_REST = rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?:/(?P<dbname>[^?]*))?(?:\?(?P<query>.*))?"
_URIS = tuple(
    re.compile(rf"{_SCHEME}(?:(?P<user>[^:@/?]*)(?::(?P<password>{password}))?@)?{_REST}", re.DOTALL)
    for password in ("[^@/?]*", "[^?]*", ".*")
)
"""As libpq reads it; then with signs in the password that had to be escaped, which is better understood than shown."""
_PAIR = re.compile(
    r"\s*(?P<name>[^\s=']+)\s*=\s*(?P<value>'(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)(?:[^\s\\]|\\.)*|)(?=\s|\Z)", re.DOTALL
)


def parameters(dsn: str) -> dict[str, str]:
    """libpq's keywords and their values, of any of psql's three forms: a URI, `host=… user=…`, or the name of a database.

    Raises:
        ValueError: what can't be understood; the text itself is told only where it holds no secret.
    """
    if "://" in dsn and "=" not in dsn.partition("://")[0]:
        found = _of_uri(dsn)
    elif "=" in dsn:
        found = _of_pairs(dsn)
    else:
        found = {"dbname": dsn}
    found = {_ALIASES.get(name, name): value for name, value in found.items()}
    unknown = sorted(found.keys() - KEYWORDS)
    if unknown:
        quiet = found.keys() & SECRETS.keys()
        raise ValueError("an option is none of psql's" if quiet else f"{unknown[0][:40]} is no option of psql's")
    return found


def _of_uri(dsn: str) -> dict[str, str]:
    match = _match(dsn)
    if match is None:
        raise ValueError("not a URI of Postgres")
    found = {name: unquote(match[name]) for name in ("user", "password", "dbname") if match[name]}
    hosts = [
        each.rpartition(":") if re.search(r":\d*\Z", each) else (each, "", "") for each in match["hosts"].split(",")
    ]
    if any(host for host, _, _ in hosts):
        found["host"] = ",".join(unquote(host).strip("[]") for host, _, _ in hosts)
    if any(port for _, _, port in hosts):
        found["port"] = ",".join(port for _, _, port in hosts)
    for each in filter(None, (match["query"] or "").split("&")):
        name, equals, value = each.partition("=")
        if not equals:
            raise ValueError("an option after ? has no value")
        # JDBC's way to say it, which libpq takes too.
        found |= {"sslmode": "require"} if (name, value) == ("ssl", "true") else {unquote(name): unquote(value)}
    return found


def _match(dsn: str) -> re.Match[str] | None:
    return next((match for uri in _URIS if (match := uri.fullmatch(dsn))), None)


def _of_pairs(dsn: str) -> dict[str, str]:
    found = {}
    end = 0
    while dsn[end:].strip():
        pair = _PAIR.match(dsn, end)
        if pair is None:
            raise ValueError("expected name=value pairs")
        found[pair["name"]] = _unquoted(pair["value"])
        end = pair.end()
    return found


def _unquoted(value: str) -> str:
    inner = value[1:-1] if value.startswith("'") else value
    return re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL)


def without_secrets(dsn: str) -> tuple[str, Mapping[str, str]]:
    """(the same place, the variables that the secrets in it are handed on in).

    Raises:
        ValueError: as `parameters`.
    """
    found = parameters(dsn)
    secrets = {variable: found[name] for name, variable in SECRETS.items() if name in found}
    return (_without(dsn) if secrets else dsn), secrets


def _without(dsn: str) -> str:
    uri = _match(dsn)
    if uri is None:
        return " ".join(pair[0].strip() for pair in _PAIR.finditer(dsn) if pair["name"] not in SECRETS)
    if uri["password"] is not None:
        dsn = dsn[: uri.start("password") - 1] + dsn[uri.end("password") :]
    start, mark, query = dsn.partition("?")
    kept = [each for each in query.split("&") if unquote(each.partition("=")[0]) not in SECRETS]
    return start + (mark + "&".join(kept) if kept and mark else "")
