"""Results of load generators, a piece of their output at a time: k6 (JSON, CSV), JMeter's JTL, Locust's CSV, plain JSONL.

A piece holds whole lines. What can't be read is counted and told, never left out in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from perftui.sources.load_format import Format, Result, Table, Told, finite, number, seconds, times_total
from perftui.sources.load_k6 import K6Csv, K6Json
from perftui.sources.text import printable


class Jtl(Table):
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
                took = finite(cells[elapsed])
                yield Result(finite(cells[begin]) + took, took / 1000, cells[success] == "true", cells[label])
            except ValueError:
                self.skip(self.delimiter.join(cells).encode(), "no number")
                continue
            if threads is not None and threads < len(cells):
                self.users = number(cells[threads])


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


class LocustHistory(Table):
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
            self.users, self.told_at = number(cells[users]), cells[at]
            self.told_results, self.told_failures = (int(number(cells[place]) or 0) for place in (requests, failures))
            self.told = Told(
                requests_per_s=number(cells[rate]),
                failures_per_s=number(cells[failing]),
                times_total_s=None if mean == at else times_total(number(cells[mean]), self.told_results),
                p50_s=seconds(number(cells[p50])),
                p95_s=seconds(number(cells[p95])),
                p99_s=seconds(number(cells[p99])),
            )
        yield from ()


def _k6_json(line: str) -> Format | None:
    return K6Json() if line.startswith("{") and '"metric":"' in line and '"type":"' in line else None


def _jsonl(line: str) -> Format | None:
    known = ('"latency_ms"', '"latency"', '"users"', '"phase"')
    return Jsonl() if line.startswith("{") and any(word in line for word in known) else None


def _table(kind: type[Table]) -> Callable[[str], Format | None]:
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


def not_a_stream(head: bytes) -> str:
    """What a file is that looks like results and holds none; empty where nothing is known of it."""
    if head.lstrip().startswith(b"{") and b'"metrics"' in head[:4096] and b'"metric"' not in head[:4096]:
        return "k6's summary of the end, which holds no single results; expected what --out json=FILE or --out csv=FILE writes"
    return ""


def recognised(head: bytes, named: str | None = None) -> Format | None:
    """The reader for a file with this first line; None where no format begins so.

    Args:
        named: the only format to try.
    """
    line = head.split(b"\n", 1)[0].decode("utf-8", "replace").removeprefix("\ufeff").strip()
    tried = (FORMATS[named],) if named else FORMATS.values()
    return next((found for read in tried if (found := read(line)) is not None), None) if line else None
