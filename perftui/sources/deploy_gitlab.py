"""Deploys that GitLab knows of: the deployments of a project.

Source: REST API v4, `GET /projects/ID/deployments`, GitLab 14 and newer. `finished_after` is taken only together with
`order_by=finished_at` and `status=success`; what runs or failed is therefore a second list, the newest by creation.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import msgspec

from perftui.sources.deploy import Deploy, DeployKind, DeployStatus
from perftui.sources.deploy_places import DAY_S, PlaceRead
from perftui.sources.deploy_text import told
from perftui.sources.forges import ForgeApi, decoded, in_order, version_of

SOURCE = "gitlab"
PUBLIC = "https://gitlab.com/api/v4"
RIGHTS = "the scope read_api"
FINISHED, NEWEST = 50, 20
_STATUS = {
    "success": DeployStatus.SUCCEEDED,
    "failed": DeployStatus.FAILED,
    "canceled": DeployStatus.FAILED,
    "running": DeployStatus.STARTED,
}


class User(msgspec.Struct, frozen=True):
    username: str = ""


class Environment(msgspec.Struct, frozen=True):
    name: str = ""


class Pipeline(msgspec.Struct, frozen=True):
    web_url: str = ""


class Job(msgspec.Struct, frozen=True):
    """The job that deploys."""

    name: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    pipeline: Pipeline | None = None


class Deployment(msgspec.Struct, frozen=True):
    """As the API has it, the fields that count."""

    id: int
    created_at: datetime
    status: str = ""
    ref: str = ""
    sha: str = ""
    updated_at: datetime | None = None
    user: User | None = None
    environment: Environment | None = None
    deployable: Job | None = None


class GitLabProject:
    """The deployments of a project to one environment, or to all."""

    named = True

    def __init__(self, service: str, api: ForgeApi, project: str, environment: str | None) -> None:
        self.name = f"{service} {api.base}/projects/{project}"
        self._service, self._api, self._environment = service, api, environment
        self._path = f"/projects/{quote(project, safe='')}/deployments"

    async def read(self, now_at: float, since_at: float) -> PlaceRead:
        """Those that succeeded since then, and the newest that did not.

        Raises:
            SourceError: as the API's client, or MALFORMED.
        """
        # A whole day, so that the address, and with it the ETag, stays the same for one.
        since = datetime.fromtimestamp(since_at - since_at % DAY_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        finished = await self._list(status="success", order_by="finished_at", finished_after=since, per_page=FINISHED)
        others = await self._list(order_by="created_at", per_page=NEWEST)
        by_id = {each.id: each for each in (*finished, *others)}
        listed = sorted(by_id.values(), key=lambda each: each.id, reverse=True)
        deploys = [deploy_of(self._service, each, now_at) for each in listed if each.status in _STATUS]
        deploys = in_order(sorted(deploys, key=lambda each: each.at, reverse=True))
        cut = len(finished) == FINISHED
        return PlaceRead(deploys, since_at=min((each.at for each in deploys), default=None) if cut else None)

    async def _list(self, **query: str | int) -> tuple[Deployment, ...]:
        where = {"environment": self._environment} if self._environment else {}
        answer = await self._api.get(f"{self._path}?{urlencode({**query, **where, 'sort': 'desc'})}")
        return decoded(answer, tuple[Deployment, ...], self.name)


def deploy_of(service: str, found: Deployment, now_at: float) -> Deploy:
    """One deployment; a success's moment is that of its end, which came after its job was started."""
    job = found.deployable or Job()
    status = _STATUS[found.status]
    began_at = (job.started_at or found.created_at).timestamp()
    finished = job.finished_at or found.updated_at
    ended_at = finished.timestamp() if finished and status is not DeployStatus.STARTED else None
    at = ended_at if status is DeployStatus.SUCCEEDED and ended_at is not None else began_at
    words = [f"ref {found.ref}" if found.ref else "", f"job {job.name}" if job.name else ""]
    words.append("canceled" if found.status == "canceled" else "")
    return Deploy(
        id=f"{SOURCE}:{service}:{found.id}",
        at=at,
        at_end=ended_at if ended_at is None else max(at, ended_at),
        precision_s=max(1.0, at - began_at),
        service=told(service, 100) or "?",
        version=told(version_of(found.ref, found.sha), 100),
        who=told(found.user.username, 60) if found.user else None,
        source=SOURCE,
        kind=DeployKind.DEPLOY,
        status=status,
        env=told(found.environment.name, 60) if found.environment else None,
        url=told(job.pipeline.web_url, 300) if job.pipeline else None,
        detail=told("; ".join(word for word in words if word), 300),
        seen_at=now_at,
    )
