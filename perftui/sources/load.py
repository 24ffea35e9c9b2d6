"""The load test that is being watched: what its generator measured, as mergeable histograms of what arrived.

Load stands on arrival time, as all else does on this host's clock; how far the generator's own clock is off is measured.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol

from perftui.model.failure import FailureKind, SourceError
from perftui.model.frame import Sample
from perftui.model.histogram import Buckets, buckets_of, mean, merged, percentiles
from perftui.sources.files import Clock, Worker
from perftui.sources.kind import Part, SourceKind
from perftui.sources.load_format import Batch, Format, Told, moment
from perftui.sources.load_formats import not_a_stream, recognised

NAME = "load"
WINDOW_S = 10.0
"""Ours: rates and percentiles are those of the last 10 s, as Locust's own; at 2 requests a second a P95 exists."""
MIN_FOR_P95 = 20
"""With fewer results the highest one would be the P95."""
MIN_FOR_P99 = 100
EARLY_S = 0.25
"""Ticks come a little early or late; with it a window holds those of ten whole seconds, and the next one none of them."""
SILENT_S = 5.0
"""A feed that gave nothing for so long tells nothing of now: Locust and JMeter may hold results back for that long."""
LOOK_BYTES = 32 << 20
"""Read with one look; more waits for the next one and is told as `behind`."""
FORMATS = "k6's JSON or CSV, JMeter's JTL with its header, Locust's stats_history.csv, or JSONL with latency_ms"


class LoadSample(Sample, frozen=True, kw_only=True, omit_defaults=True):
    """Source: the generator's output, see `load_formats.py`, or its HTTP interface (`load_locust.py`)."""

    tool: str
    feed: str
    """The file or address, without what may be secret."""
    users: float | None = None
    phase: str | None = None
    """As the generator names it."""
    results_total: int = 0
    failures_total: int = 0
    window: Buckets = {}
    """Times of the results that arrived within the last 10 s."""
    window_failures: int = 0
    window_s: float = 0.0
    """How much of the 10 s we were there."""
    told: Told | None = None
    age_s: float | None = None
    """Since something came; None when nothing has."""
    offset_s: float | None = None
    skipped_total: int = 0
    trouble: str = ""
    behind_bytes: int = 0
    left_out_bytes: int = 0


class LoadPart(Part, frozen=True, kw_only=True):
    """The load test being watched, over the last 10 seconds."""

    tool: str
    """k6, locust, jmeter or jsonl."""
    feed: str
    """Where it is read from."""
    users: float | None
    """Virtual users or threads at work; null where the feed tells none."""
    told_phase: str | None
    """The phase as the feed names it, in its own words."""
    requests_per_s: float | None
    """Requests that ended, a second, over 10 s; null while the feed is silent, which is not 0."""
    error_ratio: float | None
    """Share of the requests within 10 s that failed."""
    mean_s: float | None
    """Mean time of the requests within 10 s (Locust: since the last look), for Little's law; how long a user waits is told by
    percentiles."""
    p50_s: float | None
    """Median of the requests within 10 s."""
    p95_s: float | None
    """95 of 100 requests within 10 s were faster; null with fewer than 20 of them."""
    p99_s: float | None
    """99 of 100 requests within 10 s were faster; null with fewer than 100 of them."""
    results_total: int
    """Requests that ended since we watch; Locust's since its own start."""
    failures_total: int
    """Those of them that failed."""
    age_s: float | None
    """Since the feed gave something; null when it gave nothing yet."""
    offset_s: float | None
    """The generator's clock minus this host's, as measured at the result that was least under way; null where it is not told."""
    skipped_total: int
    """Lines that could not be read and are not counted."""
    trouble: str
    """Why the last of them was skipped, or what the feed does not tell."""
    behind_bytes: int
    """Written by the generator and not read yet."""
    left_out_bytes: int
    """Of the feed as it was when our watch began; they are not part of any number."""


class Piece(Protocol):
    """What a tail gives (`clients/tail.py`)."""

    @property
    def text(self) -> bytes: ...
    @property
    def anew(self) -> bool: ...
    @property
    def behind_bytes(self) -> int: ...


class Tail(Protocol):
    """Reads what a generator writes; blocking, raises SourceError."""

    left_out_bytes: int

    def read(self) -> Piece: ...
    def head(self) -> bytes: ...


class _Arrived(NamedTuple):
    """What came with one look."""

    mono: float
    buckets: Buckets
    failures: int


class LoadFeed:
    """Results of a file, FIFO or standard input, read in a thread once a second."""

    name = NAME
    interval_s = 1.0
    deadline_s = 2.0

    def __init__(self, tail: Tail, feed: str, clock: Clock, worker: Worker, named: str | None = None) -> None:
        """Read nothing yet.

        Args:
            named: the format, where it shall not be told by its first line.
        """
        self._tail, self._feed, self._clock, self._worker, self._named = tail, feed, clock, worker, named
        self._format: Format | None = None
        self._arrived: deque[_Arrived] = deque()
        self._began: float | None = None
        self._results = self._failures = self._skipped = 0
        self._heard: float | None = None
        self._offsets: deque[tuple[float, float]] = deque(maxlen=60)

    async def sample(self) -> LoadSample:
        """What arrived since the last call.

        Raises:
            SourceError: it can't be read, or its format is none that is known.
        """
        return await self._worker.run(self._look)

    def _look(self) -> LoadSample:
        mono = self._clock.mono()
        batches: list[Batch] = []
        try:
            behind_bytes = self._take(mono, batches)
        finally:  # what was read before a failure is not read again
            self._count(mono, batches)
        while self._arrived and self._arrived[0].mono <= mono - WINDOW_S + EARLY_S:
            self._arrived.popleft()
        return self._sample(mono, behind_bytes)

    def _take(self, mono: float, batches: list[Batch]) -> int:
        """Read what is there, and tell how much is left for the next look."""
        taken = 0
        while True:
            piece = self._read()
            if self._began is None:
                self._began = mono
                self._arrived.clear()
            if piece.anew:
                self._forget_format()
            if self._format is None:
                self._format = self._recognise()
            if self._format is not None and piece.text:
                self._heard = mono
                batches.append(self._format.batch(piece.text))
            taken += len(piece.text)
            if not piece.behind_bytes or taken >= LOOK_BYTES:
                return piece.behind_bytes

    def _read(self) -> Piece:
        try:
            return self._tail.read()
        except SourceError:
            self._began = None  # what comes after a gap has a window of its own
            raise

    def _forget_format(self) -> None:
        if self._format is not None:
            self._skipped += self._format.skipped_total
        self._format = None

    def _recognise(self) -> Format | None:
        head = self._tail.head()
        if b"\n" not in head:
            return None
        found = recognised(head, self._named)
        if found is None:
            what = not_a_stream(head) or f"its first line is none of {FORMATS}"
            raise SourceError(FailureKind.MALFORMED, f"{self._feed}: {what}")
        return found

    def _count(self, mono: float, batches: list[Batch]) -> None:
        """Take note of what came with this look."""
        times_s = [time_s for batch in batches for time_s in batch.times_s]
        failures = sum(batch.failures for batch in batches)
        newest = next((batch.newest for batch in reversed(batches) if batch.times_s), None)
        if times_s:
            self._arrived.append(_Arrived(mono, buckets_of(times_s), failures))
            self._results += len(times_s)
            self._failures += failures
        read = self._format
        if read is not None and read.told is not None:
            self._results, self._failures, newest = read.told_results, read.told_failures, read.told_at
        told_at = moment(newest) if batches else None
        if told_at is not None:
            self._offsets.append((mono, told_at - self._clock.wall()))

    def _sample(self, mono: float, behind_bytes: int) -> LoadSample:
        read = self._format
        return LoadSample(
            mono=mono,
            tool=read.tool if read else "",
            feed=self._feed,
            users=read.users if read else None,
            phase=read.phase if read else None,
            results_total=self._results,
            failures_total=self._failures,
            window=merged(each.buckets for each in self._arrived),
            window_failures=sum(each.failures for each in self._arrived),
            window_s=min(WINDOW_S, mono - (self._began or mono)),
            told=read.told if read else None,
            age_s=None if self._heard is None else mono - self._heard,
            offset_s=max((offset for _, offset in self._offsets), default=None),
            skipped_total=self._skipped + (read.skipped_total if read else 0),
            trouble=read.trouble if read else "",
            behind_bytes=behind_bytes,
            left_out_bytes=self._tail.left_out_bytes,
        )


def derive(previous: LoadSample | None, current: LoadSample) -> LoadPart:
    """Rates and percentiles of the window that the sample holds, or as the generator told them; none of a silent feed."""
    told = current.told or _told(current)
    if current.age_s is None or current.age_s > SILENT_S:
        told = Told()
    rate, failing = told.requests_per_s, told.failures_per_s
    return LoadPart(
        tool=current.tool,
        feed=current.feed,
        users=None if current.age_s is None or current.age_s > SILENT_S else current.users,
        told_phase=current.phase,
        requests_per_s=rate,
        error_ratio=min(1.0, failing / rate) if rate and failing is not None else None,
        mean_s=told.mean_s if current.told is None else _mean_between(previous, current),
        p50_s=told.p50_s,
        p95_s=told.p95_s,
        p99_s=told.p99_s,
        results_total=current.results_total,
        failures_total=current.failures_total,
        age_s=current.age_s,
        offset_s=current.offset_s,
        skipped_total=current.skipped_total,
        trouble=current.trouble,
        behind_bytes=current.behind_bytes,
        left_out_bytes=current.left_out_bytes,
    )


def _mean_between(previous: LoadSample | None, current: LoadSample) -> float | None:
    """Of a tool that tells the sum of all times: what was added to it, over the requests that ended meanwhile."""
    before, now = previous.told if previous else None, current.told
    if previous is None or before is None or now is None or before.times_total_s is None or now.times_total_s is None:
        return None
    requests, times_s = current.results_total - previous.results_total, now.times_total_s - before.times_total_s
    return times_s / requests if requests > 0 and times_s >= 0 else None


def _told(sample: LoadSample) -> Told:
    """Of a window that was watched for at least a second."""
    if sample.window_s < 0.9:
        return Told()
    count = sum(sample.window.values())
    p50, p95, p99 = percentiles(sample.window, (0.5, 0.95, 0.99))
    return Told(
        requests_per_s=count / sample.window_s,
        failures_per_s=sample.window_failures / sample.window_s,
        mean_s=mean(sample.window),
        p50_s=p50,
        p95_s=p95 if count >= MIN_FOR_P95 else None,
        p99_s=p99 if count >= MIN_FOR_P99 else None,
    )


KIND = SourceKind(name=NAME, sample=LoadSample, part=LoadPart, derive=derive, root="load", stale_s=5.0)
