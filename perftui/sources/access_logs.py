"""Times of requests in access logs: nginx and Apache with a time in their format, JSON logs, and bare numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from perftui.model.failure import UsageError
from perftui.sources.load_format import Format, Result, moment

_COMBINED = rb'[^\[]*\[(?P<at>[^\]]+)\] "(?:[A-Z]+ )?(?P<name>[^ "?]*)[^"]*" (?P<status>\d{3}) '
_NAMED = rb'\b(?:request_time|rt|req_time)[=:]"?(?P<s>\d+\.\d+)'
_FORMS = (
    ("nginx with request_time=", re.compile(_COMBINED + rb".*?" + _NAMED)),
    ("nginx with $request_time last, in seconds", re.compile(_COMBINED + rb".* \"?(?P<s>\d+\.\d{3})\"?$")),
    ("apache with %D last, in microseconds", re.compile(_COMBINED + rb".* (?P<us>\d+)$")),
)
_SCALES = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
UNITS = tuple(_SCALES)
_VARIABLES: dict[str, bytes] = {
    "request_time": rb"(?P<s>[\d.]+)",
    "msec": rb"(?P<at>[\d.]+)",
    "time_local": rb"(?P<at>[^\]]+)",
    "time_iso8601": rb"(?P<at>\S+)",
    "request": rb'(?:[A-Z]+ )?(?P<name>[^ "?]*)[^"]*?',
    "request_uri": rb'(?P<name>[^ "?]*)[^ "]*',
    "uri": rb'(?P<name>[^ "]*)',
    "status": rb"(?P<status>\d{3})",
    "D": rb"(?P<us>\d+)",
    "T": rb"(?P<s>[\d.]+)",
    "{ms}T": rb"(?P<ms>\d+)",
    "{us}T": rb"(?P<us>\d+)",
    "r": rb'(?:[A-Z]+ )?(?P<name>[^ "?]*)[^"]*?',
    "U": rb'(?P<name>[^ "]*)',
    "s": rb"(?P<status>\d{3})",
    "t": rb"\[(?P<at>[^\]]+)\]",
}
"""nginx' variables and Apache's directives that tell something; all others are read over."""
_PLACE = re.compile(r"\$(\w+)|%[<>]?((?:\{[^}]*\})?[a-zA-Z])")


class AccessLog(Format):
    """One line a request, found by a pattern with a time (`s`, `ms` or `us`), and the moment, path and status if told."""

    tool = "access log"

    def __init__(self, name: str, pattern: re.Pattern[bytes]) -> None:
        super().__init__()
        self.name = name
        self._match = pattern.match
        groups = pattern.groupindex
        self._unit = next(unit for unit in _SCALES if unit in groups)
        self._at, self._name, self._status = (group in groups for group in ("at", "name", "status"))

    def results(self, piece: bytes) -> Iterator[Result]:
        match, unit, scale = self._match, self._unit, _SCALES[self._unit]
        with_at, with_name, with_status = self._at, self._name, self._status
        for line in piece.split(b"\n"):
            found = match(line)
            if found is None:
                if line.strip():
                    self.skip(line, "not of this format")
                continue
            yield Result(
                found["at"].decode("ascii", "replace") if with_at else None,
                float(found[unit]) * scale,
                not with_status or found["status"] < b"500",
                found["name"].decode("utf-8", "replace") if with_name else "",
            )


class _JsonLine(msgspec.Struct, frozen=True):
    """Names that are common in JSON logs; the unit stands in the name, or is the server's own."""

    request_time: str | float | None = None
    """nginx: seconds."""
    duration_ms: float | None = None
    latency_ms: float | None = None
    response_time_ms: float | None = None
    elapsed_ms: float | None = None
    duration_s: float | None = None
    status: str | int | None = None
    path: str | None = None
    uri: str | None = None
    request_uri: str | None = None
    request: str | None = None
    url: str | None = None
    time: str | float | None = None
    timestamp: str | float | None = None
    time_iso8601: str | None = None
    time_local: str | None = None
    at: str | float | None = None


_json_lines = msgspec.json.Decoder(_JsonLine)


class JsonLog(Format):
    """A JSON object a line, as log processors like them."""

    name, tool = "JSON with request_time or duration_ms", "access log"

    def results(self, piece: bytes) -> Iterator[Result]:
        for line in piece.split(b"\n"):
            if not line.strip():
                continue
            try:
                told = _json_lines.decode(line)
                latency_s = _json_seconds(told)
            except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
                self.skip(line, "no JSON with a time")
                continue
            if latency_s is None:
                self.skip(line, "no time in it")
                continue
            at = told.time or told.timestamp or told.time_iso8601 or told.time_local or told.at
            words = (told.path or told.uri or told.request_uri or told.url or told.request or "").split(" ")
            name = words[1] if len(words) > 1 else words[0]
            yield Result(at, latency_s, str(told.status or 200) < "500", name.partition("?")[0])


def _json_seconds(told: _JsonLine) -> float | None:
    if told.request_time is not None:
        return float(told.request_time)
    if told.duration_s is not None:
        return told.duration_s
    given = (told.duration_ms, told.latency_ms, told.response_time_ms, told.elapsed_ms)
    milliseconds = next((each for each in given if each is not None), None)
    return None if milliseconds is None else milliseconds / 1000


class Numbers(Format):
    """One number a line."""

    tool = "numbers"

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.name = f"numbers in {unit}"
        self._scale = _SCALES[unit]

    def results(self, piece: bytes) -> Iterator[Result]:
        for line in piece.split(b"\n"):
            if not line.strip():
                continue
            try:
                yield Result(None, float(line) * self._scale, True, "")
            except ValueError:
                self.skip(line, "no number")


def access_log(head: bytes, unit: str = "s") -> Format | None:
    """The reader that most of a file's first lines fit; None where none does.

    Args:
        unit: of bare numbers.
    """
    lines = [line for line in head.split(b"\n")[:50] if line.strip()]
    tried: list[Callable[[], Format]] = [
        *(lambda form=form: AccessLog(*form) for form in _FORMS),
        JsonLog,
        lambda: Numbers(unit),
    ]
    for make in tried:
        found = sum(1 for _ in make().results(b"\n".join(lines)))
        if found > len(lines) / 2:
            return make()
    return None


def named_format(text: str) -> Format:
    """The reader of an nginx log_format or an Apache LogFormat, as it stands in the server's config.

    Raises:
        UsageError: it names no time.
    """
    pattern, end = b"", 0
    known: set[bytes] = set()
    for place in _PLACE.finditer(text):
        pattern += re.escape(text[end : place.start()].encode()) + _variable(place[1] or place[2], known)
        end = place.end()
    pattern += re.escape(text[end:].encode())
    compiled = re.compile(pattern)
    if not set(_SCALES) & set(compiled.groupindex):
        raise UsageError(f"--format: {text!r} has no time; expected $request_time, %D, %T or %{{ms}}T in it")
    return AccessLog("as named", compiled)


def _variable(name: str, known: set[bytes]) -> bytes:
    group = _VARIABLES.get(name, rb".*?")
    key = group.partition(b"(?P<")[2].partition(b">")[0]
    if key and key in known:  # both $request and $uri: the first one counts
        return rb".*?"
    known.add(key)
    return group


def any_moment(at: str | float | None) -> float | None:
    """Wall clock of a server's `22/Nov/2026:11:23:46 +0000`, or as `load_formats.moment`."""
    if not isinstance(at, str) or at[2:3] != "/":
        return moment(at)
    try:
        return datetime.strptime(at, "%d/%b/%Y:%H:%M:%S %z").timestamp()
    except ValueError:
        return None
