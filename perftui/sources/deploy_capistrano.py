"""Deploys by Capistrano 3: `revisions.log` in the directory it deploys to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from perftui.sources.deploy import Deploy, DeployKind, DeployStatus
from perftui.sources.deploy_places import LogFile, PlaceRead
from perftui.sources.deploy_text import told

SOURCE = "capistrano"
_DEPLOYED = re.compile(r"Branch (.+) \(at (\S+)\) deployed as release (\d{14}) by (.+)")
_ROLLED_BACK = re.compile(r"(.+) rolled back to release (\d{14})")


class Release(NamedTuple):
    """One line of the log."""

    release: str
    """Its name, which is the UTC second it was begun in."""
    revision: str | None
    """The commit; None for a rollback, whose line names the release alone."""
    who: str
    branch: str = ""


class CapistranoDirectory:
    """A directory that Capistrano deploys to."""

    named = True

    def __init__(self, service: str, log: LogFile, current: Callable[[], tuple[str, float] | None]) -> None:
        """Read nothing yet.

        Args:
            current: Where the link `current` points, and since when.
        """
        self.name = log.path
        self._service = service
        self._log = log
        self._current = current
        self._releases: list[Release] = []
        self._trouble = ""
        self._cut = False

    def read(self, now_at: float, since_at: float) -> PlaceRead:
        """The releases and rollbacks.

        Raises:
            SourceError: the log is not there or can't be read.
        """
        new = self._log.new(since_at)
        if new is not None:
            if new.anew:
                self._releases, self._trouble, self._cut = [], "", new.cut
            for number, line in new.lines:
                release = parse_release(line.decode("utf-8", "replace").strip())
                if release is not None:
                    self._releases.append(release)
                elif line.strip():
                    place = f"line {number}" if number is not None else "a line"
                    self._trouble = f"{place} tells of no release; it is skipped"
        last = self._last_at()
        deploys = capistrano_deploys(self._releases, self._service, last, now_at)
        since = min((deploy.at for deploy in deploys), default=now_at) if self._cut else None
        return PlaceRead(deploys, since_at=since, trouble=self._trouble)

    def _last_at(self) -> float:
        """When the log's last line was written: the link was made then, unless something else moved it since."""
        link = self._current()
        if link and self._releases and link[0].rstrip("/").endswith(self._releases[-1].release):
            return link[1]
        return self._log.changed_at()


def parse_release(line: str) -> Release | None:
    """`Branch main (at 1a2b3c4) deployed as release 20260211103712 by deploy`, `deploy rolled back to release …`."""
    if (deployed := _DEPLOYED.fullmatch(line)) and release_at(deployed[3]) is not None:
        return Release(deployed[3], deployed[2], deployed[4], deployed[1])
    if (back := _ROLLED_BACK.fullmatch(line)) and release_at(back[2]) is not None:
        return Release(back[2], None, back[1])
    return None


def release_at(release: str) -> float | None:
    """The moment in a release's name; None where it is none."""
    try:
        return datetime.strptime(release, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def capistrano_deploys(releases: list[Release], service: str, last_at: float, now_at: float) -> list[Deploy]:
    """The changes that the lines tell of.

    A rollback's line has no moment. The last one was written at `last_at`; the others lie somewhere between their neighbours.
    """
    revisions = {release.release: release.revision for release in releases if release.revision}
    found: list[Deploy] = []
    before: str | None = None
    for place, release in enumerate(releases):
        version = revisions.get(release.release, release.release)
        at, precision_s = _moment(releases, place, found[-1].at if found else None, last_at)
        found.append(
            Deploy(
                id=f"capistrano:{service}:{release.release}:{place if release.revision is None else ''}",
                at=at,
                precision_s=precision_s,
                service=service,
                version=told(version, 100),
                previous=told(before, 100),
                who=told(release.who, 60),
                source=SOURCE,
                kind=DeployKind.DEPLOY if release.revision else DeployKind.ROLLBACK,
                status=DeployStatus.SUCCEEDED,
                detail=told(f"{f'branch {release.branch}, ' if release.branch else ''}release {release.release}", 200),
                seen_at=now_at,
            )
        )
        before = version
    return found


def _moment(releases: list[Release], place: int, before_at: float | None, last_at: float) -> tuple[float, float]:
    """(wall clock, how far it may be off) of a line."""
    release = releases[place]
    if release.revision is not None:
        return release_at(release.release) or last_at, 1.0
    if place == len(releases) - 1:
        return last_at, 1.0
    after = next((release_at(each.release) for each in releases[place + 1 :] if each.revision is not None), None)
    latest = after or last_at
    earliest = min(before_at or release_at(release.release) or latest, latest)
    return (earliest + latest) / 2, max(1.0, (latest - earliest) / 2)
