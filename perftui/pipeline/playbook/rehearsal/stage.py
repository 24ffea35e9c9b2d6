"""The readings of a fixture as a history that grows with its clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any, cast

import msgspec

from perftui.history.deploys import DeployPlaceState, DeploysPart
from perftui.history.history import History, HistoryStore
from perftui.history.trends import TRENDS
from perftui.model.frame import Frame, Machine, Sample
from perftui.pipeline.loop import KEEP_TICKS, Judge
from perftui.pipeline.playbook.board import SnapshotBoard
from perftui.playbooks.course import Value, parts_of
from perftui.playbooks.fixture import Deployed, Fixture
from perftui.sources import KINDS
from perftui.sources.deploy import Deploy, DeployKind
from perftui.sources.kind import Part, SourceKind

STARTED_AT = 1_770_806_340.0
"""Wall clock of a run without a tape: 2026-02-11T10:39:00Z, so that each replay is as the last."""
STARTED_MONO = 10_000.0
BEFORE_S = 120.0
"""So long the readings are watched before the run starts, unless a course begins earlier."""
_PLACE = DeployPlaceState(
    source="fixture", place="fixture", since_at=None, unknown_since_at=None, trouble="", named=True
)
"""Known, so that no deploys means that there were none."""
_TOLD, _DEPLOYS = "told", "told_deploys"


class _ToldSample(Sample, frozen=True, kw_only=True):
    values: dict[str, Value]


class _DeploysSample(Sample, frozen=True, kw_only=True):
    deploys: tuple[Deploy, ...]


class Stage:
    """Puts a snapshot on the board at every tick.

    Args:
        frames: of a tape; their samples and the told readings together make the ticks.
    """

    def __init__(self, fixture: Fixture, board: SnapshotBoard, frames: Iterable[Frame] = ()) -> None:
        self._fixture, self._board = fixture, board
        self._frames: Iterator[Frame] = iter(frames)
        self._ahead: Frame | None = next(self._frames, None)
        self._first = self._ahead
        self._names = {name: parts_of(name) for name in fixture.readings}
        self._store = HistoryStore((*KINDS, *self._kinds()), trends=TRENDS, keep=KEEP_TICKS)
        machine = Machine(hostname="fixture", system="Linux", cores=8, memory_bytes=None)
        self._judge = Judge(machine) if self._first else Judge(machine, rules=())
        self._seq = count()
        self.ended: dict[str, float] = {}
        """When a step ended, by its path and by its id: seconds from the run's start."""

    @property
    def started_at(self) -> float:
        """Wall clock of the run's start."""
        return self._first.at + self._fixture.tape_from_s if self._first else STARTED_AT

    @property
    def started_mono(self) -> float:
        return self._first.mono + self._fixture.tape_from_s if self._first else STARTED_MONO

    def rise(self) -> None:
        """Everything that was read before the run."""
        if self._first is not None:
            while self._ahead is not None and self._ahead.mono < self.started_mono:
                self._push(self._ahead.mono - self.started_mono, self._next_frame())
            return
        every = self._fixture.every_s
        earliest = max(BEFORE_S, *(-course.begins_s for course in self._fixture.readings.values()), 0.0)
        for ticks in range(-int(earliest // every), 0):
            self._push(ticks * every, None)

    async def go_on(self) -> None:
        """One tick after the other, for as long as the run lasts."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            if self._first is None:
                self._push(clock() - began, None)
                await asyncio.sleep(self._fixture.every_s)
            elif self._ahead is None:
                return
            else:
                await asyncio.sleep(self._ahead.mono - self.started_mono - (clock() - began))
                self._push(self._ahead.mono - self.started_mono, self._next_frame())

    def _next_frame(self) -> Frame:
        frame, self._ahead = self._ahead, next(self._frames, None)
        assert frame is not None
        return frame

    def _push(self, seconds: float, frame: Frame | None) -> None:
        mono = self.started_mono + seconds
        values = {name: course.at(seconds, self.ended.get) for name, course in self._fixture.readings.items()}
        samples: dict[str, Sample] = dict(frame.samples) if frame else {}
        samples[_TOLD] = _ToldSample(mono=mono, values=values)
        if self._fixture.deploys is not None:
            samples[_DEPLOYS] = _DeploysSample(mono=mono, deploys=self._deploys(seconds))
        failed = frame.failed if frame else {}
        told = Frame(seq=next(self._seq), at=self.started_at + seconds, mono=mono, samples=samples, failed=failed)
        history: History = self._store.push(told)
        if seconds >= 0 or frame is not None or self._fixture.every_s > -seconds:
            self._board.put(self._judge.snapshot(history))

    def _deploys(self, seconds: float) -> tuple[Deploy, ...]:
        known = [(self._seconds(each), each) for each in self._fixture.deploys or ()]
        begun = sorted(
            ((at, each) for at, each in known if at is not None and at <= seconds), key=lambda pair: -pair[0]
        )
        return tuple(
            Deploy(
                id=f"{each.service}-{each.version}",
                at=self.started_at + at,
                precision_s=1.0,
                service=each.service,
                version=each.version,
                source="fixture",
                kind=DeployKind.DEPLOY,
                seen_at=self.started_at + at,
            )
            for at, each in begun
        )

    def _seconds(self, deployed: Deployed) -> float | None:
        base = self.ended.get(deployed.at.step) if deployed.at.step else 0.0
        return None if base is None else base + deployed.at.seconds

    def _kinds(self) -> Iterator[SourceKind]:
        names = self._names
        roots = sorted({parts[0] for parts in names.values()})
        made = msgspec.defstruct(
            "ToldPart", [(root, dict[str, Any], {}) for root in roots], bases=(_Told,), frozen=True, kw_only=True
        )

        record = cast("type[_Told]", made)

        def derive(previous: _ToldSample | None, sample: _ToldSample) -> Part:
            tree: dict[str, Any] = {root: {} for root in roots}
            for name, value in sample.values.items():
                *above, last = names[name]
                inner = tree
                for part in above:
                    inner = inner.setdefault(part, {})
                inner[last] = value
            numbers = [
                (".".join(names[name]), float("nan") if value is None else float(value))
                for name, value in sample.values.items()
                if not isinstance(value, str)
            ]
            return record(numbers=numbers, **tree)

        yield SourceKind(_TOLD, _ToldSample, record, derive, "", stale_s=60.0)

        def changes(previous: _DeploysSample | None, sample: _DeploysSample) -> Part:
            return DeploysPart(deploys=sample.deploys, deploy_places=(_PLACE,))

        yield SourceKind(_DEPLOYS, _DeploysSample, DeploysPart, changes, "", stale_s=60.0)


class _Told(Part, frozen=True, kw_only=True):
    """Readings by name, below the roots of the tree; a field for each root is added for each fixture."""

    numbers: list[tuple[str, float]]

    def extra_series(self) -> Iterable[tuple[str, float]]:
        return self.numbers
