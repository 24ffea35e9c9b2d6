"""What the rest of the house knows about a source without knowing the source."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

import msgspec

from perftui.model.frame import Sample


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The readings one source gives: a piece of the tree below `root` (`host`, `postgres`, …)."""

    def extra_series(self) -> Iterable[tuple[str, float]]:
        """(name, value) of numbers in lists that are worth a history of their own; none unless a part says so."""
        return ()


class SourceKind(msgspec.Struct, frozen=True):
    """A kind of source: how its samples are stored and what readings two neighbours of them give.

    A root that is a map of NAME → record (`pools`, `probes`) is a mapping field of that name in a part whose root is empty.
    """

    name: str
    """Its key in a frame and in `sources.NAME` of a snapshot."""
    sample: type[Sample]
    part: type[Part]
    derive: Callable[[Any, Any], Part]
    """(previous sample or None, this sample) → readings. What needs two samples is None after the first."""
    root: str = "host"
    stale_s: float = 3.0
    """A sample older than this is stale: its readings are no longer given to rules."""


class Source(Protocol):
    """Something that is sampled: one async call, one sample."""

    name: str
    interval_s: float
    """How often it is due."""
    deadline_s: float
    """A call that lasts longer is told as `timed_out`."""

    async def sample(self) -> Sample:
        """Read once.

        Raises:
            SourceError: with the reason, in words for the operator.
        """
        ...


@runtime_checkable
class ReportsAll(Protocol):
    """A source that gives the leaders unless all are asked for."""

    wanted_all: bool
