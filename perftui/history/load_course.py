"""A load test as it is read from a tape: blocks of 10 s from samples whose windows do not overlap, and what is missing in it."""

from __future__ import annotations

from collections.abc import Iterator

from perftui.history.history import History
from perftui.history.load_block import Block
from perftui.history.load_phase import LoadPhasePart
from perftui.history.load_whole import Ended
from perftui.history.words import counted
from perftui.model.frame import Frame
from perftui.sources.load import EARLY_S, NAME, SILENT_S, WINDOW_S, LoadPart, LoadSample

GROWING = (
    "host.memory.classes.anonymous_bytes",
    "host.file_handles.open",
    "postgres.connections.used",
    "pool.in_use",
)
"""What must not grow in steady state (S002 35.3.4, endurance)."""
PEAKS = (
    "host.cpu.busy_ratio",
    "host.cpu.iowait_ratio",
    "host.memory.used_ratio",
    "host.swap.in_bytes_per_s",
    "postgres.connections.used",
    "postgres.connections.utilization_ratio",
    "postgres.locks.waiting",
    "postgres.transactions_per_s",
    "pool.in_use",
    "pool.utilization_ratio",
    "pool.waiting",
)
"""How far each resource went (S002 35.6.2)."""
HIGHEST = (
    ("host.disks.", (".utilization_ratio", ".reads_per_s", ".writes_per_s", ".await_s")),
    ("host.network.", (".receive_bytes_per_s", ".transmit_bytes_per_s")),
)
"""Of these the highest of all devices counts."""
_LOST_S = 3.0
"""A tape whose next frame is later has a hole."""


class LoadCourse:
    """Takes the frames of a tape, with the history after each."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.tool = self.feed = ""
        self.ended = Ended()
        self._newest: LoadSample | None = None
        self._taken_mono: float | None = None
        self._users: list[float] = []
        self._mono: float | None = None
        self._holes_s = 0.0
        self._holes = 0
        self._silent = 0

    def take(self, frame: Frame, history: History) -> None:
        """One tick; what has no load in it, or a feed that tells nothing, is a gap."""
        self._look_for_hole(frame)
        sample, part = frame.samples.get(NAME), history.latest(LoadPart)
        if not isinstance(sample, LoadSample) or part is None or sample.age_s is None:
            return
        self.ended.take(sample)
        self._newest = sample
        self.tool, self.feed = sample.tool, sample.feed
        self._silent += sample.age_s > SILENT_S
        if self._taken_mono is None:
            self._taken_mono = sample.mono
        if part.users is not None:
            self._users.append(part.users)
        if sample.mono - self._taken_mono >= WINDOW_S - EARLY_S:
            self._taken_mono = sample.mono
            self._add(frame.at, sample, part, history)
            self._users = []

    def _look_for_hole(self, frame: Frame) -> None:
        passed_s = frame.mono - self._mono if self._mono is not None else 0.0
        self._mono = frame.mono
        if passed_s > _LOST_S:
            self._holes += 1
            self._holes_s += passed_s
            self._users = []
        elif passed_s < 0:  # the machine was started again between two tapes
            self._taken_mono, self._users = None, []

    def _add(self, at: float, sample: LoadSample, part: LoadPart, history: History) -> None:
        if part.requests_per_s is None:
            return
        phase, users = history.latest(LoadPhasePart), self._users
        self.blocks.append(
            Block(
                at=at,
                users=sum(users) / len(users) if users else None,
                moved=max(users) - min(users) if users else 0.0,
                requests_per_s=part.requests_per_s,
                mean_s=part.mean_s if sample.told is None else history.window("load.mean_s", WINDOW_S).mean,
                p95_s=part.p95_s,
                error_ratio=part.error_ratio,
                phase=phase.phase if phase else None,
                buckets=sample.window,
                readings=dict(_readings(history)),
            )
        )

    def missing(self) -> Iterator[str]:
        """What of the test is not known, in words."""
        newest = self._newest
        if newest is None:
            return
        if self._holes:
            yield f"the tape has {counted(self._holes, 'hole')}, {self._holes_s:.0f} s together"
        if self._silent:
            yield f"the feed told nothing at {counted(self._silent, 'tick')}: rates of then are not known"
        if newest.left_out_bytes:
            yield f"{newest.left_out_bytes:,} bytes of the feed are older than our watch and not in any number"
        if newest.skipped_total:
            yield f"{counted(newest.skipped_total, 'line')} of the feed could not be read: {newest.trouble}"
        if newest.told is not None:
            yield f"{newest.tool} tells percentiles of its own, which can't be merged: of the whole none are told"
        if all(block.users is None for block in self.blocks):
            yield "the feed tells no users"


def _readings(history: History) -> Iterator[tuple[str, float]]:
    for name in (*GROWING, *PEAKS):
        mean = history.window(name, WINDOW_S).mean
        if mean is not None:
            yield name, mean
    names = history.names()
    for before, ends in HIGHEST:
        for end in ends:
            told = [
                mean
                for name in names
                if name.startswith(before)
                and name.endswith(end)
                and name != f"{before}lo{end}"
                and (mean := history.window(name, WINDOW_S).mean) is not None
            ]
            if told:
                yield f"{before}*{end}", max(told)
