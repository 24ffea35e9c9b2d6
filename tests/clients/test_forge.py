"""A forge's REST API: what is asked again, what is left alone. The server is real and not theirs: there is no network here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from perftui.clients import forge as module
from perftui.clients.forge import Forge
from perftui.model.failure import FailureKind, SourceError
from tests.http_server import HttpServer, Page

PATH = "/repos/acme/web/deployments"
NOW = 1_770_806_232.0


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with HttpServer() as found:
        yield found


class Wall:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def forge(server: HttpServer, wall: Wall) -> AsyncIterator[Forge]:
    server.asked = []
    found = Forge(server.url, {"Authorization": "Bearer s3cret"}, "read access to deployments", wall)
    yield found
    await found.close()


async def test_an_unchanged_answer_is_the_kept_one(server: HttpServer, forge: Forge) -> None:
    server.pages = {PATH: Page(b"[1]", headers={"ETag": 'W/"a"'})}
    assert (await forge.get(PATH)).body == b"[1]"
    server.pages = {PATH: Page(b"", 304)}
    assert (await forge.get(PATH)).body == b"[1]"
    assert (await forge.get(PATH)).body == b"[1]"
    assert [headers.get("If-None-Match") for _, headers in server.asked] == [None, 'W/"a"', 'W/"a"']
    server.pages = {PATH: Page(b"[2]", headers={"ETag": 'W/"b"'})}
    assert (await forge.get(PATH)).body == b"[2]"


async def test_kept_answers_are_bounded(server: HttpServer, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    server.pages = {PATH: Page(b"[]", headers={"ETag": '"a"'})}
    for number in range(3):
        await forge.get(f"{PATH}?page={number}")
    server.asked = []
    await forge.get(f"{PATH}?page=0")
    await forge.get(f"{PATH}?page=2")
    assert [headers.get("If-None-Match") for _, headers in server.asked] == [None, '"a"']


@pytest.mark.parametrize(
    ("status", "headers", "rest_s"),
    [
        (429, {"Retry-After": "120"}, 120),
        (403, {"Retry-After": "90"}, 90),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{NOW + 600:.0f}"}, 600),
        (429, {"RateLimit-Reset": f"{NOW + 100:.0f}"}, 100),
        (429, {"Retry-After": "Wed, 11 Feb 2026 10:40:12 GMT"}, 180),
        (429, {}, 60),
        (429, {"Retry-After": "1"}, 60),
        (503, {"Retry-After": "999999"}, 3600),
        (429, {"Retry-After": "soon"}, 60),
    ],
)
async def test_it_is_left_alone_for_as_long_as_it_asks(
    status: int, headers: dict[str, str], rest_s: float, server: HttpServer, forge: Forge, wall: Wall
) -> None:
    server.pages = {PATH: Page(b"{}", status, headers)}
    for after_s in (0.0, rest_s - 1):
        wall.now = NOW + after_s
        with pytest.raises(SourceError) as told:
            await forge.get(PATH)
        assert told.value.kind is FailureKind.FULL
        assert "asked again after" in told.value.detail and "s3cret" not in told.value.detail
    assert len(server.asked) == 1

    wall.now = NOW + rest_s + 1
    server.pages = {PATH: Page(b"[]")}
    assert (await forge.get(PATH)).body == b"[]"


@pytest.mark.parametrize(
    ("page", "kind", "words"),
    [
        (Page(b"{}", 401), FailureKind.DENIED, "the token is not accepted (401); is it expired?; it needs read access"),
        (Page(b"{}", 403), FailureKind.DENIED, "may not read deployments (403)"),
        (Page(b"{}", 404), FailureKind.MISSING, "not there, or not for this token (404)"),
        (Page(b"{}", 301, {"Location": "/elsewhere"}), FailureKind.MISSING, "moved (301)"),
        (Page(b"{}", 500), FailureKind.UNREACHABLE, "status 500"),
        (Page(b"x" * (9 << 20)), FailureKind.MALFORMED, "more than 8 MB"),
    ],
)
async def test_refusals(page: Page, kind: FailureKind, words: str, server: HttpServer, forge: Forge) -> None:
    server.pages = {PATH: page}
    with pytest.raises(SourceError) as told:
        await forge.get(f"{PATH}?private=1")
    assert (told.value.kind, words in told.value.detail) == (kind, True), told.value.detail
    assert "private" not in told.value.detail and "s3cret" not in told.value.detail
