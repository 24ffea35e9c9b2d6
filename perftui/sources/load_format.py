"""What the formats of load results share: a result, a batch of them, and readers that tell what they could not read."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import NamedTuple

import msgspec

from perftui.sources.text import printable_bytes

_MILLISECONDS = 1e11
"""Epoch seconds above this lie in the year 5138, so that such a number counts milliseconds."""


class Result(NamedTuple):
    """One request that ended."""

    at: str | float | None
    """When, as the generator wrote it: `moment` reads it. Reading each would cost more than all the rest."""
    latency_s: float
    ok: bool
    name: str


class Batch(NamedTuple):
    """Results taken together: all of them that rates and percentiles need."""

    times_s: list[float]
    failures: int
    newest: str | float | None
    """When the last of them ended, as `Result.at`."""


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rates and percentiles as the generator made them itself; Locust tells those of its last 10 s."""

    requests_per_s: float | None = None
    failures_per_s: float | None = None
    mean_s: float | None = None
    times_total_s: float | None = None
    """Of all requests since its start; between two looks it tells their mean."""
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None


class Format(ABC):
    """What the formats share. A reader is of one file: its header, its users and phase, and what it could not read."""

    name = ""
    tool = ""

    def __init__(self) -> None:
        self.users: float | None = None
        self.phase: str | None = None
        self.skipped_total = 0
        self.trouble = ""
        self.told: Told | None = None
        self.told_at: str | None = None
        self.told_results = self.told_failures = 0

    @abstractmethod
    def results(self, piece: bytes) -> Iterator[Result]:
        """The requests that a piece of whole lines tells of."""

    def batch(self, piece: bytes) -> Batch:
        """The same requests at once; a format that tells of many at a time has a cheaper way."""
        times_s: list[float] = []
        failures, newest = 0, None
        for at, latency_s, ok, _ in self.results(piece):
            times_s.append(latency_s)
            failures += not ok
            newest = at
        return Batch(times_s, failures, newest)

    def skip(self, line: bytes, why: str) -> None:
        self.skipped_total += 1
        self.trouble = f"{why}: {printable_bytes(line, 60)}"


def moment(at: str | float | None) -> float | None:
    """Wall clock of ISO 8601 or of seconds or milliseconds since 1970; None where it is no moment."""
    if isinstance(at, str):
        try:
            number = float(at)
        except ValueError:
            try:
                told = datetime.fromisoformat(at)
            except ValueError:
                return None
            return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    else:
        number = at or 0.0
    if not 0 < number < _MILLISECONDS * 1000:
        return None
    return number / 1000 if number > _MILLISECONDS else number


class Table(Format):
    """A CSV file with a header that names its columns, which must come first."""

    wanted: tuple[str, ...] = ()

    def __init__(self, header: str) -> None:
        super().__init__()
        self.header = header
        self.delimiter = max(",;\t", key=header.count)
        names = next(csv.reader([header], delimiter=self.delimiter))
        self.columns = {name.strip(): place for place, name in enumerate(names)}

    def rows(self, piece: bytes) -> Iterator[Sequence[str]]:
        """Cells of each line but the header's; a line with too few is skipped and counted."""
        width = max(self.columns[name] for name in self.wanted) + 1
        text = piece.decode("utf-8", "replace")
        lines = text.splitlines()
        # Quotes are rare, and a plain split takes a third of the csv module's time.
        rows = csv.reader(lines, delimiter=self.delimiter) if '"' in text else (x.split(self.delimiter) for x in lines)
        first = next(iter(self.columns))
        for cells in rows:
            if len(cells) >= width:
                if cells[0] != first:
                    yield cells
            elif cells and cells != [""]:
                self.skip(self.delimiter.join(cells).encode(), "too few columns")


def times_total(mean_ms: float | None, requests: int) -> float | None:
    return None if mean_ms is None else mean_ms / 1000 * requests


def seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def number(text: str) -> float | None:
    try:
        return finite(text)
    except ValueError:
        return None


def finite(text: str | bytes) -> float:
    """The number that it says.

    Raises:
        ValueError: it says none, or `nan` or `inf`.
    """
    found = float(text)
    if not isfinite(found):
        raise ValueError(text)
    return found
