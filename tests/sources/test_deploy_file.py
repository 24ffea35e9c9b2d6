"""Against real files."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from perftui.clients.log_file import LogFile
from perftui.model.failure import FailureKind, SourceError
from perftui.model.frame import Mark
from perftui.sources.deploy import Deploy, DeployKind, DeployStatus
from perftui.sources.deploy_file import DeployFile, parse_line
from tests.sources.deploys import AT, WallClock, source, utc

BERLIN = ZoneInfo("Europe/Berlin")
EVENT: dict[str, Any] = {
    "context": {
        "version": "0.3.0",
        "id": "271069a8",
        "source": "/ci/argo",
        "type": "dev.cdevents.service.upgraded.0.1.1",
        "timestamp": "2026-02-11T11:37:12+01:00",
    },
    "subject": {
        "id": "orders-api",
        "type": "service",
        "content": {
            "environment": {"id": "production"},
            "artifactId": "pkg:oci/orders-api@sha256%3A244fd47e07d10?repository_url=ghcr.io/shop&tag=2.8.1",
        },
    },
}


def told(line: dict[str, Any] | str) -> Deploy | Mark:
    raw = line if isinstance(line, str) else json.dumps(line)
    return parse_line(raw.encode(), AT + 5, BERLIN)[1]


def test_a_deploy_with_all_that_is_known_of_it() -> None:
    assert told(
        {
            "at": "2026-02-11T11:37:12+01:00", "at_end": AT + 60, "service": "orders-api", "version": 2.8, "previous": "2.7",
            "who": "alice", "source": "argo", "kind": "rollback", "status": "succeeded", "env": "production",
            "url": "https://bot:token@ci.example.org/1", "detail": "canary", "id": 7, "chart": "ignored",
        }
    ) == Deploy(
        id="argo:7", at=AT, at_end=AT + 60, precision_s=1.0, service="orders-api", version="2.8", previous="2.7",
        who="alice", source="argo", kind=DeployKind.ROLLBACK, status=DeployStatus.SUCCEEDED, env="production",
        url="https://ci.example.org/1", detail="canary", seen_at=AT + 5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("at", "moment", "precision_s"),
    [
        ("2026-02-11T10:37:12Z", AT, 1.0),
        ("2026-02-11 11:37:12", AT, 1.0),
        (AT, AT, 1.0),
        (int(AT * 1000), AT, 1.0),
        ("2026-10-25 02:30:00", 1_792_888_200.0, 3601.0),
    ],
    ids=["zone", "the host's zone", "seconds", "milliseconds", "the hour that comes twice"],
)
def test_moments(at: str | float, moment: float, precision_s: float) -> None:
    deploy = told({"at": at, "service": "x"})
    assert isinstance(deploy, Deploy)
    assert (deploy.at, deploy.precision_s) == (moment, precision_s)
    assert (deploy.kind, deploy.status) == (DeployKind.DEPLOY, DeployStatus.UNKNOWN)


@pytest.mark.parametrize(
    "line", [{"at": AT, "text": "pool doubled"}, {"at": AT, "kind": "mark", "text": "pool doubled"}]
)
def test_a_line_without_a_service_is_a_mark(line: dict[str, Any]) -> None:
    assert told(line) == Mark(at=AT, text="pool doubled")


@pytest.mark.parametrize(
    "line",
    [EVENT, {"specversion": "1.0", "type": EVENT["context"]["type"], "data": EVENT}],
    ids=["bare", "in a CloudEvent"],
)
def test_a_cdevent(line: dict[str, Any]) -> None:
    deploy = told(line)
    assert isinstance(deploy, Deploy)
    assert (deploy.at, deploy.service, deploy.version, deploy.env) == (AT, "orders-api", "2.8.1", "production")
    assert (deploy.id, deploy.source, deploy.kind) == ("cdevents:271069a8", "cdevents", DeployKind.DEPLOY)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "no JSON"),
        ("[1]", "expected a JSON object"),
        ("\xff\xfe", "no JSON"),
        ({"service": "x"}, "at"),
        ({"at": "soon", "service": "x"}, "at: 'soon' is no moment; expected 2026-02-11T10:37:12Z"),
        ({"at": -1, "service": "x"}, "no moment"),
        ({"at": 1e300, "service": "x"}, "no moment"),
        ({"at": AT, "service": ["x"]}, "service: expected"),
        ({"at": AT, "service": "x", "kind": "release"}, "kind: 'release' is none of deploy, rollback"),
        ({"at": AT, "service": "x", "status": "ok"}, "status: 'ok' is none of started"),
        ({"at": AT}, "neither service nor text"),
        ({"at": AT, "kind": "deploy", "text": "x"}, "neither service nor text"),
        ({**EVENT, "context": {**EVENT["context"], "timestamp": "x"}}, "context.timestamp"),
        ({**EVENT, "subject": {}}, "subject.id"),
    ],
)
def test_a_line_that_can_not_be_understood_says_why(line: dict[str, Any] | str, words: str) -> None:
    with pytest.raises(ValueError, match="(?i)" + words.replace("(", r"\(")):
        told(line)


def line(minute: int, **fields: Any) -> str:
    return json.dumps({"at": AT + minute * 60, "service": "orders-api", "version": f"2.8.{minute}", **fields}) + "\n"


async def test_a_file_that_grows_is_torn_rotated_and_has_bad_lines(tmp_path: Path) -> None:
    path = tmp_path / "deploys.jsonl"
    clock = WallClock(mono=5000.0)
    here = source(DeployFile(LogFile(str(path), 1 << 20), UTC, named=False), clock=clock)
    assert (await here.sample()).deploys == ()

    path.write_text(line(1) + "not JSON\n\n" + json.dumps({"at": AT, "text": "first"}) + "\n" + line(2)[:20])
    sample = await here.sample()
    assert [deploy.version for deploy in sample.deploys] == ["2.8.1"]
    assert sample.marks == (Mark(at=AT, text="first"),)
    (place,) = sample.places
    assert place.trouble.startswith("line 2: no JSON")
    assert (place.name, place.unknown_since_at, place.since_at) == (str(path), None, None)

    with path.open("a") as file:
        file.write(
            line(2)[20:]
            + line(3, kind="bad")
            + json.dumps({**EVENT, "context": {**EVENT["context"], "type": "dev.cdevents.build.started.0.1.1"}})
            + "\n"
        )
    sample = await here.sample()
    assert [deploy.version for deploy in sample.deploys] == ["2.8.2", "2.8.1"]
    assert sample.places[0].trouble.startswith("line 6: kind: 'bad'")
    assert sample.places[0].trouble.endswith("it is skipped (and 1 more)")

    path.rename(tmp_path / "deploys.jsonl.1")
    path.write_text(line(4))
    assert utc(await here.sample())[0] == "2026-02-11 10:41:12"
    assert len((await here.sample()).deploys) == 3


async def test_a_file_without_a_right_to_it_is_unknown_since_it_was_read_last(tmp_path: Path) -> None:
    path = tmp_path / "deploys.jsonl"
    other = tmp_path / "other.jsonl"
    path.write_text(line(1))
    clock = WallClock(mono=2000.0)
    places = [DeployFile(LogFile(str(each), 1 << 20), UTC, named=True) for each in (path, other)]
    other.write_text(line(2))
    here = source(*places, clock=clock)
    await here.sample()
    read_at = clock.wall()
    path.unlink()
    path.mkdir()  # root may read everything, so the file is made unreadable in another way
    clock.now += 30

    sample = await here.sample()

    assert len(sample.deploys) == 2
    assert sample.places[0].unknown_since_at == read_at
    assert "no regular file" in sample.places[0].trouble
    assert sample.places[1].unknown_since_at is None
    other.unlink()
    with pytest.raises(SourceError) as failed:
        await here.sample()
    assert failed.value.kind is FailureKind.MALFORMED


async def test_changes_before_the_horizon_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "deploys.jsonl"
    path.write_text(line(-2 * 1440) + line(0))
    here = source(DeployFile(LogFile(str(path), 1 << 20), UTC, named=False), days=1.0)
    assert utc(await here.sample()) == ["2026-02-11 10:37:12"]
