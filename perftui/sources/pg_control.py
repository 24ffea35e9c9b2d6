"""Whether the second connection to Postgres stands, and how fast the server answers on it."""

from __future__ import annotations

from typing import Protocol

from perftui.model.failure import SourceError
from perftui.model.frame import Sample
from perftui.sources.files import Clock
from perftui.sources.kind import Part, SourceKind

CONNECTED_S, MISSING_S = 10.0, 1.0
"""How often it is looked at while it stands, and while it is missed."""


class Control(Protocol):
    async def ready(self) -> float: ...


class PgControlSample(Sample, frozen=True, kw_only=True):
    """Source: an empty statement on the connection that cancels, terminates and explains."""

    answer_s: float


class PgControlPart(Part, frozen=True, kw_only=True):
    control_answer_s: float
    """How long the server took to answer nothing on the second connection, which cancels, terminates and explains."""


class PgControlState:
    """Keeps the second connection and tells when it is refused."""

    name = "pg_control"
    deadline_s = 6.0

    def __init__(self, control: Control, clock: Clock) -> None:
        self.interval_s = MISSING_S
        self._control = control
        self._clock = clock

    async def sample(self) -> PgControlSample:
        """Ask once.

        Raises:
            SourceError: why there is no second connection.
        """
        try:
            answer_s = await self._control.ready()
        except SourceError:
            self.interval_s = MISSING_S
            raise
        self.interval_s = CONNECTED_S
        return PgControlSample(mono=self._clock.mono(), answer_s=answer_s)


def derive(previous: PgControlSample | None, current: PgControlSample) -> PgControlPart:
    """A reading of one sample."""
    return PgControlPart(control_answer_s=current.answer_s)


KIND = SourceKind(
    name="pg_control", sample=PgControlSample, part=PgControlPart, derive=derive, root="postgres", stale_s=30.0
)
