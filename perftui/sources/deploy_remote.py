"""Deploys told by a server: a cluster's namespaces, a forge's repositories, each a place of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from perftui.model.failure import SourceError
from perftui.sources.deploy import DeploysSample
from perftui.sources.deploy_places import DAY_S, KnownPlaces, PlaceRead
from perftui.sources.files import Clock

AT_ONCE = 4
"""Places of a source that are asked at the same time."""


class RemotePlace(Protocol):
    """One place on a server."""

    name: str
    """Its address, without secrets."""
    named: bool
    """The config names it."""

    async def read(self, now_at: float, since_at: float) -> PlaceRead:
        """All changes known there, those before `since_at` left out.

        Raises:
            SourceError: it can't be read now.
        """
        ...


class RemoteDeploys:
    """A source of deploys that asks servers."""

    def __init__(
        self,
        name: str,
        places: Sequence[RemotePlace],
        clock: Clock,
        *,
        interval_s: float,
        deadline_s: float,
        days: float = 7.0,
    ) -> None:
        self.name = name
        self.interval_s = interval_s
        self.deadline_s = deadline_s
        self._places = places
        self._clock = clock
        self._known = KnownPlaces(days * DAY_S)

    async def sample(self) -> DeploysSample:
        """Ask all places. One that can't be read keeps what it told before and is unknown from then on.

        Raises:
            SourceError: none of them can be read: the first one's reason.
        """
        now_at = self._clock.wall()
        since_at = self._known.since_at(now_at)
        turns = asyncio.Semaphore(AT_ONCE)

        async def told(place: RemotePlace) -> PlaceRead | SourceError:
            async with turns:
                try:
                    return await place.read(now_at, since_at)
                except SourceError as exc:
                    return exc

        for place, read in zip(self._places, await asyncio.gather(*map(told, self._places)), strict=True):
            if isinstance(read, SourceError):
                self._known.failed(place, read, now_at)
            else:
                self._known.read(place, read, now_at)
        return self._known.sample(self._clock.mono(), now_at)
