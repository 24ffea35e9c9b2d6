"""Documents over HTTP from a real server: how they come and how they don't."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from perftui.clients import http
from perftui.clients.http import HttpDocuments
from perftui.clients.own_postgres import free_port
from perftui.model.failure import FailureKind, SourceError
from tests.http_server import HttpServer, Page

SECRET = "Bearer s3cret"


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with HttpServer() as found:
        yield found


@pytest.fixture
async def documents() -> AsyncIterator[HttpDocuments]:
    found = HttpDocuments({"Authorization": SECRET})
    yield found
    await found.close()


async def failure(documents: HttpDocuments, url: str) -> SourceError:
    with pytest.raises(SourceError) as told:
        await documents.get(url, "text/plain")
    shown = f"{told.value} {told.value.__cause__} {told.value.__context__}"
    assert "s3cret" not in shown
    assert told.value.detail.isprintable()
    return told.value


async def test_a_document_with_its_headers(server: HttpServer, documents: HttpDocuments) -> None:
    server.pages["/metrics"] = Page(b"hikaricp_connections 1\n")

    assert await documents.get(f"{server.url}/metrics", "text/plain") == b"hikaricp_connections 1\n"
    _, headers = server.asked[-1]
    assert (headers["Authorization"], headers["Accept"]) == (SECRET, "text/plain")
    assert headers["User-Agent"].startswith("perftui/")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, FailureKind.DENIED),
        (403, FailureKind.DENIED),
        (404, FailureKind.MISSING),
        (500, FailureKind.UNREACHABLE),
        (503, FailureKind.UNREACHABLE),
    ],
)
async def test_a_refusal_is_told_with_the_place_but_not_its_query(
    server: HttpServer, documents: HttpDocuments, status: int, kind: FailureKind
) -> None:
    server.pages["/metrics"] = Page(b"", status)
    told = await failure(documents, f"{server.url}/metrics?token=s3cret")

    assert told.kind is kind
    assert told.detail.startswith(f"{server.url}/metrics: status {status}")


async def test_a_redirect_on_the_same_host_is_followed(server: HttpServer, documents: HttpDocuments) -> None:
    server.pages["/old"] = Page(b"", 301, {"Location": "/new"})
    server.pages["/new"] = Page(b"found")

    assert await documents.get(f"{server.url}/old", "text/plain") == b"found"


async def test_a_redirect_to_another_host_is_not(server: HttpServer, documents: HttpDocuments) -> None:
    with HttpServer() as another:
        another.pages["/metrics"] = Page(b"stolen")
        for place in (f"{another.url}/metrics", f"{another.url.replace('http', 'https')}/metrics"):
            server.pages["/away"] = Page(b"", 302, {"Location": place})
            told = await failure(documents, f"{server.url}/away")
            assert told.kind is FailureKind.UNSUPPORTED
        assert another.asked == []
    server.pages["/round"] = Page(b"", 302, {"Location": "/round"})
    assert "redirects" in (await failure(documents, f"{server.url}/round")).detail


async def test_one_that_hangs_is_given_up(
    server: HttpServer, documents: HttpDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 0.3)
    server.pages["/hangs"] = Page(hangs=True)

    assert (await failure(documents, f"{server.url}/hangs")).kind is FailureKind.TIMED_OUT


async def test_a_body_that_is_too_large_is_given_up(
    server: HttpServer, documents: HttpDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 1 << 20)
    server.pages["/huge"] = Page(b"x" * (3 << 20))

    assert (await failure(documents, f"{server.url}/huge")).kind is FailureKind.MALFORMED


async def test_nobody_there(documents: HttpDocuments) -> None:
    told = await failure(documents, f"http://user:s3cret@127.0.0.1:{free_port()}/metrics")

    assert told.kind is FailureKind.UNREACHABLE
    assert "running" in told.detail


async def test_one_that_speaks_another_language(documents: HttpDocuments) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    talking = await asyncio.start_server(talk, "127.0.0.1", 0, family=socket.AF_INET)
    port = talking.sockets[0].getsockname()[1]
    try:
        told = await failure(documents, f"http://127.0.0.1:{port}/metrics")
    finally:
        talking.close()

    assert told.kind in (FailureKind.MALFORMED, FailureKind.UNREACHABLE)


async def test_a_proxy_of_the_operators_shell_is_not_asked(
    server: HttpServer, documents: HttpDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    server.pages["/metrics"] = Page(b"found")

    assert await documents.get(f"{server.url}/metrics", "text/plain") == b"found"
