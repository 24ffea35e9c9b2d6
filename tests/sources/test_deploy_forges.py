"""GitHub's and GitLab's deployments. There is no network here: a real HTTP server gives answers of the form that their API pages
show, and the real client reads them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from perftui.clients.forge import Forge
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.deploy import Deploy, DeploysSample
from perftui.sources.deploy_github import GitHubRepository
from perftui.sources.deploy_gitlab import GitLabProject
from perftui.sources.deploy_remote import RemoteDeploys
from perftui.sources.forges import version_of
from tests.http_server import HttpServer, Page
from tests.sources.deploys import AT, WallClock

SHA = {name: name * 40 for name in "abc"}
SINCE = AT - 7 * 86400


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with HttpServer() as found:
        yield found


@pytest.fixture
async def api(server: HttpServer) -> AsyncIterator[Forge]:
    server.pages, server.asked = {}, []
    found = Forge(server.url, {"Authorization": "Bearer s3cret"}, "read", lambda: AT)
    yield found
    await found.close()


def page(found: Any) -> Page:
    return Page(msgspec.json.encode(found))


def moment(minutes: int) -> str:
    return f"2026-02-11T10:{minutes:02}:00Z"


def hub(number: int, minutes: int, sha: str, **fields: Any) -> dict[str, Any]:
    """As https://docs.github.com/rest/deployments shows it, without most of the creator."""
    return {
        "url": f"https://api.github.com/repos/acme/web/deployments/{number}",
        "id": number,
        "node_id": "MDEwOkRlcGxveW1lbnQx",
        "sha": SHA[sha],
        "ref": "main",
        "task": "deploy",
        "payload": {"deploy": "migrate", "password": "hunter2"},
        "original_environment": "staging",
        "environment": "production",
        "description": None,
        "creator": {"login": "alice", "id": 1, "type": "User"},
        "created_at": moment(minutes),
        "updated_at": moment(minutes),
        "transient_environment": False,
        **fields,
    }


def hub_status(state: str, minutes: int) -> dict[str, Any]:
    return {
        "id": minutes,
        "state": state,
        "creator": {"login": "alice"},
        "description": "",
        "environment": "production",
        "target_url": "",
        "log_url": "https://token:s3cret@ci.example/1?access_token=s3cret",
        "created_at": moment(minutes),
    }


def serve_hub(server: HttpServer, *deployments: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    """Newest first, as GitHub lists them; so are statuses."""
    path = "/repos/acme/web/deployments"
    server.pages = {path: page([each for each, _ in deployments])}
    server.pages |= {f"{path}/{each['id']}/statuses": page(statuses) for each, statuses in deployments}


def line(deploy: Deploy) -> str:
    version, previous = (deploy.version or "")[:6], (deploy.previous or "")[:6]
    return f"{deploy.kind} {version} ← {previous} {deploy.status} {deploy.at - AT:+.0f} ±{deploy.precision_s:.0f}"


async def test_github_success_counts_and_not_the_request(server: HttpServer, api: Forge) -> None:
    serve_hub(
        server,
        (hub(5, 36, "c", ref="v2.9.0"), [hub_status("in_progress", 36), hub_status("queued", 36)]),
        (hub(4, 30, "a"), [hub_status("success", 34), hub_status("in_progress", 31)]),
        (hub(3, 25, "c"), [hub_status("failure", 27), hub_status("in_progress", 26)]),
        (hub(2, 10, "b"), [hub_status("inactive", 34), hub_status("success", 12), hub_status("in_progress", 11)]),
        (hub(1, 0, "a"), [hub_status("success", 2)]),
    )
    place = GitHubRepository("web", api, "acme/web", "production")

    deploys = (await place.read(AT, SINCE)).deploys

    assert [line(each) for each in deploys] == [
        "deploy v2.9.0 ← aaaaaa started -72 ±1",
        "rollback aaaaaa ← bbbbbb succeeded -192 ±180",
        "deploy cccccc ← bbbbbb failed -672 ±1",
        "deploy bbbbbb ← aaaaaa succeeded -1512 ±60",
        "deploy aaaaaa ←  succeeded -2112 ±120",
    ]
    assert (deploys[1].who, deploys[1].env, deploys[1].detail) == ("alice", "production", "ref main")
    shown = msgspec.json.encode(deploys)
    assert b"s3cret" not in shown and b"hunter2" not in shown

    server.asked.clear()
    await place.read(AT, SINCE)
    assert [urlsplit(path).path for path, _ in server.asked] == [
        "/repos/acme/web/deployments",
        "/repos/acme/web/deployments/5/statuses",
    ]
    assert parse_qs(urlsplit(server.asked[0][0]).query) == {"per_page": ["30"], "environment": ["production"]}


async def test_github_s_many_deployments_are_cut_and_say_so(server: HttpServer, api: Forge) -> None:
    many = [(hub(100 - number, 30, "a"), [hub_status("success", 31)]) for number in range(40)]
    serve_hub(server, *many)
    read = await GitHubRepository("web", api, "acme/web", None).read(AT, SINCE)
    assert len(read.deploys) == 30 and read.since_at is not None
    assert len(server.asked) == 31


def lab(number: int, status: str, minutes: int, sha: str, **fields: Any) -> dict[str, Any]:
    """As https://docs.gitlab.com/api/deployments shows it, without most of the job."""
    return {
        "id": number,
        "iid": number,
        "ref": "main",
        "sha": SHA[sha],
        "created_at": moment(minutes),
        "updated_at": moment(minutes + 3),
        "status": status,
        "user": {"id": 1, "username": "alice", "web_url": "http://gitlab.dev/alice"},
        "environment": {"id": 9, "name": "production", "external_url": "https://about.gitlab.com"},
        "deployable": {
            "id": 664,
            "name": "deploy",
            "status": status,
            "tag": False,
            "started_at": moment(minutes + 1),
            "finished_at": moment(minutes + 3) if status != "running" else None,
            "pipeline": {"id": 36, "web_url": "http://gitlab.dev/acme/web/pipelines/36"},
        },
        **fields,
    }


async def test_gitlab_finished_and_under_way(server: HttpServer, api: Forge) -> None:
    # The server gives both lists alike; a real one gives the first without what failed or runs.
    listed = [
        lab(6, "created", 37, "c"),
        lab(5, "running", 36, "c", deployable=None),
        lab(4, "success", 30, "a", ref="v2.8.1"),
        lab(3, "failed", 25, "c"),
        lab(2, "canceled", 20, "c"),
        lab(1, "success", 10, "b"),
    ]
    server.pages = {"/projects/acme%2Fweb/deployments": page(listed)}
    place = GitLabProject("web", api, "acme/web", "production")

    deploys = (await place.read(AT, SINCE)).deploys

    assert [line(each) for each in deploys] == [
        "deploy cccccc ← v2.8.1 started -72 ±1",
        "deploy v2.8.1 ← bbbbbb succeeded -252 ±120",
        "deploy cccccc ← bbbbbb failed -672 ±1",
        "deploy cccccc ← bbbbbb failed -972 ±1",
        "deploy bbbbbb ←  succeeded -1452 ±120",
    ]
    assert deploys[1].url == "http://gitlab.dev/acme/web/pipelines/36"
    finished, newest = (parse_qs(urlsplit(path).query) for path, _ in server.asked)
    assert finished == {
        "status": ["success"],
        "order_by": ["finished_at"],
        "finished_after": ["2026-02-04T00:00:00Z"],
        "sort": ["desc"],
        "per_page": ["50"],
        "environment": ["production"],
    }
    assert newest["order_by"] == ["created_at"] and "status" not in newest


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'[{"id": "x"}]', b'[{"id": 1, "created_at": "soon"}]'])
async def test_what_is_no_list_is_malformed(body: bytes, server: HttpServer, api: Forge) -> None:
    server.pages = {"/repos/acme/web/deployments": Page(body), "/projects/7/deployments": Page(body)}
    for place in (GitHubRepository("web", api, "acme/web", None), GitLabProject("web", api, "7", None)):
        with pytest.raises(SourceError, match="not the expected JSON") as told:
            await place.read(AT, SINCE)
        assert told.value.kind is FailureKind.MALFORMED


async def test_a_place_that_fails_is_unknown_since_then_and_the_others_are_told(server: HttpServer, api: Forge) -> None:
    serve_hub(server, (hub(1, 30, "a"), [hub_status("success", 31)]))
    clock = WallClock()
    places = [GitHubRepository("web", api, "acme/web", None), GitHubRepository("gone", api, "acme/gone", None)]
    source = RemoteDeploys("github", places, clock, interval_s=60.0, deadline_s=30.0)

    def unknown(sample: DeploysSample) -> list[float | None]:
        return [None if each.unknown_since_at is None else each.unknown_since_at - AT for each in sample.places]

    first = await source.sample()
    assert unknown(first) == [None, 0.0]
    assert "not there, or not for this token (404)" in first.places[1].trouble

    server.pages |= {"/repos/acme/web/deployments": Page(b"", 500), "/repos/acme/gone/deployments": page([])}
    clock.now += 60
    second = await source.sample()
    assert unknown(second) == [0.0, None]
    assert [each.id for each in second.deploys] == ["github:web:1"]

    server.pages.clear()
    with pytest.raises(SourceError):
        await source.sample()


@pytest.mark.parametrize(
    ("ref", "expected"),
    [("v2.8.1", "v2.8.1"), ("2.8", "2.8"), ("api-2.8.1", "api-2.8.1"), ("release/2.8.1-rc1", "release/2.8.1-rc1")]
    + [(ref, "sha") for ref in ("main", "v2", "feature/x", "2026", "")],
)
def test_a_tag_that_looks_like_a_version_is_one(ref: str, expected: str) -> None:
    assert version_of(ref, "sha") == expected
