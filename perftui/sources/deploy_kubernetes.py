"""Deploys in Kubernetes: Deployments through their ReplicaSets, StatefulSets and DaemonSets through ControllerRevisions.

Source: `apps/v1` lists, in pages. Each look lists the workloads, and then the revisions of those whose generation or revision
has changed since the last look; at the first one, of those that were touched last. Needs `list` on deployments, replicasets,
statefulsets, daemonsets and controllerrevisions; with `list` on pods it tells why a rollout stands.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import urlencode

import msgspec

from perftui.model.failure import FailureKind, SourceError
from perftui.model.http_answer import HttpAnswer
from perftui.sources.deploy import MOST, Deploy, DeployStatus
from perftui.sources.deploy_places import PlaceRead
from perftui.sources.files import Clock
from perftui.sources.kubernetes_changes import Seen, Window, deploys_of, kept, pods_reason, progressed, scale_of, seen
from perftui.sources.kubernetes_objects import (
    DEPLOYMENT,
    RESOURCES,
    ControllerRevision,
    Page,
    Pod,
    ReplicaSet,
    Revision,
    Workload,
    revision_of,
)

INTERVAL_S = 15.0
DEADLINE_S = 20.0
PAGE = 500
"""Objects in one answer: about 4 MB."""
MOST_WORKLOADS = 5000
"""Of one kind in one place; a cluster with more is told of namespace by namespace."""
ONE_BY_ONE = 5
"""When more workloads than these have changed in a place with few, all revisions of the place are listed at once."""
MOST_SCALES = 10
"""Numbers of replicas that changed: an autoscaler must not push the deploys out."""
STANDS_S = 10.0
"""A rollout under way for so long has its pods looked at (ours)."""
ASKED_PODS = 5
"""Workloads whose pods are looked at in one look."""
SKEW_S = 2.0
"""Clocks that differ by less count as one."""
ALL = "*"

T = TypeVar("T")


class KubernetesApi(Protocol):
    """One cluster; raises SourceError."""

    async def get(self, path: str) -> HttpAnswer: ...
    async def home(self) -> tuple[str, str]: ...


class _Tracked(NamedTuple):
    """A workload since the last look."""

    workload: Seen
    deploys: tuple[Deploy, ...]
    """Newest first; the first one is under way or was the last."""
    reason: str = ""
    """Why the pods of the first one don't become ready."""


class KubernetesNamespace:
    """One namespace, or all of them."""

    def __init__(self, api: KubernetesApi, namespace: str | None, clock: Clock, *, alone: bool = True) -> None:
        """Ask nothing yet.

        Args:
            namespace: `*` for all; None for that of the context.
            alone: No other one is watched, so that a workload's name is enough.
        """
        self._alone = alone and namespace != ALL
        self.name = namespace or "the context's namespace"
        self.named = namespace is not None
        self._api = api
        self._namespace = namespace
        self._clock = clock
        self._tracked: dict[str, _Tracked] = {}
        self._scales: list[Deploy] = []
        self._gone: list[Deploy] = []
        self._read_kinds: dict[str, float] = {}
        self._skew_s = 0.0
        self._cut = False

    async def read(self, now_at: float, since_at: float) -> PlaceRead:
        """The changes in it.

        Raises:
            SourceError: none of the kinds of workloads can be listed.
        """
        server, home = await self._api.home()
        if self._namespace is None:
            self._namespace = home
        self.name = f"{server} {'all namespaces' if self._namespace == ALL else f'namespace {self._namespace}'}"
        self._cut = False
        refused: list[SourceError] = []
        for kind in RESOURCES:
            try:
                await self._look(kind, now_at, since_at)
            except SourceError as exc:
                if exc.kind is not FailureKind.DENIED:
                    raise
                refused.append(exc)
        if len(refused) == len(RESOURCES):
            raise refused[0]
        await self._ask_pods(now_at)
        deploys = [*self._scales, *self._gone, *(each for state in self._tracked.values() for each in state.deploys)]
        return PlaceRead(deploys, trouble=self._trouble(), unread=refused[0].detail if refused else "")

    def _trouble(self) -> str:
        if self._cut:
            return (
                f"only the first {MOST_WORKLOADS} workloads of a kind are read; name namespaces in deploys.kubernetes"
            )
        if self._skew_s:
            which = "behind" if self._skew_s > 0 else "ahead of"
            return f"its clock is {abs(self._skew_s):.0f} s {which} this host's; moments are those of this host"
        if self.named and not self._tracked:  # the API gives an empty list for a namespace that is not there
            return "no workload in it; is that its name?"
        return ""

    async def _look(self, kind: str, now_at: float, since_at: float) -> None:
        found = {each.metadata.uid: seen(kind, each) async for each in self._listed(RESOURCES[kind], Workload)}
        before_at = self._read_kinds.get(kind)
        changed = [each for uid, each in found.items() if self._marker(uid) != each.marker]
        # Of a large cluster's first look: no more changes than these are told, and they are those of the last touched.
        asked = sorted(changed, key=lambda each: each.touched_at, reverse=True)[:MOST]
        revisions = await self._revisions(kind, asked, at_once=len(asked) > ONE_BY_ONE and len(found) <= MOST)
        for each in changed:
            self._take(each, revisions.get(each.uid, []), now_at, before_at, since_at)
        for uid, workload in found.items():
            self._follow(uid, workload, now_at)
        for uid in [uid for uid, state in self._tracked.items() if state.workload.kind == kind and uid not in found]:
            self._gone = [*self._tracked.pop(uid).deploys, *self._gone][:MOST]
        self._read_kinds[kind] = now_at

    def _marker(self, uid: str) -> tuple[int, int, str] | None:
        state = self._tracked.get(uid)
        return state.workload.marker if state else None

    def _take(
        self, workload: Seen, revisions: list[Revision], now_at: float, before_at: float | None, since_at: float
    ) -> None:
        """Its revisions may be others than at the last look, `before_at`."""
        before = self._tracked.get(workload.uid)
        service = self._service(workload)
        # The cluster's clock is the one that its objects are told by.
        now = now_at - self._skew_s
        window = Window(before_at - self._skew_s, now) if before and before_at is not None else None
        known = {each.id: each for each in before.deploys} if before else {}
        told_now = [self._here(each) for each in deploys_of(workload, revisions, service, now, window)]
        told_now = [kept(each, known.pop(each.id, None)) for each in told_now]
        # A revision is forgotten when ten newer ones were taken, and a number when it is taken again.
        all_told = (*told_now, *known.values())  # in the order of their numbers: moments may be unsure or equal
        deploys = tuple(each for each in all_told if (each.at_end or each.at) >= since_at)[:MOST]
        same = before is not None and (not deploys or not before.deploys or deploys[0].id == before.deploys[0].id)
        if before is not None and window is not None and same and _scaled(before.workload, workload):
            scale = self._here(scale_of(workload, before.workload.replicas or 0, service, now, window))
            self._scales = [scale, *self._scales][:MOST_SCALES]
        self._tracked[workload.uid] = _Tracked(workload, tuple(deploys))

    def _here(self, deploy: Deploy) -> Deploy:
        """With moments of this host's clock."""
        if not self._skew_s:
            return deploy
        at_end = None if deploy.at_end is None else deploy.at_end + self._skew_s
        return msgspec.structs.replace(
            deploy, at=deploy.at + self._skew_s, at_end=at_end, precision_s=deploy.precision_s + 1
        )

    def _follow(self, uid: str, workload: Seen, now_at: float) -> None:
        """How far its last change got."""
        state = self._tracked[uid]
        if not state.deploys or state.workload.progress == workload.progress:
            return
        last, progress = state.deploys[0], workload.progress
        if progress.at_end is not None:
            progress = progress._replace(at_end=progress.at_end + self._skew_s)
        elif progress.status is DeployStatus.SUCCEEDED and last.status is DeployStatus.STARTED:
            progress = progress._replace(at_end=now_at)  # no condition tells it; it ended since the last look
        moved = kept(progressed(last, progress, state.reason), last)
        self._tracked[uid] = _Tracked(workload, (moved, *state.deploys[1:]), state.reason)

    async def _ask_pods(self, now_at: float) -> None:
        """Why rollouts stand; without the right to list pods that is not told."""
        standing = [uid for uid, state in self._tracked.items() if state.deploys and _stands(state, now_at)]
        for uid in standing[:ASKED_PODS]:
            workload, deploys, _ = self._tracked[uid]
            query = urlencode({"limit": 50, "labelSelector": workload.selector})
            try:
                answer = await self._api.get(f"/api/v1/namespaces/{workload.namespace}/pods?{query}")
            except SourceError as exc:
                if exc.kind is FailureKind.DENIED:
                    return
                raise
            reason = pods_reason(_decoded(answer, Page[Pod], "pods").items or ())
            if reason:
                state = workload.progress._replace(status=deploys[0].status, at_end=deploys[0].at_end)
                self._tracked[uid] = _Tracked(workload, (progressed(deploys[0], state, reason), *deploys[1:]), reason)

    async def _revisions(self, kind: str, asked: list[Seen], at_once: bool) -> Mapping[str, list[Revision]]:
        """By the uid of their workload."""
        resource = "replicasets" if kind == DEPLOYMENT else "controllerrevisions"
        objects: type[ReplicaSet | ControllerRevision] = ReplicaSet if kind == DEPLOYMENT else ControllerRevision
        wanted = {each.uid for each in asked}
        found: dict[str, list[Revision]] = {}
        places = [(None, "")] if at_once else [(each.namespace, each.selector) for each in asked]
        for namespace, selector in places:
            async for each in self._listed(resource, objects, namespace, selector):
                if each.metadata.owner in wanted:
                    found.setdefault(each.metadata.owner, []).append(_revision(each, resource))
        return found

    async def _listed(
        self,
        resource: str,
        objects: type[T],
        namespace: str | None = None,
        selector: str = "",
    ) -> AsyncIterator[T]:
        """The objects of this place, page by page.

        Raises:
            SourceError: as the API's client, or MALFORMED.
        """
        inside = namespace or (None if self._namespace == ALL else self._namespace)
        path = f"/apis/apps/v1/{f'namespaces/{inside}/' if inside else ''}{resource}"
        query: dict[str, Any] = {"limit": PAGE, **({"labelSelector": selector} if selector else {})}
        count = 0
        while True:
            asked_at = self._clock.wall()
            answer = await self._api.get(f"{path}?{urlencode(query)}")
            self._compare_clocks(answer, asked_at)
            page = _decoded(answer, Page[objects], resource)  # type: ignore[valid-type]
            for each in page.items or ():
                yield each
            count += len(page.items or ())
            if not page.metadata.continues:
                return
            if count >= MOST_WORKLOADS:
                self._cut = True
                return
            query["continue"] = page.metadata.continues

    def _compare_clocks(self, answer: HttpAnswer, asked_at: float) -> None:
        """Take the difference once, so that moments don't move with the second that the header leaves out."""
        try:
            said = parsedate_to_datetime(answer.headers.get("date", ""))
        except ValueError:
            return
        said_at = said.replace(tzinfo=said.tzinfo or UTC).timestamp()
        least_s, most_s = asked_at - said_at - 1, self._clock.wall() - said_at  # it was said in between
        if not least_s - SKEW_S <= self._skew_s <= most_s + SKEW_S:
            middle_s = (least_s + most_s) / 2
            self._skew_s = middle_s if abs(middle_s) > SKEW_S else 0.0

    def _service(self, workload: Seen) -> str:
        """The name alone where it can't be taken for another's."""
        if self._alone or workload.namespace == "default":
            return workload.name
        return f"{workload.namespace}/{workload.name}"


def _stands(state: _Tracked, now_at: float) -> bool:
    """Whether its last change is not through and nobody has said why."""
    last = state.deploys[0]
    late = last.status is DeployStatus.STARTED and now_at - last.at >= STANDS_S
    return not state.reason and (late or last.status is DeployStatus.FAILED)


def _scaled(before: Seen, now: Seen) -> bool:
    return before.replicas is not None and now.replicas is not None and before.replicas != now.replicas


def _decoded(answer: HttpAnswer, kind: type[T], resource: str) -> T:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        words = "".join(char if char.isprintable() else "?" for char in str(exc)[:100])
        raise SourceError(FailureKind.MALFORMED, f"{resource}: no list of the Kubernetes API ({words})") from None


def _revision(found: ReplicaSet | ControllerRevision, resource: str) -> Revision:
    try:
        return revision_of(found)
    except msgspec.DecodeError:
        raise SourceError(FailureKind.MALFORMED, f"{resource}: the pod template of one is none") from None
