"""The API's client against an HTTP server that answers as an API server in trouble does; a real one is in tests/kubernetes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from perftui.clients import http_api
from perftui.clients import kubernetes as module
from perftui.clients.kubeconfig import Access, ExecPlugin
from perftui.clients.kubernetes import Kubernetes
from perftui.model.failure import FailureKind, SourceError
from tests.http_server import HttpServer, Page

LIST = "/apis/apps/v1/deployments"


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with HttpServer() as found:
        yield found


@pytest.fixture
async def made(server: HttpServer) -> AsyncIterator[list[Kubernetes]]:
    """Clients that are closed at the end."""
    clients: list[Kubernetes] = []
    yield clients
    for each in clients:
        await each.close()


def client(made: list[Kubernetes], server: HttpServer, wall: float = 0.0, **access: object) -> Kubernetes:
    found = Access(name="prod", server=server.url, **{"token": "s3cret", **access})  # type: ignore[arg-type]
    made.append(Kubernetes(lambda: found, lambda: wall))
    return made[-1]


@pytest.mark.parametrize(
    ("page", "kind", "words"),
    [
        (Page(b"", 401), FailureKind.DENIED, "the credentials are not accepted (401)"),
        (
            Page(b'{"message": "deployments.apps is forbidden"}', 403),
            FailureKind.DENIED,
            "deployments.apps is forbidden; docs",
        ),
        (Page(b"<html>", 403), FailureKind.DENIED, "may not read it (403)"),
        (Page(b"no such page", 404), FailureKind.MISSING, "is this address a Kubernetes API?"),
        (Page(b"", 410), FailureKind.NOT_READY, "(410)"),
        (Page(b"", 429), FailureKind.FULL, "takes no more requests now (429)"),
        (
            Page(b'{"message": "etcd\\u001b[31m is slow"}', 500),
            FailureKind.UNREACHABLE,
            "status 500: etcd?[31m is slow",
        ),
        (Page(b"", 503), FailureKind.NOT_READY, "(503)"),
        (Page(b"", 302, {"Location": "https://login.example"}), FailureKind.UNREACHABLE, "status 302"),
        (Page(b"x" * 2000), FailureKind.MALFORMED, "more than 0 MB"),
        (Page(hangs=True), FailureKind.TIMED_OUT, "no answer in 0 s"),
    ],
)
async def test_what_goes_wrong_is_one_line(
    page: Page,
    kind: FailureKind,
    words: str,
    server: HttpServer,
    made: list[Kubernetes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if page.hangs:
        monkeypatch.setattr(http_api.HttpApi.__init__, "__kwdefaults__", {**_defaults(), "timeout_s": 0.3})
    if len(page.body) > 1000:
        monkeypatch.setattr(http_api.HttpApi.__init__, "__kwdefaults__", {**_defaults(), "most_bytes": 1000})
    server.pages = {LIST: page}
    with pytest.raises(SourceError) as told:
        await client(made, server).get(f"{LIST}?limit=500")
    assert told.value.kind is kind
    assert words in told.value.detail
    assert told.value.detail.isprintable() and "s3cret" not in told.value.detail and "limit" not in told.value.detail


def _defaults() -> dict[str, object]:
    return dict(http_api.HttpApi.__init__.__kwdefaults__ or {})


def plugin(folder: Path, expires: str = "") -> ExecPlugin:
    """Gives another token at each run: `token-1`, `token-2`."""
    program = folder / "login"
    date = f', "expirationTimestamp": "{expires}"' if expires else ""
    program.write_text(
        f"#!/bin/sh\necho x >>{folder}/runs\nn=$(wc -l <{folder}/runs)\n"
        f'printf \'{{"status": {{"token": "token-%s"{date}}}}}\' $n\n'
    )
    program.chmod(0o755)
    return ExecPlugin(command=str(program))


def tokens(server: HttpServer) -> list[str]:
    return [headers.get("Authorization", "") for _, headers in server.asked]


async def test_a_refused_credential_is_made_anew_once(
    server: HttpServer, made: list[Kubernetes], tmp_path: Path
) -> None:
    server.pages, server.asked = {LIST: Page(b"{}")}, []
    api = client(made, server, token=None, plugin=plugin(tmp_path))
    await api.get(LIST)
    await api.get(LIST)
    assert tokens(server) == ["Bearer token-1", "Bearer token-1"]

    server.pages, server.asked = {LIST: Page(b"", 401)}, []
    with pytest.raises(SourceError):
        await api.get(LIST)
    assert tokens(server) == ["Bearer token-1", "Bearer token-2"]


async def test_several_questions_at_once_log_in_once(
    server: HttpServer, made: list[Kubernetes], tmp_path: Path
) -> None:
    server.pages, server.asked = {LIST: Page(b"{}")}, []
    api = client(made, server, token=None, plugin=plugin(tmp_path))
    await asyncio.gather(api.home(), *(api.get(LIST) for _ in range(4)))
    assert tokens(server) == ["Bearer token-1"] * 4


async def test_a_kubeconfig_that_changed_counts_after_a_failure(server: HttpServer) -> None:
    server.pages, server.asked = {LIST: Page(b"{}")}, []
    addresses = iter(["http://127.0.0.1:9", server.url])
    api = Kubernetes(lambda: Access(name="prod", server=next(addresses)))
    with pytest.raises(SourceError, match=r"^http://127\.0\.0\.1:9: no connection"):
        await api.get(LIST)
    assert (await api.get(LIST)).body == b"{}"
    await api.close()


async def test_a_credential_is_renewed_before_it_expires(
    server: HttpServer, made: list[Kubernetes], tmp_path: Path
) -> None:
    server.pages, server.asked = {LIST: Page(b"{}")}, []
    api = client(made, server, wall=946684741.0, token=None, plugin=plugin(tmp_path, "2000-01-01T00:00:00Z"))
    await api.get(LIST)
    await api.get(LIST)
    assert tokens(server) == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize(
    ("script", "interactive", "kind", "words"),
    [
        ("echo s3cret; exit 3", False, FailureKind.DENIED, "login ended with 3; run kubectl once to log in"),
        ("echo s3cret", False, FailureKind.MALFORMED, "login printed no ExecCredential"),
        ("sleep 5", False, FailureKind.TIMED_OUT, "login gave no credential in 0 s"),
        (None, False, FailureKind.MISSING, "the plugin login can't be run"),
        ("true", True, FailureKind.UNSUPPORTED, "login wants to ask for a log-in"),
    ],
)
async def test_a_plugin_that_fails(
    script: str | None,
    interactive: bool,
    kind: FailureKind,
    words: str,
    server: HttpServer,
    made: list[Kubernetes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PLUGIN_TIMEOUT_S", 0.3)
    program = tmp_path / "login"
    if script is not None:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    api = client(made, server, token=None, plugin=ExecPlugin(command=str(program), interactive=interactive))
    with pytest.raises(SourceError) as told:
        await api.get(LIST)
    assert (told.value.kind, words in told.value.detail) == (kind, True), told.value.detail
    assert "s3cret" not in told.value.detail


async def test_a_token_from_a_file_is_read_again(server: HttpServer, made: list[Kubernetes], tmp_path: Path) -> None:
    server.pages, server.asked = {LIST: Page(b"{}")}, []
    token = tmp_path / "token"
    api = client(made, server, token=None, token_file=str(token))
    for text in ("one\n", "two\n"):
        token.write_text(text)
        await api.get(LIST)
    assert tokens(server) == ["Bearer one", "Bearer two"]
    token.unlink()
    with pytest.raises(SourceError, match="no such file of a token"):
        await api.get(LIST)
