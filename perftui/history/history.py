"""The history at one moment: typed readings of now, and windows over the numbers that led here."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from math import isnan
from typing import TypeVar, cast

import msgspec

from perftui.history.flatten import flatten
from perftui.history.series import Axis, Series
from perftui.model.failure import Failed
from perftui.model.frame import Frame, Mark, Sample
from perftui.sources.counters import delta
from perftui.sources.kind import Part, SourceKind

P = TypeVar("P", bound=Part)


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """Readings that need more than two samples."""

    part: type[Part]
    root: str
    read: Callable[[History], Part | None]
    """A pure function of the history; None while there is nothing to tell."""


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """How one source is doing. state: ok | stale | failed | off."""

    state: str
    age_s: float | None
    """Seconds since its last good sample; None when there never was one."""
    detail: str = ""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The known values of one reading over the last seconds, oldest first."""

    values: list[float]
    ticks: int
    """Ticks in the window; more than len(values) where values are not known."""
    covered_s: float
    """How much of the asked time the ticks cover."""

    @property
    def mean(self) -> float | None:
        return sum(self.values) / len(self.values) if self.values else None

    @property
    def highest(self) -> float | None:
        return max(self.values, default=None)


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """One part with the moment it was read."""

    part: Part
    root: str
    mono: float
    stale_s: float


class History:
    """What was known at tick `end - 1`. Never changes; later ticks are beyond its end."""

    __slots__ = ("_axis", "_parts", "_series", "_windows", "at", "end", "marks", "mono", "sources")

    def __init__(
        self,
        axis: Axis,
        series: Mapping[str, Series],
        end: int,
        parts: Mapping[type[Part], Readings],
        sources: Mapping[str, SourceState],
        marks: tuple[Mark, ...],
    ) -> None:
        self._axis = axis
        self._series = series
        self.end = end
        self.at = axis.at(end - 1)
        """Wall clock of the newest tick."""
        self.mono = axis.mono(end - 1)
        self._windows: dict[tuple[str, float], Window] = {}
        self._parts = parts
        self.sources = sources
        self.marks = marks

    @property
    def started_at(self) -> float:
        """Wall clock of the oldest tick kept."""
        return self._axis.at(self._axis.first())

    @property
    def interval_s(self) -> float:
        """The real time between the last two ticks."""
        first = self._axis.first()
        return self.mono - self._axis.mono(self.end - 2) if self.end - first >= 2 else 0.0

    @property
    def span_s(self) -> float:
        """How long we have been watching, within what is kept."""
        return self.mono - self._axis.mono(self._axis.first())

    def ago(self, seconds: float) -> float:
        """Wall clock of so long ago, as it stood then: ages are told by other clocks, and the wall clock may have been set."""
        then = self.mono - seconds
        tick = min(self._axis.find(then, self.end), self.end - 1)
        return self._axis.at(tick) - (self._axis.mono(tick) - then)

    def forgot(self) -> bool:
        """Whether older ticks were dropped, so that the oldest kept one is not where we began."""
        return self._axis.first() > 0

    def latest(self, part: type[P]) -> P | None:
        """The newest readings of one source; None when there are none or they are stale."""
        known = self._parts.get(part)
        if known is None or self.mono - known.mono > known.stale_s:
            return None
        return cast("P", known.part)

    def known(self, part: type[P]) -> P | None:
        """The newest readings of one source, however old they are; None when there never were any."""
        known = self._parts.get(part)
        return None if known is None else cast("P", known.part)

    def fresh_parts(self) -> Iterable[tuple[str, Part]]:
        """(root, part) of everything known and not stale."""
        return [(k.root, k.part) for k in self._parts.values() if self.mono - k.mono <= k.stale_s]

    def names(self) -> list[str]:
        """The readings that have a series."""
        return sorted(self._series)

    def value(self, reading: str) -> float | None:
        """A reading's number at the newest tick; None when it is not known."""
        series = self._series.get(reading)
        if series is None:
            return None
        (value,) = series.slice(self.end - 1, self.end)
        return None if isnan(value) else value

    def window(self, reading: str, seconds: float) -> Window:
        """The values whose tick is at most `seconds` old. Rules and panes ask for the same ones."""
        found = self._windows.get((reading, seconds))
        if found is None:
            found = self._windows[reading, seconds] = self._window(reading, seconds)
        return found

    def _window(self, reading: str, seconds: float) -> Window:
        start = self._start(seconds)
        series = self._series.get(reading)
        values = [v for v in series.slice(start, self.end) if not isnan(v)] if series else []
        ticks = self.end - start
        covered = (
            self.mono - self._axis.mono(start - 1) if start > self._axis.first() else self.mono - self._axis.mono(start)
        )
        return Window(values=values, ticks=ticks, covered_s=covered)

    def points(self, reading: str, seconds: float) -> tuple[list[float], list[float]]:
        """(wall clock, value) of each tick in the window, oldest first; NaN where a value is not known."""
        start = self._start(seconds)
        series = self._series.get(reading)
        values = series.slice(start, self.end) if series else [float("nan")] * (self.end - start)
        return self._axis.walls(start, self.end), values

    def slope(self, reading: str, seconds: float) -> float | None:
        """Change per second between the first and the last known value in the window, whatever the wall clock did."""
        start = self._start(seconds)
        series = self._series.get(reading)
        values = series.slice(start, self.end) if series else []
        known = [place for place, value in enumerate(values) if not isnan(value)]
        if len(known) < 2:
            return None
        first, last = known[0], known[-1]
        elapsed = self._axis.mono(start + last) - self._axis.mono(start + first)
        return (values[last] - values[first]) / elapsed if elapsed > 0 else None

    def increase(self, reading: str, seconds: float) -> float | None:
        """How much a counter grew between the first and the last known value in the window; None when it began anew there."""
        series = self._series.get(reading)
        values = series.slice(self._start(seconds), self.end) if series else []
        first = next((value for value in values if not isnan(value)), None)
        last = next((value for value in reversed(values) if not isnan(value)), None)
        return delta(first, last)

    def spread(self, reading: str, seconds: float, most: int) -> tuple[list[float], list[float], list[float]]:
        """(wall clock, monotonic clock, value) of about `most` ticks at even steps; NaN where a value is not known.

        What an hour's course needs, at a fraction of its cost. The same ticks are taken by the next call, so that what
        was found in them does not move.
        """
        start = self._start(seconds)
        step = max(1, (self.end - start) // most)
        start += -start % step
        series = self._series.get(reading)
        walls, monos = self._axis.walls(start, self.end, step), self._axis.monos(start, self.end, step)
        return walls, monos, series.slice(start, self.end, step) if series else [float("nan")] * len(walls)

    def recent(self, reading: str, ticks: int) -> list[float]:
        """The values of the last `ticks` ticks, oldest first; NaN where not known. Shorter while the history is."""
        start = max(self._axis.first(), self.end - ticks)
        series = self._series.get(reading)
        return series.slice(start, self.end) if series else [float("nan")] * (self.end - start)

    def ticks_in(self, seconds: float) -> int:
        """About how many ticks so long takes, at least one."""
        ticks = self.end - 1 - self._axis.first()
        return max(1, round(seconds * ticks / self.span_s)) if self.span_s > 0 else 1

    def each(self, reading: str, step: int) -> tuple[list[float], list[float]]:
        """(wall clock, value) of the last tick of each whole run of `step` ticks; the next call has the same runs."""
        first = self._axis.first()
        last = first + -first % step + step - 1
        series = self._series.get(reading)
        walls = self._axis.walls(last, self.end, step) if last < self.end else []
        return walls, series.slice(last, self.end, step) if series else [float("nan")] * len(walls)

    def runs(self, reading: str, step: int) -> list[list[float]]:
        """The values of each whole run of `step` ticks, oldest first; the runs that `each` has the last tick of."""
        first = self._axis.first()
        start = first + -first % step
        series = self._series.get(reading)
        values = series.slice(start, self.end) if series else [float("nan")] * (self.end - start)
        return [values[place : place + step] for place in range(0, len(values) - step + 1, step)]

    def same_runs(self, step: int) -> Hashable:
        """Equal where `each` and `runs` give the same: what a reader who remembers its answer compares."""
        first = self._axis.first()
        return self._axis, first + -first % step, self.end // step, step

    def held_since(self, reading: str, above: float, tolerance_s: float = 5.0) -> tuple[float, bool]:
        """(wall clock, began before) since when a reading has been above a limit, dips shorter than the tolerance aside.

        Began before: it was so at the very first tick of our watch. Now, where its course is not kept.
        """
        first = self._axis.first()
        series = self._series.get(reading)
        if series is None:
            return self.at, False
        values = series.slice(first, self.end)
        monos = self._axis.monos(first, self.end)
        begin = len(values) - 1
        for position in range(len(values) - 1, -1, -1):
            if monos[begin] - monos[position] > tolerance_s:
                break
            if values[position] > above:
                begin = position
        # The first tick has no rates yet: being so at the second one is as early as can be seen.
        before = begin <= 1 and not self.forgot()
        return self._axis.at(first if before else first + begin), before

    def ages(self, seconds: float) -> list[float]:
        """Seconds since each tick that is at most `seconds` old, newest first; the newest is 0."""
        start = self._axis.find(self.mono - seconds - 0.0005, self.end)
        return [self.mono - mono for mono in reversed(self._axis.monos(start, self.end))]

    def back(self, ticks: int) -> History:
        """The numbers as they stood so many ticks ago; without parts, since those of then are not kept here."""
        return History(self._axis, self._series, self.end - ticks, {}, {}, self.marks)

    def until(self, at: float) -> History | None:
        """The numbers as they stood before a moment's tick; None before there were any."""
        end = self._axis.find_wall(at, self.end)
        return History(self._axis, self._series, end, {}, {}, self.marks) if end > self._axis.first() else None

    def _start(self, seconds: float) -> int:
        # Half a millisecond of slack: a tick exactly `seconds` old is outside whatever the rounding.
        return self._axis.find(self.mono - seconds + 0.0005, self.end)


BRIEF_TICKS = 10
"""Shorter courses show no growth; in a build most processes are gone after a few ticks."""
_SWEEP_TICKS = 60


class HistoryStore:
    """Takes frames and gives a History after each. `keep` ticks are kept."""

    def __init__(self, kinds: Iterable[SourceKind], trends: Iterable[Trend] = (), keep: int = 3600) -> None:
        self._kinds = {kind.name: kind for kind in kinds}
        self._trends = tuple(trends)
        self._keep = keep
        self._axis = Axis()
        self._series: dict[str, Series] = {}
        self._previous: dict[str, Sample] = {}
        self._parts: dict[type[Part], Readings] = {}
        self._numbers: dict[str, list[tuple[str, float]]] = {}
        self._failed: dict[str, Failed] = {}
        self._marks: tuple[Mark, ...] = ()

    def push(self, frame: Frame) -> History:
        """Derive the frame's readings, put their numbers on the time axis and give the history that ends here."""
        if frame.mono < self._axis.newest_mono():
            self._begin_anew()
        index = self._axis.put(frame.at, frame.mono)
        for name, sample in frame.samples.items():
            kind = self._kinds.get(name)
            if kind is None:
                continue  # a tape of a newer version may hold sources that this one doesn't know
            part = kind.derive(self._previous.get(name), sample)
            self._previous[name] = sample
            self._failed.pop(name, None)
            self._parts[kind.part] = Readings(part=part, root=kind.root, mono=sample.mono, stale_s=kind.stale_s)
            self._numbers[name] = [*flatten(part, kind.root), *part.extra_series()]
        self._failed.update(frame.failed)
        self._put_numbers(index, frame.mono)
        self._marks = (*self._marks, *frame.marks)[-100:]
        if index + 1 - self._axis.first() > self._keep + self._keep // 10:
            self._trim(index + 1 - self._keep)
        if index % _SWEEP_TICKS == 0:
            self._forget_brief(index - _SWEEP_TICKS)
        parts = dict(self._parts)
        history = self.view(index + 1, parts, self._failed)
        for trend in self._trends:
            if trend.part in parts:
                self._put(index, flatten(parts[trend.part].part, trend.root))
        return history

    def view(self, end: int, parts: dict[type[Part], Readings], failed: Mapping[str, Failed]) -> History:
        """The history that ends before tick `end`, with the parts and failures that were known then."""
        mono = self._axis.mono(end - 1)
        history = History(self._axis, self._series, end, parts, self._states(parts, failed, mono), self._marks)
        for trend in self._trends:
            part = trend.read(history)
            if part is not None:
                parts[trend.part] = Readings(part=part, root=trend.root, mono=mono, stale_s=0.0)
        return history

    def axis(self) -> Axis:
        return self._axis

    def _put_numbers(self, index: int, mono: float) -> None:
        # A source that is not due each tick keeps its last numbers until they are stale.
        for name, numbers in self._numbers.items():
            kind = self._kinds[name]
            if mono - self._parts[kind.part].mono > kind.stale_s:
                continue
            self._put(index, numbers)

    def _put(self, index: int, numbers: Iterable[tuple[str, float]]) -> None:
        for reading, value in numbers:
            series = self._series.get(reading)
            if series is None:
                series = self._series[reading] = Series(index)
            series.put(index, value)

    def _begin_anew(self) -> None:
        """Forget all but the marks: tapes were joined, and the machine was started again in between or is another one."""
        self._axis.trim(self._axis.end())
        self._series, self._previous, self._parts, self._numbers, self._failed = {}, {}, {}, {}, {}

    def _trim(self, start: int) -> None:
        self._axis.trim(start)
        # A new mapping: readers of the old one may be walking it.
        self._series = {name: series for name, series in self._series.items() if series.trim(start)}

    def _forget_brief(self, ended_before: int) -> None:
        self._series = {
            name: series
            for name, series in self._series.items()
            if len(series) >= BRIEF_TICKS or series.end() > ended_before
        }

    def _states(
        self, parts: Mapping[type[Part], Readings], failed: Mapping[str, Failed], mono: float
    ) -> dict[str, SourceState]:
        states = {}
        for name, kind in self._kinds.items():
            known = parts.get(kind.part)
            failure = failed.get(name)
            age = mono - known.mono if known else None
            if failure is not None:
                states[name] = SourceState(state="failed", age_s=age, detail=f"{failure.kind}: {failure.detail}")
            elif age is None:
                states[name] = SourceState(state="off", age_s=None)
            else:
                states[name] = SourceState(state="ok" if age <= kind.stale_s else "stale", age_s=age)
        return states
