"""Changes that somebody made to what runs here: one record for deploys, restarts and package runs, whoever told of them.

A source of deploys (a file, a package log, a cluster) gives `DeploysSample`s, and its part is a `DeploysRead` of its own.
All of them together are `history.deploys.DeploysPart`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from perftui.model.frame import Mark, Sample
from perftui.sources.kind import Part, SourceKind

MOST = 50
"""Changes that one source gives, and that are told in all: the newest."""
SAME_CHANGE_S = 600.0
"""Two sources that tell of the same version of a service within this time tell of one change."""
STALE_S = 35.0
ROOT = "deploys"


class DeployKind(StrEnum):
    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    RESTART = "restart"
    CONFIG = "config"
    PACKAGE = "package"
    SCALE = "scale"
    FLAG = "flag"


class DeployStatus(StrEnum):
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    UNKNOWN = "unknown"


_VERSION_MOVES = frozenset({DeployKind.DEPLOY, DeployKind.ROLLBACK})
_STATUS_RANK = {
    DeployStatus.UNKNOWN: 0,
    DeployStatus.STARTED: 1,
    DeployStatus.SUCCEEDED: 2,
    DeployStatus.FAILED: 3,
    DeployStatus.ROLLED_BACK: 4,
}


class Deploy(msgspec.Struct, frozen=True, kw_only=True):
    """One change, as a source told it or as several of them together tell it. None: the source does not say."""

    id: str
    """The same each time the same source tells of it."""
    at: float
    """When it began."""
    at_end: float | None = None
    """When it was complete."""
    precision_s: float
    """By how much `at` may be off, either way: 1 for a log's second, the interval for what was seen between two polls."""
    service: str
    """What was changed: a service, a package, a unit."""
    version: str | None = None
    """What runs there now."""
    previous: str | None = None
    """The version before."""
    who: str | None = None
    """The person or the program that did it."""
    source: str
    """Who told us: file, packages, systemd, git, kubernetes, github, or the name that a line of the file gives."""
    sources: tuple[str, ...] = ()
    """All who told of this change."""
    kind: DeployKind
    """deploy, rollback, restart, config, package, scale or flag."""
    status: DeployStatus = DeployStatus.UNKNOWN
    """started, succeeded, failed, rolled_back or unknown."""
    env: str | None = None
    """The environment: production, staging."""
    url: str | None = None
    """Where more can be read; without user names, passwords and tokens."""
    detail: str | None = None
    """What else is known, in words."""
    seen_at: float
    """When we first learned of it."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a source of deploys looks at (a file, a directory, a cluster), and how far it can be relied on."""

    name: str
    """Its path or address."""
    since_at: float | None = None
    """Changes before this moment are not told here; null where all that was ever written there is read."""
    unknown_since_at: float | None = None
    """Since when it can't be read, so that later changes may be missing; null while it is read."""
    trouble: str = ""
    """Why it can't be read, or what in it was skipped, and what to do."""
    named: bool = False
    """The config or an option names it; otherwise it was found here."""


class DeploysSample(Sample, frozen=True, kw_only=True):
    """What a source of deploys knows now: at most `MOST` changes, newest first."""

    deploys: tuple[Deploy, ...]
    places: tuple[Place, ...] = ()
    marks: tuple[Mark, ...] = ()
    """Moments that somebody named without a change; of the file only."""


class DeploysRead(Part, frozen=True, kw_only=True):
    """The changes one source knows. Each source has a type of its own."""

    deploys: tuple[Deploy, ...]
    places: tuple[Place, ...] = ()
    marks: tuple[Mark, ...] = ()


def deploy_kind(name: str, part: type[DeploysRead], stale_s: float = STALE_S) -> SourceKind:
    """The kind of a source of deploys."""

    def derive(previous: DeploysSample | None, current: DeploysSample) -> DeploysRead:
        return part(deploys=current.deploys, places=current.places, marks=current.marks)

    return SourceKind(name=name, sample=DeploysSample, part=part, derive=derive, root=ROOT, stale_s=stale_s)


def newest(deploys: Iterable[Deploy], since_at: float) -> tuple[Deploy, ...]:
    """At most `MOST` of them, newest first, none that ended before `since_at`."""
    kept = [deploy for deploy in deploys if (deploy.at_end or deploy.at) >= since_at]
    return _newest_first(kept)


def _newest_first(oldest_first: Sequence[Deploy]) -> tuple[Deploy, ...]:
    """At most `MOST`; of two in the same second the later one comes first: what was checked out last is what runs."""
    return tuple(sorted(oldest_first, key=lambda deploy: deploy.at))[::-1][:MOST]


def merged(deploys: Iterable[Deploy]) -> tuple[Deploy, ...]:
    """One record for each change, newest first as each source gives them, naming all sources that told of it.

    Two records are one change where service and version are the same and their moments lie within `SAME_CHANGE_S`, unless
    the service had another version in between, or one source told of two of them as complete.
    """
    by_service: dict[str, list[list[Deploy]]] = {}
    told = [*deploys]
    told.reverse()
    for deploy in sorted(told, key=lambda each: each.at):
        changes = by_service.setdefault(deploy.service.lower(), [])
        change = _same_change(deploy, changes)
        if change is None:
            changes.append([deploy])
        else:
            change.append(deploy)
    found = [_as_one(change) for changes in by_service.values() for change in changes]
    return _newest_first(found)


def _same_change(deploy: Deploy, changes: Sequence[list[Deploy]]) -> list[Deploy] | None:
    for change in reversed(changes):
        last = change[-1]
        if deploy.at - last.at >= SAME_CHANGE_S:
            return None
        if all(_agree(deploy, other) for other in change):
            return change
        if deploy.kind in _VERSION_MOVES and last.kind in _VERSION_MOVES and not _same_version(deploy, last):
            return None
    return None


def _agree(deploy: Deploy, earlier: Deploy) -> bool:
    """Whether the later record may tell of the same change as the earlier one."""
    if deploy.source == earlier.source and deploy.id == earlier.id:
        return True
    same_kind = deploy.kind == earlier.kind or {deploy.kind, earlier.kind} <= _VERSION_MOVES
    goes_on = earlier.status is DeployStatus.STARTED and deploy.status is not DeployStatus.STARTED
    return same_kind and _same_version(deploy, earlier) and (deploy.source != earlier.source or goes_on)


def _same_version(one: Deploy, other: Deploy) -> bool:
    """`v2.8.1` and `2.8.1` are the same, and so are a commit's short and its full hash. What is not known is like nothing."""
    if not one.version or not other.version:
        return False
    short, long = sorted((one.version.lower().removeprefix("v"), other.version.lower().removeprefix("v")), key=len)
    return short == long or (len(short) >= 7 and _is_hash(long) and long.startswith(short))


def _is_hash(version: str) -> bool:
    return len(version) in (40, 64) and all(sign in "0123456789abcdef" for sign in version)


def _as_one(change: Sequence[Deploy]) -> Deploy:
    """What all records of a change tell together; where they differ, the most precise one and then the first is right."""
    first = min(change, key=lambda deploy: deploy.precision_s)
    if len(change) == 1:
        return msgspec.structs.replace(first, sources=first.sources or (first.source,))
    started = [deploy.at for deploy in change if deploy.status is DeployStatus.STARTED]
    ends = [deploy.at_end for deploy in change if deploy.at_end is not None]
    if started:
        ends += [each.at for each in change if _STATUS_RANK[each.status] > 1 and each.at > started[0]]
    kinds = {deploy.kind for deploy in change}
    return msgspec.structs.replace(
        first,
        at_end=max(ends, default=None),
        previous=_first_known([first.previous, *(deploy.previous for deploy in change)]),
        version=_first_known([first.version, *(deploy.version for deploy in change)]),
        who=_first_known([first.who, *(deploy.who for deploy in change)]),
        env=_first_known([first.env, *(deploy.env for deploy in change)]),
        url=_first_known([first.url, *(deploy.url for deploy in change)]),
        sources=tuple(dict.fromkeys(deploy.source for deploy in change)),
        kind=DeployKind.ROLLBACK if DeployKind.ROLLBACK in kinds else first.kind,
        status=max((deploy.status for deploy in change), key=_STATUS_RANK.__getitem__),
        detail=" · ".join(dict.fromkeys(deploy.detail for deploy in change if deploy.detail)) or None,
        seen_at=min(deploy.seen_at for deploy in change),
    )


def _first_known(values: Sequence[str | None]) -> str | None:
    return next((value for value in values if value), None)
