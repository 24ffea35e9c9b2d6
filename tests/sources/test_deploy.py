from __future__ import annotations

import pytest

from perftui.sources.deploy import MOST, Deploy, DeployKind, DeployStatus, merged, newest
from tests.sources.deploys import AT, deploy

SHA = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"


@pytest.mark.parametrize(
    ("told", "changes"),
    [
        ([deploy(), deploy(3, source="github")], 1),
        ([deploy(), deploy(9.9, source="github")], 1),
        ([deploy(), deploy(10, source="github")], 2),
        ([deploy(), deploy(1, "2.8.2", source="github")], 2),
        ([deploy(), deploy(1, source="github", service="billing")], 2),
        ([deploy(), deploy(1, source="github", service="Orders-API")], 1),
        ([deploy(version="v2.8.1"), deploy(1, "2.8.1", source="github")], 1),
        ([deploy(version=SHA), deploy(1, SHA[:7], source="github")], 1),
        ([deploy(version=SHA), deploy(1, SHA[:6], source="github")], 2),
        ([deploy(version=None), deploy(1, None, source="github")], 2),
        ([deploy(), deploy(1, source="github", kind=DeployKind.ROLLBACK)], 1),
        ([deploy(), deploy(1, source="systemd", kind=DeployKind.RESTART)], 2),
        ([deploy(), deploy(2)], 2),
        ([deploy(status=DeployStatus.STARTED), deploy(2, status=DeployStatus.SUCCEEDED)], 1),
        ([deploy(), deploy(2, "2.8.0"), deploy(4, source="github", kind=DeployKind.ROLLBACK)], 3),
        ([deploy(), deploy(0, id="git:1"), deploy(1, id="git:1")], 2),
    ],
    ids=[
        "two sources",
        "almost ten minutes apart",
        "ten minutes apart",
        "another version",
        "another service",
        "the service in other letters",
        "a v before the version",
        "a short hash",
        "too short to be a hash",
        "no versions known",
        "one calls it a rollback",
        "a restart of the same version",
        "one source tells of it twice",
        "one source tells its start and its end",
        "back to the version before the last",
        "the same record again",
    ],
)
def test_what_is_one_change(told: list[Deploy], changes: int) -> None:
    assert len(merged(told)) == changes
    assert len(merged(reversed(told))) == changes


def test_one_change_tells_all_that_its_sources_know() -> None:
    (change,) = merged(
        [
            deploy(1, source="kubernetes", precision_s=0.0, previous="2.8.0", detail="image orders-api:2.8.1"),
            deploy(0, source="github", precision_s=15.0, who="alice", url="https://ci/1", status=DeployStatus.STARTED),
            deploy(3, source="github", precision_s=15.0, status=DeployStatus.FAILED, detail="probe failed", seen_at=AT),
        ]
    )

    assert change.at == AT + 60
    assert change.at_end == AT + 180
    assert (change.previous, change.who, change.url) == ("2.8.0", "alice", "https://ci/1")
    assert change.sources == ("github", "kubernetes")
    assert change.status is DeployStatus.FAILED
    assert change.detail == "image orders-api:2.8.1 · probe failed"
    assert change.seen_at == AT


def test_the_newest_come_first_and_are_bounded() -> None:
    many = [deploy(minute, f"1.{minute}") for minute in range(MOST * 2)]

    assert [change.version for change in merged(many)] == [
        f"1.{minute}" for minute in range(MOST * 2 - 1, MOST - 1, -1)
    ]
    assert newest(many, since_at=AT + (MOST * 2 - 2) * 60) == (many[-1], many[-2])
    assert newest([deploy(0, at_end=AT + 90)], since_at=AT + 60) != ()


def test_of_two_in_one_second_the_later_one_runs() -> None:
    """A script that checks out, resets and checks out again."""
    told = newest(
        [deploy(0, "a"), deploy(0, "b", id="2"), deploy(0, "a", id="3", kind=DeployKind.ROLLBACK)], since_at=AT
    )

    assert [each.version for each in told] == ["a", "b", "a"]
    assert [(each.version, each.kind) for each in merged(told)] == [
        ("a", DeployKind.ROLLBACK),
        ("b", DeployKind.DEPLOY),
        ("a", DeployKind.DEPLOY),
    ]
