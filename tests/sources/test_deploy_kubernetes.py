"""What objects of a cluster tell. The lists in `kubernetes/` were recorded from a real 1.20 after: deploy, new version, undo, and
for the Deployment a restart and an image that can't be pulled. The source against a real cluster is in tests/kubernetes.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from perftui.model.failure import FailureKind, SourceError
from perftui.model.http_answer import HttpAnswer
from perftui.sources import deploy_kubernetes as module
from perftui.sources.deploy import Deploy, DeployStatus
from perftui.sources.deploy_kubernetes import KubernetesNamespace
from perftui.sources.kubernetes_changes import Progress, progress, tag, versions
from perftui.sources.kubernetes_objects import DEPLOYMENT, Selector, Workload

RECORDED = Path(__file__).parent / "kubernetes"
SERVER = "https://10.0.0.1:6443"
AT = 1795347300.0
"""2026-11-22 11:35:00, soon after the recording."""
DAY = 86400.0
Objects = dict[str, list[dict[str, Any]]]


class RecordedApi:
    """Answers lists as the API server does, from objects that a test may change: limit, continue and selectors of labels."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.asked: list[str] = []
        self.refuses: dict[str, SourceError] = {}
        self.now = AT
        """What its clock says."""

    async def home(self) -> tuple[str, str]:
        return SERVER, "shop"

    async def get(self, path: str) -> HttpAnswer:
        place, _, query = path.partition("?")
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        resource = place.rpartition("/")[2]
        self.asked.append(resource)
        if resource in self.refuses:
            raise self.refuses[resource]
        labels = dict(pair.split("=") for pair in asked.get("labelSelector", "").split(",") if pair)
        found = [
            each
            for each in self.objects.get(resource, [])
            if labels.items() <= each["metadata"].get("labels", {}).items()
        ]
        start, limit = int(asked.get("continue", "0")), int(asked["limit"])
        rest = {"continue": str(start + limit)} if start + limit < len(found) else {}
        body = msgspec.json.encode({"items": found[start : start + limit], "metadata": rest})
        return HttpAnswer(200, {"date": formatdate(self.now, usegmt=True)}, body)


class Wall:
    """This host's clock, which all of a test share."""

    now = AT

    def wall(self) -> float:
        return self.now

    def mono(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def wall() -> None:
    Wall.now = AT


def recorded(*resources: str) -> Objects:
    names = resources or tuple(path.stem for path in RECORDED.glob("*.json"))
    return {name: msgspec.json.decode((RECORDED / f"{name}.json").read_bytes())["items"] for name in names}


def told(deploys: list[Deploy], service: str) -> list[str]:
    """Newest first: `kind version ← previous status`."""
    found = sorted((each for each in deploys if each.service == service), key=lambda each: each.at, reverse=True)
    return [f"{each.kind} {each.version} ← {each.previous} {each.status}" for each in found]


async def read(api: RecordedApi, at: float = AT, place: KubernetesNamespace | None = None) -> list[Deploy]:
    api.now = Wall.now = at
    return list((await (place or KubernetesNamespace(api, None, Wall())).read(at, at - DAY)).deploys)


async def test_the_recorded_cluster() -> None:
    deploys = await read(RecordedApi(recorded()))

    assert told(deploys, "web") == [
        "deploy nonsense ← 2.8.0 failed",
        "restart 2.8.0 ← None unknown",
        "rollback 2.8.0 ← 2.8.1 unknown",
        "deploy 2.8.1 ← 2.8.0 rolled_back",
        "deploy 2.8.0 ← None unknown",
    ]
    for service in ("db", "agent"):
        assert told(deploys, service) == [
            "rollback 2.8.0 ← 2.8.1 succeeded",
            "deploy 2.8.1 ← 2.8.0 rolled_back",
            "deploy 2.8.0 ← None unknown",
        ]
    newest = max((each for each in deploys if each.service == "web"), key=lambda each: each.at)
    assert newest.detail is not None
    assert newest.detail.startswith("Deployment shop/web; revision 5 · ProgressDeadlineExceeded: 1 of 2 pods updated")
    assert newest.detail.endswith('ImagePullBackOff: Back-off pulling image "registry.example/shop/api:nonsense"')
    assert newest.who is None  # this server keeps the first moment of a field
    back = next(each for each in deploys if each.kind == "rollback" and each.service == "web")
    assert back.precision_s > 1  # it lies somewhere between what came before and after


async def test_what_has_not_changed_is_not_listed_again() -> None:
    api = RecordedApi(recorded())
    place = KubernetesNamespace(api, None, Wall())
    first = await read(api, place=place)
    api.asked.clear()
    again = await read(api, AT + 15, place)

    assert api.asked == ["deployments", "statefulsets", "daemonsets"]
    assert {each.id for each in first} == {each.id for each in again}


async def test_a_server_that_keeps_the_last_moment_of_a_field_tells_a_rollback_s_and_who_did_it() -> None:
    """1.22 and newer."""
    objects = recorded("statefulsets", "controllerrevisions")
    (entry,) = (each for each in objects["statefulsets"][0]["metadata"]["managedFields"] if "python" in each["manager"])
    entry |= {"manager": "kubectl-rollout", "time": "2026-11-22T11:34:50Z"}
    (back,) = [each for each in await read(RecordedApi(objects)) if each.kind == "rollback"]
    assert (back.at, back.precision_s, back.who) == (AT - 10, 1.0, "kubectl-rollout")


async def test_a_rollback_seen_between_two_looks_has_their_moment() -> None:
    """The recorded server keeps a field's first moment (1.20); the looks are all there is."""
    objects = recorded("statefulsets", "controllerrevisions")
    late = next(
        each for each in objects["controllerrevisions"] if each["revision"] == 3 and _owned(each, "StatefulSet")
    )
    late["revision"] = 1
    status = objects["statefulsets"][0]["status"]
    present = status["updateRevision"]
    older = next(
        each for each in objects["controllerrevisions"] if each["revision"] == 2 and _owned(each, "StatefulSet")
    )
    status["updateRevision"] = status["currentRevision"] = older["metadata"]["name"]
    api = RecordedApi(objects)
    place = KubernetesNamespace(api, None, Wall())
    assert told(await read(api, place=place), "db")[0] == "deploy 2.8.1 ← 2.8.0 succeeded"

    late["revision"] = 3
    objects["statefulsets"][0]["metadata"]["generation"] += 1
    status["observedGeneration"] += 1
    status["updateRevision"] = present
    (back,) = [each for each in await read(api, AT + 600, place) if each.kind == "rollback"]
    assert abs(back.at - (AT + 300)) <= 1 and 300 <= back.precision_s <= 302


def _owned(found: dict[str, Any], kind: str) -> bool:
    return bool(found["metadata"]["ownerReferences"][0]["kind"] == kind)


async def test_pages_and_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 1)
    monkeypatch.setattr(module, "MOST_WORKLOADS", 4)
    monkeypatch.setattr(module, "ONE_BY_ONE", 0)
    objects = recorded("deployments", "replicasets")
    for number in range(4):
        copy = msgspec.json.decode(msgspec.json.encode(objects["deployments"][0]))
        copy["metadata"] |= {"name": f"web-{number}", "uid": f"uid-{number}"}
        objects["deployments"].append(copy)
    api = RecordedApi(objects)
    place = KubernetesNamespace(api, "*", Wall())

    found = await place.read(AT, AT - DAY)

    assert api.asked.count("deployments") == 4 and api.asked.count("replicasets") == len(objects["replicasets"])
    assert {each.service for each in found.deploys} == {"shop/web"}
    assert found.trouble.startswith("only the first 4 workloads of a kind are read")
    assert place.name == f"{SERVER} all namespaces"


async def test_of_many_workloads_the_last_touched_are_asked_about() -> None:
    objects = recorded("deployments", "replicasets")
    pattern = msgspec.json.encode(objects.pop("deployments")[0])
    objects["deployments"] = []
    for number in range(70):
        copy = msgspec.json.decode(pattern)
        copy["metadata"] |= {
            "name": f"web-{number}",
            "uid": f"uid-{number}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        }
        copy["metadata"]["managedFields"][0]["time"] = f"2026-11-22T{number // 4:02}:00:00Z"
        copy["status"]["conditions"] = []
        objects["deployments"].append(copy)
    api = RecordedApi(objects)
    await read(api)
    assert api.asked.count("replicasets") == 50


async def test_scales_are_bounded() -> None:
    objects = recorded("deployments", "replicasets")
    api, deployment = RecordedApi(objects), objects["deployments"][0]
    place = KubernetesNamespace(api, None, Wall())
    await read(api, place=place)
    for number in range(module.MOST_SCALES + 5):
        deployment["spec"]["replicas"] = 3 + number
        deployment["metadata"]["generation"] += 1
        deployment["status"]["observedGeneration"] += 1
        deploys = await read(api, AT + 15 * (number + 1), place)
    scales = [each for each in deploys if each.kind == "scale"]
    assert len(scales) == module.MOST_SCALES
    assert scales[0].detail == "replicas 16 → 17; Deployment shop/web"
    assert scales[0].precision_s == 7.5
    assert told(deploys, "web")[-1] == "deploy 2.8.0 ← None unknown"


async def test_another_clock_is_told_and_its_moments_are_moved() -> None:
    behind, level = RecordedApi(recorded()), RecordedApi(recorded())
    behind.now = AT - 60
    found = await KubernetesNamespace(behind, None, Wall()).read(AT, AT - DAY)

    moved, plain = ({each.id: each.at for each in deploys} for deploys in (found.deploys, await read(level)))
    assert {key: moved[key] - plain[key] for key in moved if key.endswith(":")} == {
        key: 59.5 for key in plain if key.endswith(":")
    }
    assert found.trouble == "its clock is 60 s behind this host's; moments are those of this host"


DENIED = SourceError(FailureKind.DENIED, "may not list")


@pytest.mark.parametrize("denied", ["statefulsets", "controllerrevisions"])
async def test_a_right_that_is_missing_makes_the_place_unknown_and_hides_nothing_else(denied: str) -> None:
    api = RecordedApi(recorded())
    api.refuses = {denied: DENIED}
    found = await KubernetesNamespace(api, None, Wall()).read(AT, AT - DAY)
    assert found.unread == "may not list"
    assert "web" in {each.service for each in found.deploys}


async def test_no_right_at_all_and_any_other_failure_is_the_place_s() -> None:
    api = RecordedApi(recorded())
    api.refuses = dict.fromkeys(("deployments", "statefulsets", "daemonsets"), DENIED)
    with pytest.raises(SourceError, match="may not list"):
        await read(api)
    api.refuses = {"daemonsets": SourceError(FailureKind.TIMED_OUT, "no answer")}
    with pytest.raises(SourceError, match="no answer"):
        await read(api)


async def test_pods_that_may_not_be_listed_are_no_failure() -> None:
    api = RecordedApi(recorded())
    api.refuses = {"pods": DENIED}
    assert told(await read(api), "web")[0] == "deploy nonsense ← 2.8.0 failed"


async def test_no_revisions_yet_is_no_deploy() -> None:
    assert await read(RecordedApi(recorded("deployments"))) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["metadata"].update(name=5),
        lambda found: found["metadata"].update(creationTimestamp="yesterday"),
        lambda found: found["spec"].update(selector=[]),
    ],
)
async def test_what_is_no_object_is_malformed(change: Callable[[Any], None]) -> None:
    objects = recorded("deployments", "replicasets")
    change(objects["deployments"][0])
    with pytest.raises(SourceError) as failed:
        await read(RecordedApi(objects))
    assert failed.value.kind is FailureKind.MALFORMED
    assert failed.value.detail.startswith("deployments: no list of the Kubernetes API (")


async def test_words_of_the_cluster_are_made_safe() -> None:
    objects = recorded("deployments", "replicasets")
    present = next(each for each in objects["replicasets"] if each["metadata"]["annotations"][_REVISION] == "5")
    present["metadata"]["annotations"]["kubernetes.io/change-cause"] = "helm --set password=hunter2 \x1b[31m"
    detail = max(await read(RecordedApi(objects)), key=lambda each: each.at).detail or ""
    assert "password=***" in detail and "hunter2" not in detail and "\x1b" not in detail


_REVISION = "deployment.kubernetes.io/revision"


def workload(generation: int = 2, **fields: Any) -> Workload:
    document = {"metadata": {"generation": generation}, "spec": {"replicas": 2}, "status": {"observedGeneration": 2}}
    for key, value in fields.items():
        document[key] |= value
    return msgspec.convert(document, Workload)


def condition(status: str, reason: str) -> list[dict[str, str]]:
    return [{"type": "Progressing", "status": status, "reason": reason, "lastUpdateTime": "2026-11-22T11:35:00Z"}]


ALL_UPDATED = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}


@pytest.mark.parametrize(
    ("kind", "found", "expected"),
    [
        (DEPLOYMENT, workload(3), Progress(DeployStatus.STARTED)),
        (
            DEPLOYMENT,
            workload(status={**ALL_UPDATED, "conditions": condition("True", "NewReplicaSetAvailable")}),
            Progress(DeployStatus.SUCCEEDED, AT),
        ),
        (  # of the revision before
            DEPLOYMENT,
            workload(status={"replicas": 2, "conditions": condition("True", "NewReplicaSetAvailable")}),
            Progress(DeployStatus.STARTED, None, "0 of 2 pods updated, 0 available"),
        ),
        (
            DEPLOYMENT,
            workload(spec={"paused": True}, status={"conditions": condition("Unknown", "DeploymentPaused")}),
            Progress(DeployStatus.STARTED, None, "0 of 2 pods updated, 0 available; paused"),
        ),
        (DEPLOYMENT, workload(status=ALL_UPDATED), Progress(DeployStatus.SUCCEEDED)),
        (
            DEPLOYMENT,
            workload(status={**ALL_UPDATED, "availableReplicas": 1}),
            Progress(DeployStatus.STARTED, None, "2 of 2 pods updated, 1 available"),
        ),
        (
            DEPLOYMENT,
            workload(
                status={
                    "conditions": [
                        *condition("True", "ReplicaSetUpdated"),
                        {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"},
                    ]
                }
            ),
            Progress(DeployStatus.STARTED, None, "0 of 2 pods updated, 0 available; exceeded quota"),
        ),
        (
            "StatefulSet",
            workload(status={"currentRevision": "a", "updateRevision": "b", "updatedReplicas": 1}),
            Progress(DeployStatus.STARTED, None, "1 of 2 pods updated"),
        ),
        (
            "StatefulSet",
            workload(
                spec={"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}},
                status={"currentRevision": "a", "updateRevision": "b", "updatedReplicas": 1},
            ),
            Progress(DeployStatus.SUCCEEDED, None, "to all pods from number 1 on"),
        ),
        (
            "DaemonSet",
            workload(
                spec={"updateStrategy": {"type": "OnDelete"}},
                status={"desiredNumberScheduled": 3, "updatedNumberScheduled": 1, "numberAvailable": 3},
            ),
            Progress(
                DeployStatus.STARTED,
                None,
                "1 of 3 pods updated, 3 available; pods take it as they are deleted (OnDelete)",
            ),
        ),
    ],
)
def test_how_far_a_rollout_got(kind: str, found: Workload, expected: Progress) -> None:
    assert progress(kind, found) == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("api:2.8.1", "2.8.1"),
        ("registry:5000/shop/api:2.8.1", "2.8.1"),
        ("registry:5000/shop/api", "latest"),
        ("api:2.8.1@sha256:0123456789abcdef", "2.8.1"),
        ("api@sha256:0123456789abcdef", "sha256:0123456789ab"),
    ],
)
def test_the_version_in_an_image(image: str, expected: str) -> None:
    assert tag(image) == expected


@pytest.mark.parametrize(
    ("images", "before", "expected"),
    [
        ([("api", "api:2")], [("api", "api:1")], ("2", "1")),
        ([("api", "api:2"), ("proxy", "envoy:1.30")], [("api", "api:1"), ("proxy", "envoy:1.30")], ("2", "1")),
        ([("api", "api:2"), ("proxy", "envoy:1.30")], [], ("2, 1.30", "")),
        ([("api", "api:2"), ("web", "web:2")], [("api", "api:1"), ("web", "web:1")], ("2", "1")),
        ([("api", "here/api:2")], [("api", "there/api:2")], ("here/api:2", "there/api:2")),
        ([("api", "api:2"), ("new", "new:5")], [("api", "api:2")], ("5", "")),
    ],
)
def test_versions_are_those_of_what_changed(
    images: list[tuple[str, str]], before: list[tuple[str, str]], expected: tuple[str, str]
) -> None:
    assert versions(images, before) == expected


def test_a_selector_as_the_api_wants_it() -> None:
    found = msgspec.json.decode(
        b'{"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "b"]},'
        b'{"key": "track", "operator": "Exists"}, {"key": "old", "operator": "DoesNotExist"},'
        b'{"key": "env", "operator": "NotIn", "values": ["dev"]}]}',
        type=Selector,
    )
    assert found.words() == "app=web,tier in (a,b),track,!old,env notin (dev)"
