"""A history that can be looked at from any of its ticks."""

from __future__ import annotations

import msgspec

from perftui.history.history import History, Readings
from perftui.model.failure import Failed
from perftui.model.finding import Said, Verdict
from perftui.model.frame import Frame, Sample
from perftui.pipeline.loop import KEEP_TICKS, Judge, new_store
from perftui.pipeline.ring import FrameRing
from perftui.pipeline.snapshot import Snapshot
from perftui.sources import BY_NAME
from perftui.sources.kind import Part

LOOK_BACK_TICKS = 120
"""How far before a tick its sources' last two samples are searched: slow sources are sampled every few seconds."""
KEEP_VERDICTS = 100


def _meaning(verdict: Verdict) -> tuple[object, ...]:
    """What makes a verdict another one; its words change with every number in them."""
    return verdict.constraint, verdict.severity, verdict.chain, {each.finding for each in verdict.others}


class Timeline:
    """Frames pushed so far: the newest snapshot, and the snapshot of any tick still kept."""

    def __init__(self, judge: Judge, keep: int = KEEP_TICKS) -> None:
        self._judge = judge
        self._store = new_store(keep)
        self._ring = FrameRing(BY_NAME, keep)
        self._newest: History | None = None
        self._sampled: set[str] = set()
        self._verdicts: tuple[Said, ...] = ()

    def push(self, frame: Frame) -> None:
        """Take the next tick's frame."""
        self._ring.append(frame)
        self._sampled |= frame.samples.keys() & BY_NAME.keys()
        self._newest = self._store.push(frame)

    @property
    def empty(self) -> bool:
        return self._newest is None

    @property
    def first(self) -> int:
        """Index of the oldest tick that can be shown."""
        return max(self._ring.first, self._store.axis().first())

    @property
    def last(self) -> int:
        return self._ring.end - 1

    def at(self, index: int) -> float:
        """Wall clock of a tick."""
        return self._store.axis().at(index)

    def find(self, at: float) -> int:
        """The last tick that is not after `at`, the oldest one if all are."""
        return max(self.first, self._store.axis().find_wall(at, self._ring.end))

    def newest(self) -> Snapshot:
        """The snapshot of the newest tick."""
        assert self._newest is not None, "nothing was pushed yet"
        return self._noted(self._judge.snapshot(self._newest))

    def snapshot(self, index: int) -> Snapshot:
        """The snapshot of a tick between `first` and `last`, its readings derived again from the frames."""
        if index >= self.last:
            return self.newest()
        parts, failed = self._known_at(index)
        return self._noted(self._judge.snapshot(self._store.view(index + 1, parts, failed)))

    def _noted(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the verdicts up to its moment, of those ticks that were looked at; itself among them."""
        last = self._verdicts[-1] if self._verdicts else None
        if last is None or (snapshot.at > last.at and _meaning(snapshot.verdict) != _meaning(last.verdict)):
            self._verdicts = (*self._verdicts[1 - KEEP_VERDICTS :], Said(at=snapshot.at, verdict=snapshot.verdict))
        until = tuple(said for said in self._verdicts if said.at <= snapshot.at)
        return msgspec.structs.replace(snapshot, verdicts=until)

    def _known_at(self, index: int) -> tuple[dict[type[Part], Readings], dict[str, Failed]]:
        samples: dict[str, list[Sample]] = {}
        failed: dict[str, Failed] = {}
        for tick in range(index, max(self.first, index - LOOK_BACK_TICKS) - 1, -1):
            frame = self._ring.get(tick)
            for name, failure in frame.failed.items():
                if name not in samples:
                    failed.setdefault(name, failure)
            for name, sample in frame.samples.items():
                samples.setdefault(name, []).append(sample)
            if all(len(samples.get(name, ())) >= 2 for name in self._sampled):
                break
        parts: dict[type[Part], Readings] = {}
        for name, found in samples.items():
            kind = BY_NAME[name]
            part = kind.derive(found[1] if len(found) > 1 else None, found[0])
            parts[kind.part] = Readings(part=part, root=kind.root, mono=found[0].mono, stale_s=kind.stale_s)
        return parts, failed
