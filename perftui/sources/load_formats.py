"""Results of load generators, a piece of their output at a time: k6 (JSON, CSV), JMeter's JTL, Locust's CSV, plain JSONL.

A piece holds whole lines. What can't be read is counted and told, never left out in silence.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from perftui.sources.text import printable, printable_bytes

_MILLISECONDS = 1e11
"""Epoch seconds above this lie in the year 5138, so that such a number counts milliseconds."""


class Result(NamedTuple):
    """One request that ended."""

    at: str | float | None
    """When, as the generator wrote it: `moment` reads it. Reading each would cost more than all the rest."""
    latency_s: float
    ok: bool
    name: str


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


class Format:
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

    def results(self, piece: bytes) -> Iterator[Result]:
        """The requests that a piece of whole lines tells of."""
        raise NotImplementedError

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


class _Tags(msgspec.Struct, frozen=True):
    expected_response: str = "true"
    name: str = ""


class _Data(msgspec.Struct, frozen=True):
    time: str = ""
    value: float = 0.0
    tags: _Tags = _Tags()


class _Point(msgspec.Struct, frozen=True):
    data: _Data
    type: str = ""
    metric: str = ""


_points = msgspec.json.Decoder(_Point)


class K6Json(Format):
    """`k6 run --out json=FILE`: about eight points a request, of which one tells its time and whether it was expected."""

    name, tool = "k6-json", "k6"

    def results(self, piece: bytes) -> Iterator[Result]:
        self._users(piece)
        # Jumping to the lines that matter takes a third of what splitting all of them does.
        for line in _lines_with(piece, b'"http_req_duration"'):
            try:
                point = _points.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.skip(line, "no point of k6")
                continue
            if point.type == "Point" and point.metric == "http_req_duration":
                data = point.data
                yield Result(data.time, data.value / 1000, data.tags.expected_response != "false", data.tags.name)

    def _users(self, piece: bytes) -> None:
        place = piece.rfind(b'"vus"')
        if place >= 0:
            start, end = piece.rfind(b"\n", 0, place) + 1, piece.find(b"\n", place)
            try:
                point = _points.decode(piece[start : end if end >= 0 else len(piece)])
            except (msgspec.DecodeError, UnicodeDecodeError):
                return
            if point.type == "Point" and point.metric == "vus":
                self.users = point.data.value


def _lines_with(piece: bytes, word: bytes) -> Iterator[bytes]:
    place = piece.find(word)
    while place >= 0:
        start, end = piece.rfind(b"\n", 0, place) + 1, piece.find(b"\n", place)
        end = end if end >= 0 else len(piece)
        yield piece[start:end]
        place = piece.find(word, end)


class _Table(Format):
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


class K6Csv(_Table):
    """`k6 run --out csv=FILE`: a row for each point, with whole seconds."""

    name, tool = "k6-csv", "k6"
    wanted = ("metric_name", "timestamp", "metric_value", "expected_response", "name")

    def results(self, piece: bytes) -> Iterator[Result]:
        metric, at, value, expected, name = (self.columns[column] for column in self.wanted)
        users = piece.rfind(b"\nvus,")
        if users >= 0:
            for cells in self.rows(piece[users + 1 : piece.find(b"\n", users + 1)]):
                self.users = _number(cells[value])
        for cells in self.rows(b"\n".join(_lines_with(piece, b"http_req_duration,"))):
            if cells[metric] == "http_req_duration":
                try:
                    yield Result(cells[at], float(cells[value]) / 1000, cells[expected] != "false", cells[name])
                except ValueError:
                    self.skip(self.delimiter.join(cells).encode(), "no number")


class Jtl(_Table):
    """JMeter's JTL as CSV: `timeStamp` is the begin in milliseconds, `elapsed` includes the body.

    Rows of transaction controllers would count their requests twice; they are skipped and counted.
    """

    name, tool = "jtl", "jmeter"
    wanted = ("timeStamp", "elapsed", "label", "success")
    _TRANSACTION = "Number of samples in transaction"

    def results(self, piece: bytes) -> Iterator[Result]:
        begin, elapsed, label, success = (self.columns[column] for column in self.wanted)
        threads, message = self.columns.get("allThreads"), self.columns.get("responseMessage")
        for cells in self.rows(piece):
            if message is not None and cells[message : message + 1] and cells[message].startswith(self._TRANSACTION):
                self.skip(cells[label].encode(), "transactions repeat their requests")
                continue
            try:
                took = float(cells[elapsed])
                yield Result(float(cells[begin]) + took, took / 1000, cells[success] == "true", cells[label])
            except ValueError:
                self.skip(self.delimiter.join(cells).encode(), "no number")
                continue
            if threads is not None and threads < len(cells):
                self.users = _number(cells[threads])


class _Line(msgspec.Struct, frozen=True):
    """A line of JSONL; Vegeta's encoder writes `timestamp`, `latency` in nanoseconds, `code` and `error`."""

    at: str | float | None = None
    latency_ms: float | None = None
    ok: bool | None = None
    name: str = ""
    users: float | None = None
    phase: str | None = None
    timestamp: str | None = None
    latency: float | None = None
    code: int | None = None
    error: str = ""
    url: str = ""


_plain = msgspec.json.Decoder(_Line)


class Jsonl(Format):
    """`{"at": …, "latency_ms": …, "ok": …, "name": …}` a line, with `users` and `phase` where they are known."""

    name, tool = "jsonl", "jsonl"

    def results(self, piece: bytes) -> Iterator[Result]:
        for line in piece.split(b"\n"):
            if not line.strip():
                continue
            try:
                told = _plain.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.skip(line, "no JSON with latency_ms")
                continue
            if told.users is not None:
                self.users = told.users
            if told.phase is not None:
                self.phase = printable(told.phase, 40)
            if told.latency_ms is not None:
                yield Result(told.at, told.latency_ms / 1000, told.ok is not False, told.name)
            elif told.latency is not None:
                ok = not told.error and (told.code is None or 200 <= told.code < 400)
                yield Result(told.timestamp, told.latency / 1e9, ok, told.name or told.url)
            elif told.users is None and told.phase is None:
                self.skip(line, "neither latency_ms nor latency, users or phase")


class LocustHistory(_Table):
    """`--csv-full-history`: a row a second for all requests together, written every 5 s; no single results."""

    name, tool = "locust-csv", "locust"
    wanted = ("Timestamp", "User Count", "Name", "Requests/s", "Failures/s", "50%", "95%", "99%")

    def results(self, piece: bytes) -> Iterator[Result]:
        """None: the newest row is what `told` tells from now on."""
        at, users, name, rate, failing, p50, p95, p99 = (self.columns[column] for column in self.wanted)
        requests, failures = self.columns.get("Total Request Count", at), self.columns.get("Total Failure Count", at)
        mean = self.columns.get("Total Average Response Time", at)
        for cells in self.rows(piece):
            if cells[name] != "Aggregated" or len(cells) <= max(requests, failures, mean):
                continue
            self.users, self.told_at = _number(cells[users]), cells[at]
            self.told_results, self.told_failures = (int(_number(cells[place]) or 0) for place in (requests, failures))
            self.told = Told(
                requests_per_s=_number(cells[rate]),
                failures_per_s=_number(cells[failing]),
                times_total_s=None if mean == at else times_total(_number(cells[mean]), self.told_results),
                p50_s=seconds(_number(cells[p50])),
                p95_s=seconds(_number(cells[p95])),
                p99_s=seconds(_number(cells[p99])),
            )
        yield from ()


def times_total(mean_ms: float | None, requests: int) -> float | None:
    return None if mean_ms is None else mean_ms / 1000 * requests


def seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _k6_json(line: str) -> Format | None:
    return K6Json() if line.startswith("{") and '"metric":"' in line and '"type":"' in line else None


def _jsonl(line: str) -> Format | None:
    known = ('"latency_ms"', '"latency"', '"users"', '"phase"')
    return Jsonl() if line.startswith("{") and any(word in line for word in known) else None


def _table(kind: type[_Table]) -> Callable[[str], Format | None]:
    def read(line: str) -> Format | None:
        found = kind(line)
        return found if all(name in found.columns for name in kind.wanted) else None

    return read


FORMATS: dict[str, Callable[[str], Format | None]] = {
    "k6-json": _k6_json,
    "k6-csv": _table(K6Csv),
    "jtl": _table(Jtl),
    "locust-csv": _table(LocustHistory),
    "jsonl": _jsonl,
}
"""By name: the format's reader for a file that begins with this line; None where it doesn't."""


def recognised(head: bytes, named: str | None = None) -> Format | None:
    """The reader for a file with this first line; None where no format begins so.

    Args:
        named: the only format to try.
    """
    line = head.split(b"\n", 1)[0].decode("utf-8", "replace").removeprefix("\ufeff").strip()
    tried = (FORMATS[named],) if named else FORMATS.values()
    return next((found for read in tried if (found := read(line)) is not None), None) if line else None
