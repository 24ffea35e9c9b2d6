"""Times in access logs: which formats are known by their lines, which are named, and what is skipped."""

from __future__ import annotations

import pytest

from perftui.model.failure import UsageError
from perftui.sources.access_logs import access_log, any_moment, named_format
from perftui.sources.load_format import Format, Result

AT = "22/Nov/2026:11:23:46 +0000"
COMBINED = f'10.0.0.7 - me [{AT}] "GET /orders/7?q=1 HTTP/1.1" 502 512 "-" "Mozilla/5.0 (X11) 1.0"'.encode()
JSON = (
    b'{"time":"2026-11-22T11:23:46+00:00","status":502,"request":"GET /orders/7?q=1 HTTP/1.1","request_time":"0.250"}'
)


def only(read: Format | None, file: bytes) -> Result:
    assert read is not None
    (result,) = read.results(file)
    assert read.skipped_total == 0
    return result


@pytest.mark.parametrize(
    ("line", "at", "name"),
    [
        (COMBINED + b" 0.250", AT, "/orders/7"),
        (COMBINED + b' "0.250"', AT, "/orders/7"),
        (COMBINED + b" 250000", AT, "/orders/7"),
        (COMBINED + b' rt=0.250 uct="0.001" urt="0.249"', AT, "/orders/7"),
        (COMBINED + b" request_time=0.250 up=-", AT, "/orders/7"),
        (JSON, "2026-11-22T11:23:46+00:00", "/orders/7"),
        (b'{"duration_ms":250,"path":"/orders/7","status":"502"}', None, "/orders/7"),
    ],
    ids=["nginx", "nginx quoted", "apache", "nginx rt=", "nginx request_time=", "json of nginx", "json"],
)
def test_a_format_is_known_by_its_lines(line: bytes, at: str | None, name: str) -> None:
    assert only(access_log(line + b"\n"), line + b"\n") == Result(at, 0.25, False, name)


@pytest.mark.parametrize(("unit", "seconds"), [("s", 250.0), ("ms", 0.25), ("us", 0.00025)])
def test_numbers_have_the_unit_that_is_named(unit: str, seconds: float) -> None:
    assert only(access_log(b"250\n", unit), b"250\n").latency_s == pytest.approx(seconds)


@pytest.mark.parametrize("head", [b"", COMBINED + b"\n", b"hello\nworld\n", b'{"a":1}\n', b"\x00\xff\n"])
def test_lines_without_a_time_are_no_format(head: bytes) -> None:
    assert access_log(head) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('$remote_addr [$time_local] "$request" $status $request_time', f'::1 [{AT}] "GET /a?b HTTP/2" 200 0.250'),
        ('%h %l %u %t "%r" %>s %b %D', f'::1 - - [{AT}] "GET /a?b HTTP/1.1" 200 - 250000'),
        ("%t %U %{ms}T", f"[{AT}] /a 250"),
        ("$time_local|$uri|$upstream_addr|$request_time", f"{AT}|/a|10.0.0.1:80, 10.0.0.2:80|0.250"),
    ],
)
def test_a_server_s_own_format_can_be_named(text: str, line: str) -> None:
    result = only(named_format(text), line.encode())

    assert (result.latency_s, result.name, result.ok) == (0.25, "/a", True)
    assert any_moment(result.at) == 1795346626.0 if "time_local|" not in text else result.at is not None


def test_a_format_without_a_time_is_refused() -> None:
    with pytest.raises(UsageError, match="has no time; expected"):
        named_format("$remote_addr $status")


def test_lines_of_another_format_are_skipped_and_counted() -> None:
    file = COMBINED + b" 0.250\n" + COMBINED + b"\n" + COMBINED + b" 0.125\n"
    read = access_log(file)

    assert read is not None
    assert [result.latency_s for result in read.results(file)] == [0.25, 0.125]
    assert (read.skipped_total, read.trouble[:18]) == (1, "not of this format")


@pytest.mark.parametrize("at", ["22/Nov/2026:11:23", "??/Nov/2026:11:23:46 +0000", "soon", None])
def test_what_is_no_moment_is_not_known(at: str | None) -> None:
    assert any_moment(at) is None
