from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from perftui.model.failure import Failed, FailureKind
from perftui.model.frame import Mark, Sample
from perftui.pipeline.snapshot import Snapshot
from perftui.pipeline.tree import tree
from perftui.sources import deploy_kinds
from perftui.sources.deploy import Deploy, DeployKind, DeploysSample, DeployStatus, Place
from perftui.views import cpu
from perftui.views.deploys import age, detail_lines, pane, shown, zoom
from perftui.views.model import Chart, Role, TableState
from perftui.views.moments import title_of
from tests.sources.deploys import AT, deploy
from tests.views.drawn import column, flat, text
from tests.views.scenes import KINDS, host

FILE = Place(name="/var/lib/deploys.jsonl")
LOST = Place(
    name="prod", unknown_since_at=AT - 1500, trouble="kubernetes: 403 forbidden; grant list on deployments", named=True
)


def scene(
    *deploys: Deploy, places: Sequence[Place] = (FILE,), marks: Sequence[Mark] = (), seconds: int = 30
) -> Snapshot:
    """30 s of a host at 10:42:07."""

    def change(second: int, read: dict[str, Sample]) -> Mapping[str, Sample]:
        mono = 100.0 + second
        return {
            **read,
            "deploy_file": DeploysSample(mono=mono, deploys=deploys, places=tuple(places), marks=tuple(marks)),
        }

    return host(seconds, change, kinds=(*KINDS, deploy_kinds.FILE))


def panel(snapshot: Snapshot, width: int = 34, height: int = 5) -> str:
    return text(pane(snapshot, width, height).lines)


def test_the_newest_changes_with_their_age() -> None:
    snapshot = scene(
        deploy(),
        deploy(-30, "3.0.15", service="openssl", kind=DeployKind.PACKAGE),
        deploy(-60, None, service="nginx", kind=DeployKind.RESTART),
        deploy(-1440 * 2, "2.8.0", kind=DeployKind.ROLLBACK, status=DeployStatus.FAILED),
    )

    assert panel(snapshot, 48).splitlines() == [
        "10:37 orders-api 2.8.1 (−4 m)",
        "10:07 openssl 3.0.15 (−34 m)",
        "09:37 nginx restart (−64 m)",
        "02-09 10:37 orders-api rollback t… failed (−2 d)",
    ]
    assert panel(snapshot, 30, 1) == "10:37 orders-api 2.8.1 (−4 m)"
    assert panel(snapshot, 70, 1) == "10:37 orders-api 2.8.1 (−4 m)   10:07 openssl 3.0.15 (−34 m)"


def test_what_can_not_be_asked_comes_first() -> None:
    first, second = panel(scene(deploy(), places=[FILE, LOST]), 60).splitlines()
    assert first == "unknown since 10:12: deploy_file: kubernetes: 403 forbidden…"
    assert second.startswith("10:37 orders-api")
    assert panel(scene(deploy(), places=[FILE, LOST]), 36).splitlines()[0] == "unknown since 10:12: deploy_file"
    short = panel(scene(deploy(), places=[LOST]), 66, 1)
    assert short == "unknown since 10:12: deploy_file  10:37 orders-api 2.8.1 (−4 m)"


def test_no_deploys_is_said_of_those_who_were_asked() -> None:
    assert panel(scene()) == "no change known from deploy_file"
    assert panel(scene(), height=1) == "no change known from deploy_file"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (deploy(), "orders-api 2.8.1"),
        (deploy(version=None), "orders-api deploy"),
        (deploy(kind=DeployKind.ROLLBACK), "orders-api rollback to 2.8.1"),
        (deploy(kind=DeployKind.ROLLBACK, version=None), "orders-api rollback"),
        (deploy(kind=DeployKind.PACKAGE), "orders-api 2.8.1"),
        (deploy(kind=DeployKind.PACKAGE, version=None, previous="1"), "orders-api removed"),
        (deploy(kind=DeployKind.PACKAGE, version=None, service="12 packages"), "12 packages"),
        (deploy(kind=DeployKind.SCALE), "orders-api scale"),
    ],
)
def test_titles(told: Deploy, words: str) -> None:
    assert title_of(told) == words


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (host(2), False),
        (scene(seconds=2), False),
        (scene(deploy(), seconds=2), True),
        (scene(places=[LOST], seconds=2), True),
        (scene(places=[Place(name="/etc/deploys", named=True)], seconds=2), True),
    ],
    ids=["no source", "nothing known or named", "a deploy", "a place that can't be read", "named in the config"],
)
def test_the_pane_stands_where_there_is_something_to_tell(snapshot: Snapshot, expected: bool) -> None:
    assert shown(snapshot) is expected


def test_the_table_has_each_change_with_its_sources() -> None:
    told = zoom(
        scene(
            deploy(previous="2.8.0", who="alice"),
            deploy(1, source="github", precision_s=15.0),
            deploy(-2, None, service="nginx", kind=DeployKind.RESTART, detail="binary unchanged"),
        ),
        TableState(),
        118,
    )

    assert told.table is not None
    assert column(told.table, "at UTC") == ["10:37", "10:35"]
    assert column(told.table, "age") == ["4 m", "6 m"]
    assert column(told.table, "version ← previous") == ["2.8.1 ← 2.8.0", "binary unchanged"]
    assert column(told.table, "told by") == ["git, github", "git"]
    assert column(told.table, "who") == ["alice", "–"]
    assert column(told.table, "±") == ["1.0 s", "1.0 s"]
    assert text(told.lines) == "known from deploy_file /var/lib/deploys.jsonl"


def test_on_80_columns_what_when_and_which_version_stay() -> None:
    told = zoom(scene(deploy(previous="2.8.0")), TableState(), 78)
    assert told.table is not None
    assert {"at UTC", "age", "service", "version ← previous", "kind", "status"} <= {c.name for c in told.table.columns}


def test_each_place_in_trouble_is_told() -> None:
    bad = Place(name="/srv/x.jsonl", trouble="line 3: no JSON; it is skipped", since_at=AT - 86400)
    lines = text(zoom(scene(places=[LOST, bad]), TableState(), 100).lines)
    assert "unknown since 10:12: deploy_file: kubernetes: 403" in lines
    assert "/srv/x.jsonl: line 3: no JSON; it is skipped" in lines
    assert "known from deploy_file /srv/x.jsonl since 02-10 10:37" in lines


def test_a_source_that_fails_as_a_whole_is_told() -> None:
    failed = Failed(kind=FailureKind.DENIED, detail="/var/lib/deploys.jsonl: run as root")
    snapshot = host(5, kinds=(*KINDS, deploy_kinds.FILE), failures={"deploy_file": failed})
    assert panel(snapshot, 80).startswith(
        "unknown since 10:41: deploy_file: denied: /var/lib/deploys.jsonl: run as root"
    )


def test_the_chosen_change_is_told_in_full() -> None:
    known = deploy(env="production", who="alice", url="https://ci/1", detail="image orders-api:2.8.1", at_end=AT + 60)
    words = text(detail_lines(scene(known), known.id, 200))
    assert words == (
        "orders-api 2.8.1: 10:37:12, complete 10:38:12 · in production · by alice · https://ci/1 · image orders-api:2.8.1"
    )
    assert detail_lines(scene(known), "other", 200) == ()


def chart(snapshot: Snapshot) -> Chart:
    found = cpu.zoom(snapshot, TableState(), 118).chart
    assert found is not None
    return found


def test_deploys_and_marks_stand_on_every_chart() -> None:
    now = scene().at
    snapshot = scene(
        deploy(at=now - 20), deploy(at=now - 5000), marks=[Mark(at=now - 10, text="pool doubled")], seconds=30
    )
    assert chart(snapshot).marks == ((now - 20, "orders-api 2.8.1"), (now - 10, "pool doubled"))


def test_many_lines_on_a_chart_have_words_at_the_newest_only() -> None:
    now = scene().at
    marks = chart(scene(*[deploy(at=now - 20 + i, version=str(i)) for i in range(10)])).marks
    assert [words for _, words in marks] == [""] * 4 + [f"orders-api {i}" for i in range(4, 10)]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 m"), (7199, "119 m"), (7200, "2 h"), (172799, "47 h"), (172800, "2 d")],
)
def test_age(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_the_tree_tells_the_changes_and_what_is_unknown() -> None:
    told = tree(scene(deploy(at_end=AT + 1), places=[LOST], marks=[Mark(at=AT, text="x")]))
    assert [(d["at"], d["at_end"], d["precision_s"]) for d in told["deploys"]] == [
        ("2026-02-11T10:37:12.000Z", "2026-02-11T10:37:13.000Z", 1.0)
    ]
    assert told["deploy_places"][0]["unknown_since_at"] == "2026-02-11T10:12:12.000Z"
    assert told["marks"] == [{"at": "2026-02-11T10:37:12.000Z", "text": "x"}]
    assert "deploy_places" not in told["host"]


def test_a_status_that_matters_is_told_with_a_word_and_a_role() -> None:
    (line,) = pane(scene(deploy(status=DeployStatus.FAILED)), 60, 5).lines
    assert (" failed", Role.WARNING) in line
    assert flat(line).endswith("failed (−4 m)")
