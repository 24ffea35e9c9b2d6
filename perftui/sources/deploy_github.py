"""Deploys that GitHub knows of: the deployments of a repository and their statuses.

Source: REST API 2022-11-28, `GET /repos/OWNER/REPO/deployments` and `…/deployments/ID/statuses`; GitHub Enterprise Server
has the same. A deployment's `created_at` is the request: what ran when is told by the status `success`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

import msgspec

from perftui.sources.deploy import Deploy, DeployKind, DeployStatus
from perftui.sources.deploy_places import PlaceRead
from perftui.sources.deploy_text import told
from perftui.sources.forges import ForgeApi, decoded, in_order, version_of

SOURCE = "github"
PUBLIC = "https://api.github.com"
RIGHTS = "read access to deployments"
LISTED = 30
"""The newest deployments of an environment; statuses are asked for once for each that has ended."""
_FINAL = frozenset({"success", "failure", "error", "inactive"})


class Person(msgspec.Struct, frozen=True):
    login: str = ""


class Deployment(msgspec.Struct, frozen=True):
    """As the API has it, the fields that count."""

    id: int
    created_at: datetime
    sha: str = ""
    ref: str = ""
    task: str = ""
    environment: str = ""
    description: str | None = None
    creator: Person | None = None


class Status(msgspec.Struct, frozen=True):
    """What became of it at one moment."""

    state: str
    created_at: datetime
    log_url: str = ""
    target_url: str = ""
    description: str | None = None


class GitHubRepository:
    """The deployments of a repository to one environment, or to all."""

    named = True

    def __init__(self, service: str, api: ForgeApi, repo: str, environment: str | None) -> None:
        self.name = f"{service} {api.base}/repos/{repo}"
        self._service, self._api, self._environment = service, api, environment
        self._path = f"/repos/{quote(repo)}/deployments"
        self._ended: dict[int, tuple[Status, ...]] = {}

    async def read(self, now_at: float, since_at: float) -> PlaceRead:
        """The newest deployments.

        Raises:
            SourceError: as the API's client, or MALFORMED.
        """
        query = {"per_page": LISTED, **({"environment": self._environment} if self._environment else {})}
        answer = await self._api.get(f"{self._path}?{urlencode(query)}")
        listed = [
            each
            for each in decoded(answer, tuple[Deployment, ...], self.name)[:LISTED]
            if each.created_at.timestamp() >= since_at
        ]
        ended = {each.id: self._ended[each.id] for each in listed if each.id in self._ended}
        deploys = []
        for each in listed:
            statuses = ended.get(each.id)
            if statuses is None:
                answer = await self._api.get(f"{self._path}/{each.id}/statuses?per_page=30")
                statuses = decoded(answer, tuple[Status, ...], self.name)[:30]
                if any(status.state in _FINAL for status in statuses):
                    ended[each.id] = statuses
            deploys.append(deploy_of(self._service, each, statuses, now_at))
        self._ended = ended
        return PlaceRead(
            in_order(deploys),
            since_at=min((each.at for each in deploys), default=None) if len(listed) == LISTED else None,
        )


def deploy_of(service: str, found: Deployment, statuses: Sequence[Status], now_at: float) -> Deploy:
    """One deployment with what became of it; its moment is that of its success, which came after it was begun."""
    by_time = sorted(statuses, key=lambda each: each.created_at)
    requested_at = found.created_at.timestamp()
    began_at = next((each.created_at.timestamp() for each in by_time if each.state == "in_progress"), requested_at)
    success = next((each for each in by_time if each.state in ("success", "inactive")), None)
    failure = next((each for each in by_time if each.state in ("failure", "error")), None)
    last = success or failure
    ended_at = last.created_at.timestamp() if last else None
    at = ended_at if success and ended_at is not None else began_at
    status = DeployStatus.SUCCEEDED if success else DeployStatus.FAILED if failure else DeployStatus.STARTED
    newest = by_time[-1] if by_time else None
    words = [
        f"ref {found.ref}" if found.ref else "",
        f"task {found.task}" if found.task not in ("", "deploy") else "",
        found.description or "",
        (newest.description or newest.state if newest else "") if status is not DeployStatus.SUCCEEDED else "",
    ]
    return Deploy(
        id=f"{SOURCE}:{service}:{found.id}",
        at=at,
        at_end=ended_at,
        precision_s=max(1.0, at - began_at),
        service=told(service, 100) or "?",
        version=told(version_of(found.ref, found.sha), 100),
        who=told(found.creator.login, 60) if found.creator else None,
        source=SOURCE,
        kind=DeployKind.ROLLBACK if "rollback" in found.task.lower() else DeployKind.DEPLOY,
        status=status if statuses else DeployStatus.UNKNOWN,
        env=told(found.environment, 60),
        url=told((newest.log_url or newest.target_url) if newest else None, 300),
        detail=told("; ".join(word for word in words if word), 300),
        seen_at=now_at,
    )
