"""What sources of deploys share: places that are read one after the other, each failing by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from perftui.model.failure import SourceError
from perftui.model.frame import Mark
from perftui.model.lines import NewLines
from perftui.sources.deploy import Deploy, DeploysSample, Place, newest
from perftui.sources.files import Clock, Worker

DAY_S = 86400.0


class LogFile(Protocol):
    """A log that is read a piece at a time; raises SourceError."""

    path: str

    def new(self, since_at: float) -> NewLines | None: ...
    def changed_at(self) -> float: ...


class PlaceRead(NamedTuple):
    """All that one place tells now."""

    deploys: Sequence[Deploy]
    since_at: float | None = None
    """Changes before this moment are not known; None where all that was ever written there is read."""
    trouble: str = ""
    """What was skipped, and why."""
    marks: Sequence[Mark] = ()
    unread: str = ""
    """Why a part of it can't be read, so that changes may be missing."""


class DeployPlace(Protocol):
    """One file or directory that tells of changes."""

    name: str
    """Its path."""
    named: bool
    """The config names it."""

    def read(self, now_at: float, since_at: float) -> PlaceRead:
        """All changes known there, those before `since_at` left out. Blocks.

        Raises:
            SourceError: it can't be read now.
        """
        ...


class Named(Protocol):
    """A place, whoever reads it."""

    name: str
    named: bool


class KnownPlaces:
    """What the places of one source told last, and since when one of them can't be read."""

    def __init__(self, horizon_s: float) -> None:
        self._horizon_s = horizon_s
        self._known: dict[str, PlaceRead] = {}
        self._read_at: dict[str, float] = {}
        self._seen: dict[str, float] = {}
        self._places: list[Place] = []
        self._failures: list[SourceError] = []

    def since_at(self, now_at: float) -> float:
        """How far back changes are told."""
        return now_at - self._horizon_s

    def read(self, place: Named, read: PlaceRead, now_at: float) -> None:
        """It told this now."""
        self._known[place.name] = read
        if not read.unread:
            self._read_at[place.name] = now_at
        self._tell(place, read, now_at, read.unread)

    def failed(self, place: Named, exc: SourceError, now_at: float) -> None:
        """It can't be read now: it keeps what it told before."""
        self._failures.append(exc)
        self._tell(place, self._known.get(place.name, PlaceRead(())), now_at, exc.detail)

    def _tell(self, place: Named, read: PlaceRead, now_at: float, unread: str) -> None:
        self._places.append(
            Place(
                name=place.name,
                since_at=read.since_at,
                unknown_since_at=self._read_at.setdefault(place.name, now_at) if unread else None,
                trouble=unread or read.trouble,
                named=place.named,
            )
        )

    def sample(self, mono: float, now_at: float) -> DeploysSample:
        """All that was told since the last sample.

        Raises:
            SourceError: no place could be read: the first one's reason.
        """
        places, failures = self._places, self._failures
        self._places, self._failures = [], []
        if failures and len(failures) == len(places):
            raise failures[0]
        since_at = self.since_at(now_at)
        return DeploysSample(
            mono=mono,
            deploys=self._as_first_seen(newest((d for read in self._known.values() for d in read.deploys), since_at)),
            places=tuple(places),
            marks=tuple(mark for read in self._known.values() for mark in read.marks if mark.at >= since_at),
        )

    def _as_first_seen(self, deploys: Sequence[Deploy]) -> tuple[Deploy, ...]:
        """Each with the moment it was first seen: places read their logs anew after a rotation."""
        self._seen = {deploy.id: self._seen.get(deploy.id, deploy.seen_at) for deploy in deploys}
        return tuple(
            deploy
            if deploy.seen_at == self._seen[deploy.id]
            else msgspec.structs.replace(deploy, seen_at=self._seen[deploy.id])
            for deploy in deploys
        )


class DeployPlaces:
    """A source of deploys that looks at places of this host, in a worker."""

    deadline_s = 5.0

    def __init__(
        self,
        name: str,
        places: Sequence[DeployPlace],
        clock: Clock,
        worker: Worker,
        *,
        interval_s: float = 10.0,
        days: float = 7.0,
    ) -> None:
        self.name = name
        self.interval_s = interval_s
        self._places = places
        self._clock = clock
        self._worker = worker
        self._known = KnownPlaces(days * DAY_S)

    async def sample(self) -> DeploysSample:
        """Look at all places. One that can't be read keeps what it told before and is unknown from then on.

        Raises:
            SourceError: none of them can be read: the first one's reason.
        """
        return await self._worker.run(self._read)

    def _read(self) -> DeploysSample:
        now_at, mono = self._clock.wall(), self._clock.mono()
        since_at = self._known.since_at(now_at)
        for place in self._places:
            try:
                self._known.read(place, place.read(now_at, since_at), now_at)
            except SourceError as exc:
                self._known.failed(place, exc, now_at)
        return self._known.sample(mono, now_at)
