"""All changes that are known, whoever told of them, and who could not be asked: `history.latest(DeploysPart)`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from perftui.history.history import History, Trend
from perftui.model.frame import Mark
from perftui.sources import KINDS
from perftui.sources.deploy import Deploy, DeploysRead, merged
from perftui.sources.kind import Part

_KINDS = [(kind.name, kind.part) for kind in KINDS if issubclass(kind.part, DeploysRead)]


class DeployPlaceState(msgspec.Struct, frozen=True, kw_only=True):
    """What one place tells of deploys, and since when. A place that can't be read is unknown, not without deploys."""

    source: str
    """file, packages, systemd, git, …: the source that looks there."""
    place: str
    """Path or address; empty while the source could not look at all."""
    since_at: float | None
    """Changes before this moment are not told; null where all that was ever written there is read."""
    unknown_since_at: float | None
    """Since when it can't be read, so that later changes may be missing; null while it is read."""
    trouble: str
    """Why it can't be read, or what in it was skipped, and what to do."""
    named: bool
    """The config names it; otherwise it was found here."""


class DeploysPart(Part, frozen=True, kw_only=True):
    """All that is known of changes here; none of it where no source of deploys was ever asked."""

    deploys: tuple[Deploy, ...]
    """Newest first, each change once, at most 50."""
    deploy_places: tuple[DeployPlaceState, ...]
    marks: tuple[Mark, ...] = ()
    """Moments that somebody named with `perftui mark`."""

    def between(self, start_at: float, end_at: float) -> tuple[Deploy, ...]:
        """Those that may have been going on at some moment of a window, newest first."""
        return tuple(
            deploy
            for deploy in self.deploys
            if deploy.at - deploy.precision_s <= end_at
            and (deploy.at_end or deploy.at) + deploy.precision_s >= start_at
        )

    def unknown(self) -> tuple[DeployPlaceState, ...]:
        """The places that can't be read now."""
        return tuple(place for place in self.deploy_places if place.unknown_since_at is not None)


def deploys(history: History) -> DeploysPart | None:
    """What all sources of deploys know together; one that fails keeps what it told before."""
    reads: list[DeploysRead] = []
    places: list[DeployPlaceState] = []
    for name, kind in _KINDS:
        state = history.sources.get(name)
        if state is None or state.state == "off":
            continue
        read = history.known(kind)
        assert read is None or isinstance(read, DeploysRead)
        if read is not None:
            reads.append(read)
        silent_at = None
        if state.state != "ok":
            silent_at = history.started_at if state.age_s is None else history.at - state.age_s
        places += _places(name, read, silent_at, state.detail)
    if not places and not reads:
        return None
    together = _LAST.together(reads)
    return DeploysPart(deploys=together[0], deploy_places=tuple(places), marks=together[1])


def _places(name: str, read: DeploysRead | None, silent_at: float | None, detail: str) -> list[DeployPlaceState]:
    """Of a source that gives nothing now, all places are unknown since its last answer."""
    states = [
        DeployPlaceState(
            source=name,
            place=place.name,
            since_at=place.since_at,
            unknown_since_at=place.unknown_since_at or silent_at,
            trouble=place.trouble or detail,
            named=place.named,
        )
        for place in (read.places if read else ())
    ]
    if states or silent_at is None:
        return states
    return [
        DeployPlaceState(source=name, place="", since_at=None, unknown_since_at=silent_at, trouble=detail, named=False)
    ]


Told = tuple[tuple[Deploy, ...], tuple[Mark, ...]]


class _Last:
    """The last answer, which holds until a source tells something else: most ticks bring nothing new."""

    def __init__(self) -> None:
        self._asked: tuple[Told, ...] = ()
        self._answer: Told = ((), ())

    def together(self, reads: Sequence[DeploysRead]) -> Told:
        """Each change and each mark once."""
        asked = tuple((read.deploys, read.marks) for read in reads)
        if asked != self._asked:
            marks = {(mark.at, mark.text): mark for read in reads for mark in read.marks}
            found = merged(deploy for read in reads for deploy in read.deploys)
            self._answer = found, tuple(sorted(marks.values(), key=lambda mark: mark.at))
            self._asked = asked
        return self._answer


_LAST = _Last()


TREND = Trend(part=DeploysPart, root="", read=deploys)
