"""One request against a real service on the loopback: the time of each part, and every way it can fail."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from perftui.clients import http_probe
from perftui.clients.addresses import Address
from perftui.clients.http_probe import MOST_BODY_BYTES, HttpProbe
from perftui.model.failure import SourceError
from perftui.model.probe import Phase, ProbeOutcome, ProbeResult
from tests.services import Authority, Behaviour, answer, closes, drips, floods, resets, says, service

DAY_S = 86400.0


def parts(result: ProbeResult) -> float:
    return sum(
        part or 0.0 for part in (result.dns_s, result.connect_s, result.tls_s, result.first_byte_s, result.body_s)
    )


async def ask(url: str, **given: Any) -> ProbeResult:
    return await HttpProbe(url, time.monotonic, **given).probe()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def test_the_parts_add_up_and_the_slow_one_is_named() -> None:
    async with service(says(answer(body=b"x" * 100), after_s=0.2)) as served:
        result = await ask(f"http://localhost:{served.port}/health?key=1#here")

    assert (result.outcome, result.status_code, result.detail) == (ProbeOutcome.OK, 200, "")
    assert result.first_byte_s is not None and 0.2 <= result.first_byte_s < 1
    assert result.dns_s is not None and result.connect_s is not None and result.tls_s is None
    assert parts(result) == pytest.approx(result.total_s)
    assert (result.address, result.local, result.body_bytes, result.phase) == ("127.0.0.1", True, 100, None)
    assert served.requests[0].startswith(b"GET /health?key=1 HTTP/1.1\r\n")
    assert f"\r\nHost: localhost:{served.port}\r\n".encode() in served.requests[0]


async def test_the_first_connection_pays_for_no_import_of_ours() -> None:
    program = """
import asyncio, sys, time
from perftui.clients.http_probe import HttpProbe
def answer(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    probe = HttpProbe(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", time.monotonic)
    assert "httpx" not in sys.modules
    await probe._worker.run(probe._load)
    loaded = set(sys.modules)
    result = await probe.probe()
    assert result.status_code == 200, result
    print(sorted(set(sys.modules) - loaded))
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()

    late = [name for name in out.decode().strip("[]\n").replace("'", "").split(", ") if name]
    assert process.returncode == 0, err.decode()
    assert [name for name in late if name.startswith(("httpx", "httpcore", "anyio"))] == []


@pytest.mark.parametrize(
    ("behaviour", "outcome", "phase", "words"),
    [
        (says(b"", after_s=60), ProbeOutcome.TIMED_OUT, Phase.FIRST_BYTE, "before the first byte"),
        (drips, ProbeOutcome.TIMED_OUT, Phase.BODY, "within the body"),
        (resets, ProbeOutcome.CLOSED, Phase.FIRST_BYTE, "before the first byte"),
        (closes, ProbeOutcome.CLOSED, Phase.FIRST_BYTE, "before the first byte"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), ProbeOutcome.CLOSED, Phase.BODY, "within the body"),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), ProbeOutcome.MALFORMED, Phase.FIRST_BYTE, "not HTTP"),
        (says(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000), ProbeOutcome.MALFORMED, Phase.FIRST_BYTE, "not HTTP"),
        (says(answer("500 Internal Server Error")), ProbeOutcome.STATUS, None, "status 500, expected 200"),
        (
            says(answer("302 Found", b"", "Location: https://elsewhere.example/?token=secret")),
            ProbeOutcome.STATUS,
            None,
            "status 302, expected 200; a redirect to elsewhere.example, not followed",
        ),
    ],
    ids=["hang", "drip", "reset", "close", "half a body", "another protocol", "huge head", "500", "redirect"],
)
async def test_a_failure_is_told_with_its_part_and_the_time_it_took(
    behaviour: Behaviour, outcome: ProbeOutcome, phase: Phase | None, words: str
) -> None:
    async with service(behaviour) as served:
        began = time.monotonic()
        result = await ask(f"http://127.0.0.1:{served.port}/", timeout_s=0.4)
        took = time.monotonic() - began

    assert (result.outcome, result.phase) == (outcome, phase), result
    assert words in result.detail and "secret" not in result.detail and "\n" not in result.detail
    assert parts(result) == pytest.approx(result.total_s)
    assert result.total_s <= took < 5
    if outcome is ProbeOutcome.TIMED_OUT:
        assert result.total_s >= 0.39
    assert len(served.requests) == 1, "nothing is followed or tried again"


async def test_a_body_without_an_end_is_read_to_the_cap() -> None:
    async with service(floods) as served:
        result = await ask(f"http://127.0.0.1:{served.port}/", timeout_s=5)

    assert (result.outcome, result.body_bytes) == (ProbeOutcome.OK, MOST_BODY_BYTES)


async def test_a_name_that_does_not_exist() -> None:
    result = await ask("http://nowhere.invalid/", timeout_s=5)

    assert (result.outcome, result.phase) == (ProbeOutcome.DNS, Phase.DNS)
    assert result.detail.startswith("nowhere.invalid: ")
    assert result.dns_s == pytest.approx(result.total_s)


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        result = await ask(f"http://127.0.0.1:{port}/", timeout_s=5)

    assert (result.outcome, result.detail) == (ProbeOutcome.CONNECT, f"127.0.0.1 port {port}: connection refused")
    assert (result.dns_s, result.local) == (None, True)


async def test_where_the_first_address_refuses_the_next_one_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a host whose name has an IPv6 address that nobody listens at; which order a resolver gives is not ours to say."""
    found = [Address(ip, True) for ip in map(ip_address, ("::1", "127.0.0.1"))]
    monkeypatch.setattr(http_probe, "addresses", lambda host, port, most: found)
    async with service(says(answer())) as served:
        result = await ask(f"http://localhost:{served.port}/")

    assert (result.outcome, result.address) == (ProbeOutcome.OK, "127.0.0.1")
    assert parts(result) == pytest.approx(result.total_s)


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"])
async def test_link_local_addresses_are_never_asked(host: str) -> None:
    result = await ask(f"http://{host}/latest/meta-data/", timeout_s=2)

    assert result.outcome is ProbeOutcome.REFUSED
    assert "link-local" in result.detail


async def test_headers_are_sent_and_told_nobody() -> None:
    async with service(says(answer("401 Unauthorized"))) as served:
        result = await ask(f"http://127.0.0.1:{served.port}/", headers={"Authorization": "Bearer s3cret"})

    assert b"Authorization: Bearer s3cret\r\n" in served.requests[0]
    assert "s3cret" not in repr(result)


async def test_a_header_that_can_not_be_sent_is_not_quoted() -> None:
    async with service(says(answer())) as served:
        result = await ask(f"http://127.0.0.1:{served.port}/", headers={"Authorization": "s3cret\r\nX: y"})

    assert result.outcome is ProbeOutcome.REFUSED
    assert "s3cret" not in repr(result)


async def test_head_needs_no_body() -> None:
    async with service(says(b"HTTP/1.1 204 No Content\r\nContent-Length: 10\r\n\r\n")) as served:
        result = await ask(f"http://127.0.0.1:{served.port}/", method="HEAD", expect_status=204)

    assert (result.outcome, result.body_bytes) == (ProbeOutcome.OK, 0)
    assert served.requests[0].startswith(b"HEAD / ")


async def test_tls_is_timed_and_the_whole_chain_is_told(authority: Authority) -> None:
    certificate = authority.signed("localhost", authority.middle, days=60)
    async with service(says(answer()), authority.server(certificate, authority.middle)) as served:
        result = await ask(f"https://localhost:{served.port}/", ca_file=str(authority.root))

    assert result.outcome is ProbeOutcome.OK, result
    assert result.tls_s is not None and result.tls_s > 0
    assert parts(result) == pytest.approx(result.total_s)
    assert [(each.subject, each.issuer) for each in result.certificates] == [
        ("localhost", "Middle"),
        ("Middle", "root"),
    ]
    days = [(each.not_after_at - time.time()) / DAY_S for each in result.certificates]
    assert days == pytest.approx([60, 20], abs=0.1)


@pytest.mark.parametrize(
    ("kind", "words", "days"),
    [
        ("expired", "certificate has expired", -1.0),
        ("self-signed", "self-signed certificate", 5.0),
        ("another name", "hostname mismatch", 60.0),
        ("unknown authority", "unable to get local issuer certificate", 60.0),
    ],
)
async def test_a_certificate_that_is_not_accepted_fails_for_its_reason_and_its_days_are_told(
    authority: Authority, kind: str, words: str, days: float
) -> None:
    certificate = (
        authority.self_signed(5)
        if kind == "self-signed"
        else authority.signed("localhost", authority.root, days=-1 if kind == "expired" else 60)
    )
    host = "127.0.0.2" if kind == "another name" else "127.0.0.1"
    trusted = None if kind in ("self-signed", "unknown authority") else str(authority.root)
    async with service(says(answer()), authority.server(certificate), host) as served:
        result = await ask(f"https://{host}:{served.port}/", ca_file=trusted, timeout_s=5)

    assert (result.outcome, result.phase) == (ProbeOutcome.TLS, Phase.TLS)
    assert words in result.detail.lower() or (kind == "another name" and "mismatch" in result.detail), result.detail
    assert served.requests == [], "no request is sent to who can't be trusted"
    assert (result.certificates[0].not_after_at - time.time()) / DAY_S == pytest.approx(days, abs=0.1)
    assert parts(result) == pytest.approx(result.total_s)


@pytest.mark.parametrize(
    ("said", "outcome", "words"),
    [
        (answer("400 Bad Request"), ProbeOutcome.TLS, "TLS handshake failed: wrong version number"),
        (b"", ProbeOutcome.TIMED_OUT, "in the TLS handshake"),
    ],
    ids=["answers in clear", "waits for more"],
)
async def test_tls_where_none_is_spoken(said: bytes, outcome: ProbeOutcome, words: str) -> None:
    async with service(closes, greeting=said) as served:
        result = await ask(f"https://127.0.0.1:{served.port}/", timeout_s=0.5)

    assert (result.outcome, result.phase) == (outcome, Phase.TLS)
    assert words in result.detail


async def test_a_missing_file_of_certificates_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="can't read certificates"):
        await ask("https://127.0.0.1:1/", ca_file=str(tmp_path / "none.pem"))


async def test_a_resolver_that_hangs_is_a_timeout_and_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in: the real resolver can't be made to hang here without rewriting this machine's settings."""
    release = threading.Event()

    def hang(host: str, port: int, most: int) -> list[Address]:
        release.wait(10)
        return []

    probe = HttpProbe("http://name.example/", time.monotonic, timeout_s=0.3)
    monkeypatch.setattr(http_probe, "addresses", hang)
    try:
        first, second = await probe.probe(), await probe.probe()
    finally:
        release.set()

    assert (first.outcome, first.phase) == (ProbeOutcome.TIMED_OUT, Phase.DNS)
    assert first.total_s >= 0.29
    assert (second.outcome, second.phase, second.total_s < 0.2) == (ProbeOutcome.TIMED_OUT, Phase.DNS, True)
