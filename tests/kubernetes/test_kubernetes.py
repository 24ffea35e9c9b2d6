"""Deploys of a real cluster: API server and controller manager are real, the nodes are played (see cluster.py)."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from perftui.clients.clock import SystemClock
from perftui.clients.kubeconfig import find_access
from perftui.clients.kubernetes import Kubernetes
from perftui.model.failure import FailureKind, SourceError
from perftui.sources import deploy_kubernetes
from perftui.sources.deploy import Deploy, DeployKind, DeploysSample, DeployStatus
from perftui.sources.deploy_kubernetes import KubernetesNamespace
from perftui.sources.deploy_remote import RemoteDeploys
from tests.kubernetes.cluster import ADMIN, BAD, GOOD, VIEWER, Cluster, Kubelet, Namespace, programs, wait_for

pytestmark = pytest.mark.kubernetes

PROJECT = Path(__file__).parent.parent.parent
DEPLOYMENTS = "deployments"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("kubernetes"), programs()) as made:
        Kubelet(made).add_node("node-1")
        yield made


@pytest.fixture
def shop(cluster: Cluster, request: pytest.FixtureRequest) -> Namespace:
    """A namespace of the test's own."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:50].strip("-")
    return Namespace(cluster, f"{name}-{time.monotonic_ns() % 100000}")


class Watch:
    """A namespace looked at again and again, as the source does it."""

    def __init__(self, shop: Namespace, source: RemoteDeploys, kubelet: Kubelet) -> None:
        self.shop, self.source, self._kubelet = shop, source, kubelet

    async def look(self) -> DeploysSample:
        return await self.source.sample()

    async def until(self, holds: Callable[[Deploy], bool], what: str = "") -> Deploy:
        """The newest change for which it holds, with nodes that do their work meanwhile."""
        deadline = time.monotonic() + 40
        while True:
            self._kubelet.look()
            sample = await self.look()
            found = next((each for each in sample.deploys if holds(each)), None)
            if found is not None:
                return found
            assert time.monotonic() < deadline, f"{what}: {sample.deploys}"
            await asyncio.sleep(0.05)

    async def settled(self, kind: DeployKind = DeployKind.DEPLOY, version: str | None = "2.8.0") -> Deploy:
        return await self.until(
            lambda each: (each.kind, each.version, each.status) == (kind, version, DeployStatus.SUCCEEDED),
            f"{kind} of {version} succeeded",
        )


@asynccontextmanager
async def watching(shop: Namespace, config: Path | None = None, namespace: str | None = None) -> AsyncIterator[Watch]:
    file = config or shop.cluster.kubeconfig("admin", ADMIN, namespace=shop.name)
    api = Kubernetes(lambda: find_access([file], None, {}))
    place = KubernetesNamespace(api, namespace, SystemClock())
    source = RemoteDeploys("kubernetes", [place], SystemClock(), interval_s=15.0, deadline_s=20.0)
    try:
        yield Watch(shop, source, Kubelet(shop.cluster))
    finally:
        await api.close()


def just_after(deploy: Deploy, asked_at: float) -> bool:
    """The cluster tells whole seconds, and it took a moment."""
    return asked_at - 1 - deploy.precision_s <= deploy.at <= asked_at + 3 + deploy.precision_s


async def a_second_later() -> None:
    """Objects made within one second can't be told apart by their creation."""
    await asyncio.sleep(1.1)


async def test_a_new_version_is_followed_to_its_end(shop: Namespace) -> None:
    shop.create(DEPLOYMENTS, "web", replicas=2)
    async with watching(shop) as watch:
        first = await watch.settled()
        assert (first.service, first.previous, first.precision_s) == ("web", None, 1.0)

        asked_at = time.time()
        shop.set_image(DEPLOYMENTS, "web", f"{GOOD}.1", "pool size for Friday")
        begun = await watch.until(lambda each: each.version == "2.8.1")
        ended = await watch.settled(version="2.8.1")

    assert just_after(begun, asked_at)
    assert begun.id == ended.id and begun.at == ended.at
    assert ended.previous == "2.8.0"
    assert ended.at_end is not None and ended.at_end >= ended.at
    assert ended.detail == f"Deployment {shop.name}/web; revision 2; pool size for Friday"


async def test_a_rollback_is_no_new_version_and_has_its_own_moment(shop: Namespace) -> None:
    shop.create(DEPLOYMENTS, "web", replicas=1)
    async with watching(shop) as watch:
        await watch.settled()
        await a_second_later()
        shop.set_image(DEPLOYMENTS, "web", f"{GOOD}.1")
        await watch.settled(version="2.8.1")
        await a_second_later()

        asked_at = time.time()
        shop.undo(DEPLOYMENTS, "web")
        back = await watch.settled(DeployKind.ROLLBACK, "2.8.0")
        known = (await watch.look()).deploys
    async with watching(shop) as anew:
        found = (await anew.look()).deploys

    assert just_after(back, asked_at) and back.precision_s < 3
    assert back.previous == "2.8.1"
    assert [(each.kind, each.version) for each in known] == [(each.kind, each.version) for each in found]
    assert [each.status for each in known][1:] == [DeployStatus.ROLLED_BACK, DeployStatus.SUCCEEDED]
    # Who looks for the first time knows the moment less well, and says so.
    assert just_after(found[0], asked_at)


async def test_a_restart_is_no_new_version(shop: Namespace) -> None:
    shop.create(DEPLOYMENTS, "web", replicas=1)
    async with watching(shop) as watch:
        await watch.settled()
        asked_at = time.time()
        shop.restart(DEPLOYMENTS, "web")
        restart = await watch.settled(DeployKind.RESTART)
    assert just_after(restart, asked_at)
    assert restart.previous is None


async def test_another_configuration_of_the_same_images_is_told_as_such(shop: Namespace) -> None:
    shop.create(DEPLOYMENTS, "web", replicas=1)
    async with watching(shop) as watch:
        await watch.settled()
        variables = [{"name": "POOL_SIZE", "value": "50"}]
        change = {"spec": {"template": {"spec": {"containers": [{"name": "api", "env": variables}]}}}}
        shop.cluster.patch(shop.path(DEPLOYMENTS, "web"), change)
        assert (await watch.settled(DeployKind.CONFIG)).version == "2.8.0"


async def test_a_rollout_that_fails_says_why(shop: Namespace) -> None:
    shop.create(DEPLOYMENTS, "web", replicas=1, progressDeadlineSeconds=2)
    async with watching(shop) as watch:
        await watch.settled()
        shop.set_image(DEPLOYMENTS, "web", BAD)
        failed = await watch.until(lambda each: each.status is DeployStatus.FAILED)
        assert "ProgressDeadlineExceeded" in (failed.detail or "")
        failed = await watch.until(lambda each: "ImagePullBackOff" in (each.detail or ""))
        shop.undo(DEPLOYMENTS, "web")
        back = await watch.until(lambda each: each.kind is DeployKind.ROLLBACK)
        assert back.status is not DeployStatus.FAILED  # the condition of the one before stands for a while
        await watch.settled(DeployKind.ROLLBACK)
        known = {each.id: each.status for each in (await watch.look()).deploys}
        assert known[failed.id] is DeployStatus.ROLLED_BACK, known


async def test_a_scale_is_seen_between_two_looks(shop: Namespace) -> None:
    shop.create(DEPLOYMENTS, "web", replicas=1)
    async with watching(shop) as watch:
        await watch.settled()
        asked_at = time.time()
        shop.scale(DEPLOYMENTS, "web", 3)
        scale = await watch.until(lambda each: each.kind is DeployKind.SCALE)
        kinds = sorted(each.kind for each in (await watch.look()).deploys)
        assert kinds == [DeployKind.DEPLOY, DeployKind.SCALE]
    assert scale.detail == f"replicas 1 → 3; Deployment {shop.name}/web"
    assert just_after(scale, asked_at)


@pytest.mark.parametrize(
    ("resource", "spec"), [("statefulsets", {"serviceName": "db", "replicas": 1}), ("daemonsets", {})]
)
async def test_stateful_and_daemon_sets_by_their_revisions(
    resource: str, spec: dict[str, Any], shop: Namespace
) -> None:
    shop.create(resource, "db", **spec)
    async with watching(shop) as watch:
        await watch.settled()
        await a_second_later()
        shop.set_image(resource, "db", f"{GOOD}.1")
        ended = await watch.settled(version="2.8.1")
        assert ended.previous == "2.8.0"
        await a_second_later()
        asked_at = time.time()
        shop.undo(resource, "db")
        assert just_after(await watch.settled(DeployKind.ROLLBACK), asked_at)
        await a_second_later()
        shop.restart(resource, "db")
        await watch.settled(DeployKind.RESTART)
        known = (await watch.look()).deploys
    async with watching(shop) as anew:
        found = (await anew.look()).deploys
    kinds = [DeployKind.RESTART, DeployKind.ROLLBACK, DeployKind.DEPLOY, DeployKind.DEPLOY]
    assert [each.kind for each in known] == kinds
    assert [each.kind for each in found] == kinds
    assert [each.version for each in found] == ["2.8.0", "2.8.0", "2.8.1", "2.8.0"]


async def test_what_is_deleted_keeps_its_changes(shop: Namespace) -> None:
    shop.create(DEPLOYMENTS, "web", replicas=1)
    async with watching(shop) as watch:
        known = await watch.settled()
        shop.cluster.http.request("DELETE", shop.path(DEPLOYMENTS, "web"))
        wait_for(lambda: not shop.cluster.get(shop.path(DEPLOYMENTS))["items"], "it is gone")
        assert [each.id for each in (await watch.look()).deploys] == [known.id]


async def test_all_namespaces_page_by_page(shop: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy_kubernetes, "PAGE", 2)
    for number in range(5):
        shop.create(DEPLOYMENTS, f"web-{number}", replicas=1)
    wanted = {f"{shop.name}/web-{number}" for number in range(5)}
    async with watching(shop, namespace="*") as watch:
        deadline = time.monotonic() + 20
        while not wanted <= {each.service for each in (await watch.look()).deploys}:
            assert time.monotonic() < deadline
        assert "all namespaces" in (await watch.look()).places[0].name


async def test_several_namespaces_at_once_and_one_that_is_not_there(shop: Namespace) -> None:
    shop.create(DEPLOYMENTS, "web", replicas=1)
    wait_for(lambda: bool(shop.cluster.get(shop.path("replicasets"))["items"]), "its ReplicaSet is there")
    file = shop.cluster.kubeconfig("several", ADMIN)
    api = Kubernetes(lambda: find_access([file], None, {}))
    names = (shop.name, "default", "kube-system", "not-there", "kube-public")
    places = [KubernetesNamespace(api, name, SystemClock(), alone=False) for name in names]
    try:
        sample = await RemoteDeploys("kubernetes", places, SystemClock(), interval_s=15.0, deadline_s=20.0).sample()
    finally:
        await api.close()
    assert [each.service for each in sample.deploys] == [f"{shop.name}/web"]
    assert [each.unknown_since_at for each in sample.places] == [None] * len(names)
    assert [each.trouble for each in sample.places] == ["", *["no workload in it; is that its name?"] * 4]


async def test_without_the_right_it_says_which_and_the_documented_role_gives_it(shop: Namespace) -> None:
    shop.create(DEPLOYMENTS, "web", replicas=1)
    viewer = shop.cluster.kubeconfig("viewer", VIEWER, namespace=shop.name)
    async with watching(shop, viewer) as watch:
        with pytest.raises(SourceError) as told:
            await watch.look()
        assert told.value.kind is FailureKind.DENIED
        assert 'User "viewer" cannot list resource "deployments"' in told.value.detail
        assert "docs/deploys.md" in told.value.detail

        shop.cluster.post(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{shop.name}/roles", only_deployments())
        bind(shop, "only-deployments")
        partly = await watch.until(lambda each: each.service == "web")
        (place,) = (await watch.look()).places
        assert partly.version == "2.8.0"
        assert place.unknown_since_at is not None and "statefulsets" in place.trouble

        role = documented_role()
        shop.cluster.post("/apis/rbac.authorization.k8s.io/v1/clusterroles", role)
        bind(shop, role["metadata"]["name"], "ClusterRole")
        deadline = time.monotonic() + 20
        while (await watch.look()).places[0].unknown_since_at is not None:
            assert time.monotonic() < deadline


def only_deployments() -> Any:
    rules = [{"apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["list"]}]
    return {"metadata": {"name": "only-deployments"}, "rules": rules}


def documented_role() -> Any:
    """The manifest of the docs, as it stands there."""
    (manifest,) = re.findall(r"```yaml\n(.*?)```", (PROJECT / "docs" / "deploys.md").read_text(), re.DOTALL)
    return next(each for each in yaml.safe_load_all(manifest) if each["kind"] == "ClusterRole")


def bind(shop: Namespace, role: str, kind: str = "Role") -> None:
    api = "rbac.authorization.k8s.io"
    binding = {
        "metadata": {"name": f"viewer-{role}"},
        "roleRef": {"apiGroup": api, "kind": kind, "name": role},
        "subjects": [{"kind": "User", "name": "viewer", "apiGroup": api}],
    }
    shop.cluster.post(f"/apis/{api}/v1/namespaces/{shop.name}/rolebindings", binding)


async def test_a_bad_token_and_a_wrong_authority(shop: Namespace) -> None:
    cluster = shop.cluster
    bad = cluster.kubeconfig("bad", "sesame-open", namespace=shop.name)
    other = {"certificate-authority": str(cluster.folder / "clients.crt")}
    for config, words in (
        (bad, "the credentials are not accepted (401)"),
        (cluster.kubeconfig("other", ADMIN, cluster=other), "its certificate is not trusted"),
    ):
        async with watching(shop, config) as watch:
            with pytest.raises(SourceError) as told:
                await watch.look()
        assert told.value.kind is FailureKind.DENIED
        assert words in told.value.detail
        assert "sesame" not in told.value.detail and ADMIN not in told.value.detail


async def test_ways_to_log_in(shop: Namespace, tmp_path: Path) -> None:
    cluster = shop.cluster
    shop.create(DEPLOYMENTS, "web", replicas=1)
    wait_for(lambda: bool(cluster.get(shop.path("replicasets"))["items"]), "its ReplicaSet is there")
    token = tmp_path / "token"
    token.write_text(f"{ADMIN}\n")
    pair = {
        name: str(cluster.folder / f"admin.{end}")
        for name, end in (("client-certificate", "crt"), ("client-key", "key"))
    }
    ran = tmp_path / "ran"
    plugin = tmp_path / "plugin"
    plugin.write_text(
        f"#!/bin/sh\necho x >>{ran}\necho 'warning: an update is there' >&2\n"
        f'printf \'{{"kind": "ExecCredential", "status": {{"token": "%s"}}}}\' "$GIVEN"\n'
    )
    plugin.chmod(0o755)
    exec_ = {
        "command": str(plugin),
        "env": [{"name": "GIVEN", "value": ADMIN}],
        "apiVersion": "client.authentication.k8s.io/v1",
    }
    insecure = {"insecure-skip-tls-verify": True}
    named = {"certificate-authority": str(cluster.ca), "tls-server-name": "kubernetes.default.svc"}
    for name, user, server in (
        ("file", {"tokenFile": str(token)}, named),
        ("certificate", pair, {}),
        ("plugin", {"exec": exec_}, insecure),
    ):
        async with watching(shop, cluster.kubeconfig(name, namespace=shop.name, user=user, cluster=server)) as watch:
            assert [each.service for each in (await watch.look()).deploys] == ["web"], name
            await watch.look()
    assert ran.read_text() == "x\n"  # one credential for both looks


async def test_a_server_that_stops_is_unknown_and_comes_back(shop: Namespace) -> None:
    shop.create(DEPLOYMENTS, "web", replicas=1)
    async with watching(shop) as watch:
        known = await watch.settled()
        shop.cluster.stop("kube-controller-manager", "kube-apiserver")
        try:
            with pytest.raises(SourceError) as told:
                await watch.look()
        finally:
            shop.cluster.start()
        assert told.value.kind is FailureKind.UNREACHABLE
        assert told.value.detail == f"{shop.cluster.url}: no connection; is it running there?"
        assert (await watch.settled()).id == known.id


def test_the_whole_program_tells_them(shop: Namespace, tmp_path: Path) -> None:
    shop.create(DEPLOYMENTS, "web", replicas=1)
    wait_for(lambda: bool(shop.cluster.get(shop.path("replicasets"))["items"]), "its ReplicaSet is there")
    config = shop.cluster.kubeconfig("whole", ADMIN, namespace=shop.name)
    environment = {**os.environ, "KUBECONFIG": str(config), "XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}

    def perftui(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "perftui", *words],
            cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert ADMIN not in done.stdout + done.stderr
        return done.stdout

    found = msgspec.json.decode(perftui("snapshot", "--json", "--for", "3s"))
    assert [each["service"] for each in found["deploys"] if each["source"] == "kubernetes"] == ["web"]
    assert f"kubernetes {shop.cluster.url} namespace {shop.name}" in perftui("doctor")
