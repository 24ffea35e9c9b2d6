"""One frame, one line of JSON: what stands on a tape before it is compressed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from perftui.model.failure import Failed, FailureKind, TapeError
from perftui.model.frame import Frame, Machine, Mark, Sample
from perftui.sources.kind import SourceKind

FORMAT = 1
"""Raised when an older program could no longer read a tape. New sources and new fields with defaults don't need it."""

NEWER = "written by a newer perftui (format {}, this one reads {}); upgrade perftui"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of every tape."""

    format: int = msgspec.field(name="perftui_tape")
    program: str
    """Version of the program that wrote it."""
    started_at: float
    """Wall clock of the first frame."""
    machine: Machine


class _Version(msgspec.Struct):
    perftui_tape: int


class _Line(msgspec.Struct):
    seq: int
    at: float
    mono: float
    samples: dict[str, msgspec.Raw]
    failed: dict[str, Failed] = {}
    marks: tuple[Mark, ...] = ()


class _Moment(msgspec.Struct):
    at: float


_encoder = msgspec.json.Encoder()
_versions = msgspec.json.Decoder(_Version)
_headers = msgspec.json.Decoder(Header)
_lines = msgspec.json.Decoder(_Line)
_moments = msgspec.json.Decoder(_Moment)


def encode_header(header: Header) -> bytes:
    """Its line, without the newline."""
    return _encoder.encode(header)


def is_header(line: bytes) -> bool:
    """Tapes may be joined with `cat`, so a header can stand anywhere."""
    return line.startswith(b'{"perftui_tape"')


def decode_header(line: bytes) -> Header:
    """The header in the first line of a file.

    Raises:
        TapeError: it is no tape, or one of a newer format.
    """
    try:
        version = _versions.decode(line).perftui_tape
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise TapeError("not a tape; expected a file that perftui recorded") from None
    if version > FORMAT:
        raise TapeError(NEWER.format(version, FORMAT))
    try:
        return _headers.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise TapeError(f"malformed header: {_lower(exc)}") from exc


def encode_frame(frame: Frame) -> bytes:
    """Its line, without the newline; samples stand by the name of their source."""
    return _encoder.encode(frame)


def decode_frame(line: bytes, kinds: Mapping[str, SourceKind]) -> Frame:
    """The frame in a line.

    Sources that this program doesn't know are left out. A sample that can't be read becomes a failure of its source.

    Raises:
        TapeError: the line is no frame.
    """
    try:
        read = _lines.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise TapeError(f"malformed frame: {_lower(exc)}") from exc
    samples: dict[str, Sample] = {}
    failed = {name: failure for name, failure in read.failed.items() if name in kinds}
    for name, raw in read.samples.items():
        kind = kinds.get(name)
        if kind is None:
            continue
        try:
            samples[name] = _samples(kind.sample).decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            failed[name] = Failed(
                kind=FailureKind.MALFORMED, detail=f"{name}: the tape's sample can't be read: {_lower(exc)}"
            )
    return Frame(seq=read.seq, at=read.at, mono=read.mono, samples=samples, failed=failed, marks=read.marks)


def decode_at(line: bytes) -> float | None:
    """A frame's wall clock without the cost of its samples; None when the line is no whole frame."""
    try:
        return _moments.decode(line).at
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


@cache
def _samples(kind: type[Sample]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _lower(exc: Exception) -> str:
    text = str(exc)
    return text[:1].lower() + text[1:]
