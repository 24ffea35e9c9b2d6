"""What the sources of deploys on this host share: places that are read one after the other, each failing by itself."""

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
        self._horizon_s = days * DAY_S
        self._known: dict[str, PlaceRead] = {}
        self._read_at: dict[str, float] = {}
        self._seen: dict[str, float] = {}

    async def sample(self) -> DeploysSample:
        """Look at all places. One that can't be read keeps what it told before and is unknown from then on.

        Raises:
            SourceError: none of them can be read: the first one's reason.
        """
        return await self._worker.run(self._read)

    def _read(self) -> DeploysSample:
        now_at, mono = self._clock.wall(), self._clock.mono()
        since_at = now_at - self._horizon_s
        told, failures = [], []
        for place in self._places:
            unknown_since_at = None
            try:
                read = self._known[place.name] = place.read(now_at, since_at)
                self._read_at[place.name] = now_at
            except SourceError as exc:
                failures.append(exc)
                unknown_since_at = self._read_at.setdefault(place.name, now_at)
                read = self._known.get(place.name, PlaceRead(()))._replace(trouble=exc.detail)
            told.append(
                Place(
                    name=place.name,
                    since_at=read.since_at,
                    unknown_since_at=unknown_since_at,
                    trouble=read.trouble,
                    named=place.named,
                )
            )
        if failures and len(failures) == len(self._places):
            raise failures[0]
        return DeploysSample(
            mono=mono,
            deploys=self._as_first_seen(newest((d for read in self._known.values() for d in read.deploys), since_at)),
            places=tuple(told),
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
