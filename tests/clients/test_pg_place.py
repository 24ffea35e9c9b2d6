"""Where psql would connect to: options, service files, variables, password files and defaults in libpq's order."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from perftui.clients.pg_place import Host, Place, local_sockets, place, variables
from perftui.model.failure import FailureKind, SourceError

Find = Callable[..., Place]
ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """With no socket, and a home of its own."""

    def found(dsn: str | None = None, **variables: str) -> Place:
        return place(dsn, {"HOME": str(tmp_path), **variables}, [str(tmp_path / "sockets")])

    return found


def at(found: Place) -> list[tuple[str, int]]:
    return [(host.address, host.port) for host in found.hosts]


def test_nothing_named_is_the_loopback_and_the_users_own_name(find: Find) -> None:
    found = find()

    assert at(found) == [("localhost", 5432)]
    assert (found.user, found.user_named, found.database, found.database_named) == (ME, False, ME, False)


@pytest.mark.parametrize(
    ("files", "port", "expected"),
    [
        ([5432], None, [5432]),
        ([5433, 5434], None, [5433]),
        ([5433, 5432], None, [5432]),
        ([5433], "5432", []),
        ([5433, 5434], "5434", [5434]),
    ],
)
def test_a_socket_that_lies_here_is_tried_first(
    files: list[int], port: str | None, expected: list[int], find: Find, tmp_path: Path
) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir()
    for number in files:
        (folder / f".s.PGSQL.{number}").touch()
        (folder / f".s.PGSQL.{number}.lock").touch()

    found = find(**({"PGPORT": port} if port else {}))

    assert at(found)[:-1] == [(str(folder), number) for number in expected]
    assert at(found)[-1][0] == "localhost"
    assert len(local_sockets([str(folder), str(folder)])) == len(files)


def test_a_dsn_hides_a_service_and_that_hides_a_variable(find: Find, tmp_path: Path) -> None:
    (tmp_path / ".pg_service.conf").write_text(
        "[other]\nhost=x\n# [prod]\n[prod]\nhost=db1\nuser = svc\n\ndbname=a%b\n[z]\n"
    )
    variables = {"PGUSER": "env", "PGPORT": "6000", "PGDATABASE": "env"}

    found = find("service=prod user=named", **variables)

    assert (at(found), found.user, found.database) == ([("db1", 6000)], "named", "a%b")
    assert find(PGSERVICE="prod", **variables) == find("postgresql://?service=prod", **variables)
    assert find(PGSERVICE="prod").user == "svc"


def test_where_services_are_looked_for(find: Find, tmp_path: Path) -> None:
    (tmp_path / "own").write_text("[mine]\nhost=own\n")
    (tmp_path / "pg_service.conf").write_text("[mine]\nhost=system\n[ours]\nhost=system\n")
    variables = {"PGSERVICEFILE": str(tmp_path / "own"), "PGSYSCONFDIR": str(tmp_path)}

    assert at(find("service=mine", **variables)) == [("own", 5432)]
    assert at(find("service=ours", **variables)) == [("system", 5432)]
    with pytest.raises(SourceError, match=r"service none is not defined in .*/own") as told:
        find("service=none", **variables)
    assert told.value.kind is FailureKind.MISSING


def test_several_hosts(find: Find) -> None:
    assert at(find("postgresql://a,b:5433,[::1]:5434/d")) == [("a", 5432), ("b", 5433), ("::1", 5434)]
    assert at(find("host=a,b,/run/x port=6000")) == [("a", 6000), ("b", 6000), ("/run/x", 6000)]
    assert at(find(PGHOST="a,b", PGPORT="1,2")) == [("a", 1), ("b", 2)]
    assert at(find("host=name hostaddr=10.0.0.1")) == [("10.0.0.1", 5432)]
    assert find("host=a,b target_session_attrs=read-write").session == "read-write"
    assert find("host=a", PGTARGETSESSIONATTRS="standby").session == "standby"


@pytest.mark.parametrize(
    "dsn",
    [
        "host=h port=nan",
        "host=h port=70000",
        "host=a,b,c port=1,2",
        "postgresql://h/d?sslmode=odd",
        "host=h target_session_attrs=best",
        "host=h connect_timeout=soon",
    ],
)
def test_a_value_of_the_wrong_kind(dsn: str, find: Find) -> None:
    with pytest.raises(ValueError, match=r"port|sslmode is one of|target_session_attrs is one of|connect_timeout"):
        find(dsn)


@pytest.mark.parametrize(("given", "seconds"), [(None, 3.0), ("0", 3.0), ("1", 2.0), ("10", 10.0), ("600", 15.0)])
def test_how_long_a_connection_may_take(given: str | None, seconds: float, find: Find) -> None:
    assert find("host=h", **({"PGCONNECT_TIMEOUT": given} if given else {})).connect_s == seconds


PASSWORDS = r"""
# comment:1:*:*:hidden
db1:5432:shop:app:first
db1:*:*:app:second
localhost:5432:*:app:local
[::1]\::*:*:*:never
*:*:*:ops:pa\:ss\\word :with
short:1
*:*:*:*:last resort
"""


@pytest.mark.parametrize(
    ("dsn", "password"),
    [
        ("postgresql://app@db1/shop", "first"),
        ("postgresql://app@db1:5433/shop", "second"),
        ("postgresql://ops@anywhere/x", "pa:ss\\word "),
        ("postgresql://app@db2/shop", "last resort"),
        ("postgresql://app:own@db1/shop", "own"),
    ],
)
def test_passwords_are_found_by_place_and_role(dsn: str, password: str, find: Find, tmp_path: Path) -> None:
    file = tmp_path / ".pgpass"
    file.write_text(PASSWORDS)
    file.chmod(0o600)

    found = find(dsn)

    assert found.hosts[0].password == password
    assert password not in repr(found)


def test_each_host_has_its_own_password_and_a_usual_socket_that_of_localhost(find: Find, tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    file.write_text(PASSWORDS)
    file.chmod(0o600)

    found = find(f"host=db1,db2,{tmp_path / 'sockets'} user=app dbname=shop", PGPASSFILE=str(file))

    assert [host.password for host in found.hosts] == ["first", "last resort", "local"]


def test_a_password_file_that_others_may_read_is_passed_over_and_told(find: Find, tmp_path: Path) -> None:
    file = tmp_path / ".pgpass"
    file.write_text(PASSWORDS)
    file.chmod(0o644)

    found = find("postgresql://app@db1/shop")

    assert found.hosts == (Host("db1", 5432, None),)
    assert found.notes == (f"{file} was passed over since others may read it: chmod 600 {file}",)


def test_certificates_must_be_there(find: Find, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="sslrootcert /none: no such file"):
        find("host=h sslmode=verify-ca sslrootcert=/none")
    with pytest.raises(SourceError, match="needs the certificate of the CA"):
        find("host=h sslmode=verify-full")
    (tmp_path / "ca.crt").touch()
    found = find("host=h", PGSSLMODE="verify-full", PGSSLROOTCERT=str(tmp_path / "ca.crt"))
    assert (found.sslmode, found.tls) == ("verify-full", {"sslrootcert": str(tmp_path / "ca.crt")})
    assert find("host=h sslmode=verify-full sslrootcert=system").tls == {"sslrootcert": "system"}


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://ann@db:6432/app", {"PGUSER": "ann", "PGHOST": "db", "PGPORT": "6432", "PGDATABASE": "app"}),
        ("host=/run/pg sslmode=require", {"PGHOST": "/run/pg", "PGSSLMODE": "require"}),
        ("service=orders", {"PGSERVICE": "orders"}),
        ("app", {"PGDATABASE": "app"}),
    ],
)
def test_another_program_is_led_to_the_same_place(dsn: str, expected: dict[str, str]) -> None:
    assert variables(dsn) == expected
