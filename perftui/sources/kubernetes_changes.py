"""What the revisions of a workload tell of deploys: a new version, a rollback, a restart, another configuration, a scale.

No object keeps the moment of a rollback. It takes a revision that was there, whose creation is the first deploy; only its
number rises. The moment is that of the last change to the pod template (managedFields) where that fits, else it lies between
what came before and what came after, and `precision_s` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from perftui.sources.deploy import Deploy, DeployKind, DeployStatus
from perftui.sources.deploy_text import told
from perftui.sources.kubernetes_objects import (
    DAEMON_SET,
    DEPLOYMENT,
    REVISION,
    STATEFUL_SET,
    Condition,
    Meta,
    Pod,
    Revision,
    Workload,
)

SOURCE = "kubernetes"
_RESTART_S = 60.0
"""A restart's moment, written by the operator's machine, and its first ReplicaSet may lie so far apart (ours)."""
_BREAK = " · "
"""Between what a change is and how far it got."""
_DONE = DeployStatus.SUCCEEDED
_WAITS = frozenset({"ContainerCreating", "PodInitializing"})


class Touch(NamedTuple):
    """The last change to a part of an object."""

    at: float
    who: str
    """The program: kubectl-set, helm, argocd-controller."""


class Progress(NamedTuple):
    """How far the present revision got."""

    status: DeployStatus
    at_end: float | None = None
    detail: str = ""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A workload at one look, as far as it counts."""

    kind: str
    uid: str
    namespace: str
    name: str
    marker: tuple[int, int, str]
    """Another one when its revisions may have changed."""
    replicas: int | None
    """Asked for; None for a DaemonSet."""
    selector: str
    progress: Progress
    template: Touch | None
    scaled: Touch | None
    touched_at: float
    """The last that anybody did to it, its controller too; a rollout is never later."""


class Window(NamedTuple):
    """Between two looks."""

    start_at: float
    end_at: float


class _Taken(NamedTuple):
    """One time that a revision was taken."""

    number: int
    """0: not kept."""
    revision: Revision
    again: bool


def seen(kind: str, found: Workload) -> Seen:
    """What counts of a workload."""
    meta, status = found.metadata, found.status
    return Seen(
        kind=kind,
        uid=meta.uid,
        namespace=meta.namespace,
        name=meta.name,
        marker=(meta.generation, status.observed_generation, meta.annotations.get(REVISION, status.update_revision)),
        replicas=None if kind == DAEMON_SET else found.spec.replicas,
        selector=found.spec.selector.words(),
        progress=progress(kind, found),
        template=_touch(meta, "template"),
        scaled=_touch(meta, "replicas"),
        touched_at=max((moment.timestamp() for moment in _moments(found)), default=0.0),
    )


def _moments(found: Workload) -> Iterator[datetime]:
    meta = found.metadata
    for moment in (
        meta.creation_timestamp,
        *(each.time for each in meta.managed_fields),
        *(each.last_update_time for each in found.status.conditions),
    ):
        if moment is not None:
            yield moment


def _touch(meta: Meta, field: str) -> Touch | None:
    found = [
        Touch(each.time.timestamp(), each.manager)
        for each in meta.managed_fields
        if each.time is not None and getattr(each.fields.spec, field) is not None
    ]
    return max(found, default=None)


def progress(kind: str, found: Workload) -> Progress:
    """How far its present revision got, as `kubectl rollout status` tells it."""
    status, spec = found.status, found.spec
    if status.observed_generation < found.metadata.generation:
        return Progress(DeployStatus.STARTED)
    if kind == DEPLOYMENT:
        return _deployment_progress(found)
    if kind == STATEFUL_SET:
        wanted = spec.replicas or 0
        partition = spec.update_strategy.rolling_update.partition if spec.update_strategy.rolling_update else 0
        if status.current_revision == status.update_revision:
            return Progress(DeployStatus.SUCCEEDED)
        if partition and status.updated_replicas >= wanted - partition:
            return Progress(DeployStatus.SUCCEEDED, detail=f"to all pods from number {partition} on")
        updated = f"{status.updated_replicas} of {wanted} pods updated"
    else:
        wanted = status.desired_number_scheduled
        if status.updated_number_scheduled >= wanted and status.number_available >= wanted:
            return Progress(DeployStatus.SUCCEEDED)
        updated = f"{status.updated_number_scheduled} of {wanted} pods updated, {status.number_available} available"
    waits = "; pods take it as they are deleted (OnDelete)" if spec.update_strategy.type == "OnDelete" else ""
    return Progress(DeployStatus.STARTED, detail=f"{updated}{waits}")


def _deployment_progress(found: Workload) -> Progress:
    status = found.status
    conditions: dict[str, Condition] = {each.type: each for each in status.conditions}
    progressing, failing = conditions.get("Progressing"), conditions.get("ReplicaFailure")
    wanted = found.spec.replicas if found.spec.replicas is not None else 1
    updated = f"{status.updated_replicas} of {wanted} pods updated, {status.available_replicas} available"
    if progressing is None:  # without a deadline Kubernetes keeps no such condition
        done = status.updated_replicas == status.replicas == status.available_replicas == wanted
        return Progress(DeployStatus.SUCCEEDED) if done else Progress(DeployStatus.STARTED, detail=updated)
    at_end = progressing.last_update_time.timestamp() if progressing.last_update_time else None
    # A rollback leaves the condition of the revision before it standing until its first pods are there.
    if progressing.reason == "NewReplicaSetAvailable" and status.updated_replicas == status.replicas:
        return Progress(DeployStatus.SUCCEEDED, at_end)
    if progressing.status == "False":
        reason = progressing.reason or "it does not progress"
        return Progress(DeployStatus.FAILED, at_end, f"{reason}: {updated}{_because(failing)}")
    paused = "; paused" if found.spec.paused else ""
    return Progress(DeployStatus.STARTED, detail=f"{updated}{paused}{_because(failing)}")


def _because(failing: Condition | None) -> str:
    return f"; {failing.message}" if failing is not None and failing.status == "True" else ""


def pods_reason(pods: Iterable[Pod]) -> str:
    """Why pods don't become ready: `ImagePullBackOff: …`; the newest pod's, empty where none says."""
    for pod in sorted(pods, key=lambda each: each.metadata.created_at, reverse=True):
        for container in (*pod.status.init_container_statuses, *pod.status.container_statuses):
            waiting = container.state.waiting
            if waiting is not None and waiting.reason and waiting.reason not in _WAITS:
                return f"{waiting.reason}{f': {waiting.message}' if waiting.message else ''}"
        for condition in pod.status.conditions:
            if condition.type == "PodScheduled" and condition.status == "False" and condition.reason:
                return f"{condition.reason}{f': {condition.message}' if condition.message else ''}"
    return ""


def deploys_of(
    workload: Seen,
    revisions: Sequence[Revision],
    service: str,
    now_at: float,
    window: Window | None = None,
) -> tuple[Deploy, ...]:
    """The changes that its revisions tell of, newest first, the newest with its progress.

    Args:
        revisions: Of this workload, in any order.
        window: Between which looks it took its present revision, where that was seen.
    """
    taken = _taken(workload.kind, revisions)
    found: list[Deploy] = []
    for place, take in enumerate(taken):
        last = place == len(taken) - 1
        before = taken[place - 1] if place else None
        if before is not None and take.number and before.number and before.number != take.number - 1:
            before = None  # what was between is no longer kept
        at, precision_s = _moment(workload, taken, place, found[-1].at if found else 0.0, now_at, window)
        version, previous = versions(take.revision.images, before.revision.images if before else ())
        touched = workload.template if last else None
        deploy = Deploy(
            id=f"{SOURCE}:{workload.uid}:{take.revision.name}:{take.number if take.again else ''}",
            at=at,
            precision_s=precision_s,
            service=told(service, 100) or "?",
            version=told(version, 100),
            previous=told(previous, 100) if previous != version else None,
            who=told(touched.who, 60) if touched is not None and abs(touched.at - at) <= 2 else None,
            source=SOURCE,
            kind=_kind(take, before),
            status=DeployStatus.ROLLED_BACK if not last and taken[place + 1].again else DeployStatus.UNKNOWN,
            detail=told(_words(workload, taken, place), 200),
            seen_at=now_at,
        )
        found.append(progressed(deploy, workload.progress) if last else deploy)
    return tuple(reversed(found))


def progressed(deploy: Deploy, state: Progress, reason: str = "") -> Deploy:
    """A change with how far it got.

    Args:
        reason: Why its pods don't become ready.
    """
    status, at_end = state.status, state.at_end
    if at_end is not None and at_end < deploy.at - deploy.precision_s - 1:
        status, at_end = DeployStatus.STARTED, None  # that tells of the revision before
    pieces = [(deploy.detail or "").partition(_BREAK)[0], state.detail, reason if status is not _DONE else ""]
    return msgspec.structs.replace(
        deploy,
        status=status,
        at_end=at_end if at_end is None else max(at_end, deploy.at),
        detail=told(_BREAK.join(piece for piece in pieces if piece), 300),
    )


def _taken(kind: str, revisions: Sequence[Revision]) -> list[_Taken]:
    """Each time that one of them was taken, oldest first."""
    if kind == DEPLOYMENT:
        numbers = [
            _Taken(number, each, place > 0)
            for each in revisions
            for place, number in enumerate(sorted((*each.earlier, each.number)))
        ]
        return sorted(numbers, key=lambda take: take.number)
    # A ControllerRevision forgets its earlier numbers. One that is older than what has a lower number was taken again.
    found: list[tuple[tuple[float, bool, int], _Taken]] = []
    for each in revisions:
        lower_at = max((other.created_at for other in revisions if other.number < each.number), default=0.0)
        again = each.created_at < lower_at
        number = 0 if again else each.number
        found.append(((each.created_at, False, each.number), _Taken(number, each, False)))
        if again:
            found.append(((lower_at, True, each.number), _Taken(each.number, each, True)))
    return [take for _, take in sorted(found, key=lambda pair: pair[0])]


def _moment(
    workload: Seen, taken: Sequence[_Taken], place: int, before_at: float, now_at: float, window: Window | None
) -> tuple[float, float]:
    """(wall clock, how far it may be off) of a take."""
    take = taken[place]
    if not take.again:
        return take.revision.created_at, 1.0
    later = [each.revision.created_at for each in taken[place + 1 :] if not each.again]
    earliest, latest = before_at, min(later, default=now_at)
    if place == len(taken) - 1:
        if window is not None:
            earliest, latest = max(earliest, window.start_at - 1), min(latest, window.end_at)
        at_end = workload.progress.at_end
        if at_end is not None and at_end >= earliest:
            latest = min(latest, at_end)
        # One that is as old as what came before is told of that: servers before 1.22 keep a field's first moment.
        touched = workload.template
        if touched is not None and before_at < touched.at and earliest <= touched.at <= latest + 1:
            return touched.at, 1.0
    latest = max(earliest, latest)
    return (earliest + latest) / 2, max(1.0, (latest - earliest) / 2)


def _kind(take: _Taken, before: _Taken | None) -> DeployKind:
    revision = take.revision
    if take.again:
        return DeployKind.ROLLBACK
    if before is None:
        return DeployKind.RESTART if take.number > 1 and _just_restarted(revision) else DeployKind.DEPLOY
    if revision.images != before.revision.images:
        return DeployKind.DEPLOY
    if revision.template == before.revision.template and revision.restarted != before.revision.restarted:
        return DeployKind.RESTART
    return DeployKind.CONFIG


def _just_restarted(revision: Revision) -> bool:
    """The revision before it is not kept; was this one made by `kubectl rollout restart`?"""
    try:
        asked_at = datetime.fromisoformat(revision.restarted.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return False
    return abs(asked_at - revision.created_at) <= _RESTART_S


def _words(workload: Seen, taken: Sequence[_Taken], place: int) -> str:
    """`Deployment shop/web; revision 3; kubectl set image …`.

    A cause stands on the workload until somebody writes another, and goes to each revision that is taken meanwhile.
    """
    take = taken[place]
    cause = take.revision.cause.replace(_BREAK, " ")
    of_another = place > 0 and taken[place - 1].revision.cause == take.revision.cause
    again_later = any(later.revision is take.revision for later in taken[place + 1 :])
    words = [
        f"{workload.kind} {workload.namespace}/{workload.name}",
        f"revision {take.number}" if take.number else "",
        "" if of_another or again_later else cause,
    ]
    return "; ".join(word for word in words if word)


def scale_of(workload: Seen, before: int, service: str, now_at: float, window: Window) -> Deploy:
    """The record of a number of replicas that changed between two looks."""
    touched = workload.scaled
    exact = touched is not None and window.start_at - 1 <= touched.at <= window.end_at + 1
    at = touched.at if touched is not None and exact else (window.start_at + window.end_at) / 2
    return Deploy(
        id=f"{SOURCE}:{workload.uid}:scale:{workload.marker[0]}",
        at=at,
        precision_s=1.0 if exact else max(1.0, (window.end_at - window.start_at) / 2),
        service=told(service, 100) or "?",
        who=told(touched.who, 60) if touched is not None and exact else None,
        source=SOURCE,
        kind=DeployKind.SCALE,
        status=DeployStatus.SUCCEEDED,
        detail=told(
            f"replicas {before} → {workload.replicas}; {workload.kind} {workload.namespace}/{workload.name}", 200
        ),
        seen_at=now_at,
    )


def kept(new: Deploy, known: Deploy | None) -> Deploy:
    """A record with what was seen of it before and can't be read from the objects any more."""
    if known is None:
        return new
    keeps: dict[str, object] = {"seen_at": known.seen_at, "who": new.who or known.who}
    if known.precision_s <= new.precision_s:
        keeps |= {"at": known.at, "precision_s": known.precision_s}
    ended = known.status in (DeployStatus.SUCCEEDED, DeployStatus.FAILED)
    if new.status is DeployStatus.UNKNOWN or (ended and new.status is DeployStatus.STARTED):
        keeps |= {"status": known.status, "detail": known.detail}
    return msgspec.structs.replace(new, at_end=new.at_end or known.at_end, **keeps)


def versions(images: Sequence[tuple[str, str]], before: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """(version, previous): tags of the containers whose image changed, of all of them where none did."""
    old = dict(before)
    changed = [(name, image) for name, image in images if old.get(name) != image] if before else []
    shown = changed or list(images)
    was = [old[name] for name, _ in shown if name in old]
    version, previous = _joined(tag(image) for _, image in shown), _joined(tag(image) for image in was)
    if changed and version == previous:  # the same tag of another registry, or of another build
        return _joined(_tail(image) for _, image in shown), _joined(_tail(image) for image in was)
    return version, previous


def _joined(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


def tag(image: str) -> str:
    """`registry:5000/shop/api:2.8.1@sha256:…` → `2.8.1`; without a tag the digest's beginning, without both `latest`."""
    name, _, digest = image.partition("@")
    _, colon, version = name.rpartition("/")[2].partition(":")
    if colon:
        return version
    return _short(digest) if digest else "latest"


def _tail(image: str) -> str:
    name, _, digest = image.partition("@")
    return f"{name}@{_short(digest)}" if digest else name


def _short(digest: str) -> str:
    kind, _, value = digest.partition(":")
    return f"{kind}:{value[:12]}"
