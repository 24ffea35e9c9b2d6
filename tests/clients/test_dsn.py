"""How a DSN is read, and what of it others may see."""

from __future__ import annotations

import pytest

from perftui.clients.dsn import parameters, without_secrets


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("", {"dbname": ""}),
        ("shop", {"dbname": "shop"}),
        ("postgresql://", {}),
        ("postgres://db1", {"host": "db1"}),
        ("postgresql://db1:6432/shop", {"host": "db1", "port": "6432", "dbname": "shop"}),
        ("postgresql:///shop", {"dbname": "shop"}),
        ("postgresql://app@/shop?host=/run/pg", {"user": "app", "dbname": "shop", "host": "/run/pg"}),
        ("postgresql://%2Frun%2Fpg/shop", {"host": "/run/pg", "dbname": "shop"}),
        ("postgresql://[2001:db8::1]:5433,db2/x", {"host": "2001:db8::1,db2", "port": "5433,", "dbname": "x"}),
        ("postgresql://a%40b:p%3Aw@h/d%2Fe", {"user": "a@b", "password": "p:w", "host": "h", "dbname": "d/e"}),
        ("postgresql://u:p/w@x@h/d", {"user": "u", "password": "p/w@x", "host": "h", "dbname": "d"}),
        ("postgresql://h:5432/my@db", {"host": "h", "port": "5432", "dbname": "my@db"}),
        ("postgresql://h/d?user=u&password=a+b%20c", {"host": "h", "dbname": "d", "user": "u", "password": "a+b c"}),
        ("postgresql://h/d?ssl=true", {"host": "h", "dbname": "d", "sslmode": "require"}),
        ("postgresql://h/d?connect_timeout=9", {"host": "h", "dbname": "d", "connect_timeout": "9"}),
        ("postgresql://?service=prod", {"service": "prod"}),
        ("host=h port = 5433 user='my user'", {"host": "h", "port": "5433", "user": "my user"}),
        (r"password='it\'s \\ = x' dbname=d", {"password": r"it's \ = x", "dbname": "d"}),
        (r"password=a\ b user=", {"password": "a b", "user": ""}),
        ("database=d host=h", {"dbname": "d", "host": "h"}),
        ("service=prod options='-c geqo=off'", {"service": "prod", "options": "-c geqo=off"}),
    ],
)
def test_each_form(dsn: str, expected: dict[str, str]) -> None:
    assert parameters(dsn) == expected


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("http://x", "not a URI"),
        ("postgresql://h:port/d", "not a URI"),
        ("postgresql://h/d?sslmode", "no value"),
        ("host='open", "name=value"),
        ("host=h lonely", "name=value"),
        ("host=h colour=red", "colour is no option"),
        ("host=h password=s3cr3t s3cr3t=x", "an option is none"),
    ],
)
def test_what_can_not_be_understood_tells_no_secret(dsn: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as told:
        parameters(dsn)

    assert "s3cr3t" not in str(told.value)


@pytest.mark.parametrize(
    ("dsn", "place"),
    [
        ("postgresql://u:s3cr3t@h/d", "postgresql://u@h/d"),
        ("postgresql://u:s3cr3t/@x@h:1/d?sslmode=require", "postgresql://u@h:1/d?sslmode=require"),
        ("postgresql://h/d?user=u&password=s3cr3t", "postgresql://h/d?user=u"),
        ("postgresql://h/d?password=s3cr3t", "postgresql://h/d"),
        ("postgresql://h/d?password=s3cr3t&sslmode=require", "postgresql://h/d?sslmode=require"),
        ("postgresql://h/d?%70assword=s3cr3t", "postgresql://h/d"),
        ("host=h password='s3cr3t x' user='my user'", "host=h user='my user'"),
        ("password = s3cr3t host = h", "host = h"),
        ("host=h sslpassword=s3cr3t", "host=h"),
    ],
)
def test_secrets_are_parted_from_the_place(dsn: str, place: str) -> None:
    found, secrets = without_secrets(dsn)

    assert found == place
    assert [value for value in secrets.values() if "s3cr3t" in value]
    assert {**parameters(found), **parameters(dsn)} == parameters(dsn)


@pytest.mark.parametrize("dsn", ["", "shop", "postgresql://u@h/password", "host=h user=password"])
def test_a_place_without_secrets_stays_as_it_was(dsn: str) -> None:
    assert without_secrets(dsn) == (dsn, {})
