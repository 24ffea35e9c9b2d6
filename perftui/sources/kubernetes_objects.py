"""The objects of `apps/v1` that tell of deploys, as far as they are needed.

Source: Kubernetes API 1.16 and newer: Deployment, StatefulSet, DaemonSet, ReplicaSet, ControllerRevision, and `v1` Pod.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
CHANGE_CAUSE = "kubernetes.io/change-cause"
RESTARTED = "kubectl.kubernetes.io/restartedAt"
DEPLOYMENT, STATEFUL_SET, DAEMON_SET = "Deployment", "StatefulSet", "DaemonSet"
RESOURCES = {DEPLOYMENT: "deployments", STATEFUL_SET: "statefulsets", DAEMON_SET: "daemonsets"}

T = TypeVar("T")


class Wire(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A piece of the API's JSON. What is not there has its zero, as in Go."""


class Owned(Wire, frozen=True):
    """A field that somebody set."""


class OwnedSpec(Wire, frozen=True):
    replicas: Owned | None = msgspec.field(name="f:replicas", default=None)
    template: Owned | None = msgspec.field(name="f:template", default=None)


class OwnedFields(Wire, frozen=True):
    spec: OwnedSpec = msgspec.field(name="f:spec", default=OwnedSpec())


class ManagedFields(Wire, frozen=True):
    manager: str = ""
    operation: str = ""
    time: datetime | None = None
    fields: OwnedFields = msgspec.field(name="fieldsV1", default=OwnedFields())


class Owner(Wire, frozen=True):
    uid: str = ""
    controller: bool = False


class Meta(Wire, frozen=True):
    name: str = ""
    namespace: str = "default"
    uid: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[Owner, ...] = ()
    managed_fields: tuple[ManagedFields, ...] = ()

    @property
    def created_at(self) -> float:
        return self.creation_timestamp.timestamp() if self.creation_timestamp else 0.0

    @property
    def owner(self) -> str:
        """uid of the workload that it belongs to; empty without one."""
        return next((each.uid for each in self.owner_references if each.controller), "")


class Expression(Wire, frozen=True):
    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class Selector(Wire, frozen=True):
    match_labels: dict[str, str] = {}
    match_expressions: tuple[Expression, ...] = ()

    def words(self) -> str:
        """As `labelSelector` has it."""
        words = [f"{key}={value}" for key, value in self.match_labels.items()]
        for each in self.match_expressions:
            match each.operator:
                case "Exists":
                    words.append(each.key)
                case "DoesNotExist":
                    words.append(f"!{each.key}")
                case operator:
                    words.append(f"{each.key} {operator.lower()} ({','.join(each.values)})")
        return ",".join(words)


class Container(Wire, frozen=True):
    name: str = ""
    image: str = ""


class PodSpec(Wire, frozen=True):
    containers: tuple[Container, ...] = ()


class TemplateMeta(Wire, frozen=True):
    annotations: dict[str, str] = {}


class Template(Wire, frozen=True):
    metadata: TemplateMeta = TemplateMeta()
    spec: msgspec.Raw = msgspec.Raw(b"{}")


class RollingUpdate(Wire, frozen=True):
    partition: int = 0


class UpdateStrategy(Wire, frozen=True):
    type: str = ""
    rolling_update: RollingUpdate | None = None


class WorkloadSpec(Wire, frozen=True):
    replicas: int | None = None
    paused: bool = False
    selector: Selector = Selector()
    update_strategy: UpdateStrategy = UpdateStrategy()


class Condition(Wire, frozen=True):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_update_time: datetime | None = None


class WorkloadStatus(Wire, frozen=True):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    desired_number_scheduled: int = 0
    updated_number_scheduled: int = 0
    number_available: int = 0
    conditions: tuple[Condition, ...] = ()


class Workload(Wire, frozen=True):
    """A Deployment, a StatefulSet or a DaemonSet."""

    metadata: Meta
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()


class ReplicaSetSpec(Wire, frozen=True):
    template: Template = Template()


class ReplicaSet(Wire, frozen=True):
    metadata: Meta
    spec: ReplicaSetSpec = ReplicaSetSpec()


class RevisionData(Wire, frozen=True):
    spec: ReplicaSetSpec = ReplicaSetSpec()


class ControllerRevision(Wire, frozen=True):
    metadata: Meta
    revision: int = 0
    data: RevisionData = RevisionData()


class Waiting(Wire, frozen=True):
    reason: str = ""
    message: str = ""


class ContainerState(Wire, frozen=True):
    waiting: Waiting | None = None


class ContainerStatus(Wire, frozen=True):
    state: ContainerState = ContainerState()


class PodStatus(Wire, frozen=True):
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(Wire, frozen=True):
    metadata: Meta
    status: PodStatus = PodStatus()


class ListMeta(Wire, frozen=True):
    continues: str = msgspec.field(name="continue", default="")


class Page(Wire, Generic[T], frozen=True):
    """One answer to a list."""

    items: tuple[T, ...] | None = ()
    metadata: ListMeta = ListMeta()


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """A pod template that a workload has or had: a ReplicaSet, or a ControllerRevision."""

    name: str
    number: int
    """Rises when it is taken again."""
    earlier: tuple[int, ...] = ()
    """Numbers that it had before; not kept for ControllerRevisions."""
    created_at: float
    """When it was taken first."""
    images: tuple[tuple[str, str], ...]
    """(container, image)."""
    template: str
    """Equal for equal templates, restarts aside."""
    restarted: str = ""
    """When `kubectl rollout restart` was asked for it; empty if never."""
    cause: str = ""
    """The annotation kubernetes.io/change-cause."""


def revision_of(found: ReplicaSet | ControllerRevision) -> Revision:
    """What counts of it.

    Raises:
        msgspec.ValidationError: its pod template is none.
    """
    meta = found.metadata
    template = found.spec.template if isinstance(found, ReplicaSet) else found.data.spec.template
    annotations = template.metadata.annotations
    number = found.revision if isinstance(found, ControllerRevision) else _number(meta.annotations.get(REVISION, ""))
    pods = msgspec.json.decode(template.spec, type=PodSpec)
    digest = hashlib.blake2b(bytes(template.spec), digest_size=8)
    for key in sorted(annotations):
        if key != RESTARTED:
            digest.update(f"\0{key}\0{annotations[key]}".encode())
    return Revision(
        name=meta.name,
        number=number,
        earlier=tuple(_number(each) for each in meta.annotations.get(REVISION_HISTORY, "").split(",") if each),
        created_at=meta.created_at,
        images=tuple((each.name, each.image) for each in pods.containers),
        template=digest.hexdigest(),
        restarted=annotations.get(RESTARTED, ""),
        cause=meta.annotations.get(CHANGE_CAUSE, ""),
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
