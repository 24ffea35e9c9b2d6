"""What k6 writes: about nine points a request, of which one is needed. Looking at the others would cost more than all the rest.

A block is searched for the lines that matter, and those are read together. Where one of them is not as k6 writes it, the block is
read again line by line, and what can't be read is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from perftui.sources.load_format import Batch, Format, Result, Table, finite, number

_REQUEST = "http_req_duration"
_REQUEST_METRIC = b'"http_req_duration"'
_USERS_METRIC = b'"metric":"vus"'
_REQUEST_ROW = b"\nhttp_req_duration,"
_SECOND = len("2026-11-22T11:23:46")
_USERS_ROW = b"\nvus,"


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


class _RequestTags(msgspec.Struct, frozen=True, gc=False):
    expected_response: str = "true"


class _RequestData(msgspec.Struct, frozen=True, gc=False):
    time: str = ""
    value: float = 0.0
    tags: _RequestTags = _RequestTags()


class _Request(msgspec.Struct, frozen=True, gc=False):
    """What rates and percentiles need of the point that tells a request's time."""

    data: _RequestData
    type: Literal["Point"]
    metric: Literal["http_req_duration"]


_points = msgspec.json.Decoder(_Point)
_requests = msgspec.json.Decoder(_Request)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)


class K6Json(Format):
    """`k6 run --out json=FILE`: a point tells the time of a request and whether it was expected."""

    name, tool = "k6-json", "k6"

    def __init__(self) -> None:
        super().__init__()
        self._users_second = ""
        """k6's second in which users were told; it tells them once in each."""

    def results(self, piece: bytes) -> Iterator[Result]:
        self._users(piece)
        for line in _lines_with(piece, _REQUEST_METRIC):
            try:
                point = _points.decode(line)
            except _UNREADABLE:
                self.skip(line, "no point of k6")
                continue
            if point.type == "Point" and point.metric == _REQUEST:
                data = point.data
                yield Result(data.time, data.value / 1000, data.tags.expected_response != "false", data.tags.name)

    def batch(self, piece: bytes) -> Batch:
        """All lines at once, with less of each; one that is no request is looked at by itself."""
        lines = _lines_with(piece, _REQUEST_METRIC)
        try:
            found = [point.data for point in _requests.decode_lines(b"\n".join(lines))]
        except _UNREADABLE:
            return super().batch(piece)
        if not found or found[-1].time[:_SECOND] != self._users_second:
            self._users(piece)
        failures = [data.tags.expected_response for data in found].count("false")
        return Batch([data.value / 1000 for data in found], failures, found[-1].time if found else None)

    def _users(self, piece: bytes) -> None:
        place = piece.rfind(_USERS_METRIC)
        if place < 0:
            return
        try:
            point = _points.decode(piece[piece.rfind(b"\n", 0, place) + 1 :].partition(b"\n")[0])
        except _UNREADABLE:
            return
        if point.type == "Point" and point.metric == "vus":
            self.users, self._users_second = point.data.value, point.data.time[:_SECOND]


class K6Csv(Table):
    """`k6 run --out csv=FILE`: a row for each point, with whole seconds."""

    name, tool = "k6-csv", "k6"
    wanted = ("metric_name", "timestamp", "metric_value", "expected_response", "name")

    def results(self, piece: bytes) -> Iterator[Result]:
        metric, at, value, expected, name = (self.columns[column] for column in self.wanted)
        self._users(piece)
        for cells in self.rows(b"\n".join(_lines_with(piece, b"http_req_duration,"))):
            if cells[metric] == _REQUEST:
                try:
                    yield Result(cells[at], finite(cells[value]) / 1000, cells[expected] != "false", cells[name])
                except ValueError:
                    self.skip(self.delimiter.join(cells).encode(), "no number")

    def batch(self, piece: bytes) -> Batch:
        """All rows at once where the metric comes first and nothing is quoted, as k6 writes it."""
        metric, at, value, expected, _ = (self.columns[column] - 1 for column in self.wanted)
        width = max(self.columns[name] for name in self.wanted)
        rows = (b"\n" + piece).split(_REQUEST_ROW)[1:]
        if metric != -1 or self.delimiter != "," or b'"' in piece:
            return super().batch(piece)
        cells = [row.partition(b"\n")[0].split(b",", width) for row in rows]
        try:
            times_s = [finite(row[value]) / 1000 for row in cells if len(row) >= width]
        except ValueError:
            return super().batch(piece)
        if len(times_s) != len(cells):
            return super().batch(piece)
        self._users(piece)
        failures = [row[expected] for row in cells].count(b"false")
        return Batch(times_s, failures, cells[-1][at].decode("utf-8", "replace") if cells else None)

    def _users(self, piece: bytes) -> None:
        place = piece.rfind(_USERS_ROW)
        if place >= 0:
            for cells in self.rows(piece[place + 1 :].partition(b"\n")[0]):
                self.users = number(cells[self.columns["metric_value"]])


def _lines_with(piece: bytes, word: bytes) -> list[bytes]:
    """The lines that hold it, found from the end: CPython's search backwards takes a third of what its forward search does."""
    lines: list[bytes] = []
    find, rfind = piece.find, piece.rfind
    place = rfind(word)
    while place >= 0:
        start, end = rfind(b"\n", 0, place) + 1, find(b"\n", place)
        lines.append(piece[start : end if end >= 0 else len(piece)])
        place = rfind(word, 0, start)
    lines.reverse()
    return lines
