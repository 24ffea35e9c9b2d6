"""A real control plane: etcd, kube-apiserver and kube-controller-manager (built by `tests/kubernetes/build`).

There is no kubelet. `Kubelet` plays its part: it writes the status that a node's pods would have.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec
import pytest

from perftui.clients.own_postgres import free_port

BUILD = Path(__file__).parent / "build"
ADMIN, VIEWER = "admintoken", "viewtoken"
GOOD, BAD = "registry.example/shop/api:2.8", "registry.example/shop/api:nonsense"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"


def programs() -> Path:
    """The folder with the two programs, built at the first use."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "perftui-test" / "kubernetes"
    for needed in ("etcd", "openssl"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed")
    done = subprocess.run([BUILD], capture_output=True, text=True, timeout=1200)
    if done.returncode != 0:
        pytest.fail(f"tests/kubernetes/build: {done.stderr.strip().splitlines()[-1:]}")
    return folder


class Cluster:
    """The three servers in a folder of their own."""

    def __init__(self, folder: Path, found: Path) -> None:
        self.folder, self._programs = folder, found
        self._etcd, self._peer, self.port, self._manager = (free_port() for _ in range(4))
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._http: httpx.Client | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        """The server signs its certificate itself."""
        return self.folder / "certs" / "apiserver.crt"

    def __enter__(self) -> Self:
        self._openssl("genrsa -out sa.key 2048")
        self._openssl(
            "req -x509 -newkey rsa:2048 -nodes -keyout clients.key -out clients.crt -days 2 -subj /CN=clients"
        )
        self._openssl("req -newkey rsa:2048 -nodes -keyout admin.key -out admin.csr -subj /O=system:masters/CN=admin")
        self._openssl(
            "x509 -req -in admin.csr -CA clients.crt -CAkey clients.key -CAcreateserial -out admin.crt -days 1"
        )
        (self.folder / "tokens.csv").write_text(f"{ADMIN},admin,admin,system:masters\n{VIEWER},viewer,viewer\n")
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        if self._http is not None:
            self._http.close()

    def _openssl(self, command: str) -> None:
        subprocess.run(["openssl", *command.split()], cwd=self.folder, check=True, capture_output=True)

    def start(self) -> None:
        """Start what does not run and wait until it is ready."""
        etcd, peer = f"http://127.0.0.1:{self._etcd}", f"http://127.0.0.1:{self._peer}"
        self._spawn(
            f"etcd --data-dir etcd --unsafe-no-fsync --log-level error --listen-client-urls {etcd} "
            f"--advertise-client-urls {etcd} --listen-peer-urls {peer}"
        )
        self._spawn(
            f"{self._programs}/kube-apiserver --etcd-servers={etcd} --secure-port={self.port} --bind-address=127.0.0.1 "
            "--advertise-address=127.0.0.1 --cert-dir=certs --token-auth-file=tokens.csv --client-ca-file=clients.crt "
            "--authorization-mode=RBAC --service-cluster-ip-range=10.0.0.0/24 --service-account-key-file=sa.key "
            "--service-account-issuer=https://kubernetes.default.svc --service-account-signing-key-file=sa.key "
            "--disable-admission-plugins=ServiceAccount"
        )
        wait_for(self._ready, "the API server is ready")
        self._spawn(
            f"{self._programs}/kube-controller-manager --kubeconfig={self.kubeconfig('manager', ADMIN)} "
            f"--leader-elect=false --bind-address=127.0.0.1 --secure-port={self._manager} --port=0 "
            "--cert-dir=certs-manager --controllers=deployment,replicaset,statefulset,daemonset,garbagecollector"
        )

    def stop(self, *names: str) -> None:
        """End them, the last one first; all by default."""
        for name in reversed([*self._running]):
            if not names or name in names:
                process = self._running.pop(name)
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _spawn(self, command: str) -> None:
        name = Path(command.partition(" ")[0]).name
        if name not in self._running:
            with (self.folder / f"{name}.log").open("ab") as log:
                self._running[name] = subprocess.Popen(command.split(), cwd=self.folder, stdout=log, stderr=log)

    def _ready(self) -> bool:
        for name, process in self._running.items():
            if process.poll() is not None:
                raise AssertionError(f"{name}: {(self.folder / f'{name}.log').read_text()[-500:]}")
        with contextlib.suppress(httpx.TransportError):
            return self.http.get("/readyz").text == "ok"
        return False

    @property
    def http(self) -> httpx.Client:
        """The administrator."""
        if self._http is None and self.ca.exists():
            self._http = httpx.Client(
                base_url=self.url, verify=False, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=10
            )
        if self._http is None:
            raise httpx.ConnectError("no certificate yet")
        return self._http

    def kubeconfig(
        self,
        name: str,
        token: str = "",
        *,
        namespace: str = "default",
        cluster: Mapping[str, Any] = {},
        user: Mapping[str, Any] = {},
    ) -> Path:
        """A kubeconfig that trusts this server, or as `cluster` says, of a token or of what `user` says."""
        server = {"server": self.url, **(cluster or {"certificate-authority": str(self.ca)})}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": server}],
            "users": [{"name": name, "user": user or {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        }
        path = self.folder / f"{name}.kubeconfig"
        path.write_bytes(msgspec.json.encode(document))
        return path

    def get(self, path: str) -> Any:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, document: Any) -> Any:
        answer = self.http.post(path, json=document)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def patch(self, path: str, change: Any, kind: str = STRATEGIC) -> Any:
        answer = self.http.patch(path, content=msgspec.json.encode(change), headers={"Content-Type": kind})
        assert answer.status_code == 200, answer.text
        return answer.json()


class Namespace:
    """One namespace with its workloads, changed as kubectl does it."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name = cluster, name
        cluster.post("/api/v1/namespaces", {"metadata": {"name": name}})

    def path(self, resource: str, name: str = "") -> str:
        return f"/apis/apps/v1/namespaces/{self.name}/{resource}{f'/{name}' if name else ''}"

    def create(self, resource: str, name: str, image: str = f"{GOOD}.0", **spec: Any) -> None:
        """A Deployment, a StatefulSet or a DaemonSet."""
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "api", "image": image}]}}
        document = {
            "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
        }
        self.cluster.post(self.path(resource), document)

    def set_image(self, resource: str, name: str, image: str, cause: str = "") -> None:
        change: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "api", "image": image}]}}}}
        if cause:
            change["metadata"] = {"annotations": {"kubernetes.io/change-cause": cause}}
        self.cluster.patch(self.path(resource, name), change)

    def restart(self, resource: str, name: str) -> None:
        """`kubectl rollout restart`."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        annotations = {"kubectl.kubernetes.io/restartedAt": now}
        self.cluster.patch(
            self.path(resource, name), {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        )

    def undo(self, resource: str, name: str) -> None:
        """`kubectl rollout undo`: the template of the revision before the present one is asked for again."""
        if resource == "deployments":
            sets = self._owned("replicasets", name)
            by_revision = sorted(sets, key=lambda each: int(each["metadata"]["annotations"][REVISION]))
            template = by_revision[-2]["spec"]["template"]
            del template["metadata"]["labels"]["pod-template-hash"]
            change = [{"op": "replace", "path": "/spec/template", "value": template}]
            self.cluster.patch(self.path(resource, name), change, "application/json-patch+json")
        else:
            revisions = sorted(self._owned("controllerrevisions", name), key=lambda each: int(each["revision"]))
            self.cluster.patch(self.path(resource, name), revisions[-2]["data"])

    def _owned(self, resource: str, name: str) -> list[Any]:
        items = self.cluster.get(self.path(resource))["items"]
        return [each for each in items if each["metadata"]["ownerReferences"][0]["name"] == name]

    def scale(self, resource: str, name: str, replicas: int) -> None:
        self.cluster.patch(self.path(resource, name), {"spec": {"replicas": replicas}}, MERGE)


REVISION = "deployment.kubernetes.io/revision"


class Kubelet:
    """What the nodes do: pods run, unless their image can't be pulled; those that are deleted end at once."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def add_node(self, name: str) -> None:
        node = {"metadata": {"name": name}, "spec": {}}
        self._cluster.post("/api/v1/nodes", node)
        ready = [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]
        capacity = {"cpu": "4", "memory": "8Gi", "pods": "100"}
        status = {"status": {"conditions": ready, "capacity": capacity, "allocatable": capacity}}
        self._cluster.patch(f"/api/v1/nodes/{name}/status", status)
        # What the node's lifecycle controller does with a node that is ready.
        self._cluster.patch(f"/api/v1/nodes/{name}", {"spec": {"taints": None}}, MERGE)

    def look(self) -> None:
        for pod in self._cluster.get("/api/v1/pods")["items"]:
            meta = pod["metadata"]
            path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
            if meta.get("deletionTimestamp"):
                self._cluster.http.request("DELETE", path, json={"gracePeriodSeconds": 0})
            elif pod["status"].get("phase", "Pending") == "Pending" and not pod["status"].get("containerStatuses"):
                image = pod["spec"]["containers"][0]["image"]
                self._cluster.http.patch(
                    f"{path}/status",
                    content=msgspec.json.encode({"status": _pulled(image)}),
                    headers={"Content-Type": STRATEGIC},
                )


def _pulled(image: str) -> dict[str, Any]:
    good = image.startswith(GOOD)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    failed = {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}}
    state = {"running": {"startedAt": now}} if good else failed
    container = {"name": "api", "image": image, "imageID": "", "ready": good, "restartCount": 0, "state": state}
    condition = {"type": "Ready", "status": "True" if good else "False", "lastTransitionTime": now}
    return {"phase": "Running" if good else "Pending", "conditions": [condition], "containerStatuses": [container]}


def wait_for(holds: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    """Raises: AssertionError when it does not come to hold."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.05)
