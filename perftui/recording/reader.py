"""Reads a tape from any moment on: `.ptape` as recorded, or the same lines as plain text."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import zstandard

from perftui.model.failure import TapeError
from perftui.model.frame import Frame, Machine
from perftui.recording.blocks import HEAD_BYTES, Block, find_blocks, is_tape, stored, unpacked
from perftui.recording.codec import Header, decode_at, decode_frame, decode_header, is_header
from perftui.sources import BY_NAME
from perftui.sources.kind import SourceKind

_TAIL_BYTES = 64 * 1024
_HEADER_BYTES = 64 * 1024


class Tape:
    """A tape as it was when it was opened; of a tape that is still recorded, what had reached the file.

    At most one block (a minute, 8 MB of text) is in memory. Several iterators may run at once.
    """

    cut: bool
    """The end is missing (it ends in mid-frame, or is still recorded), or a block that was read is damaged."""

    def __init__(self, path: Path, kinds: Mapping[str, SourceKind] = BY_NAME) -> None:
        """Open it and find its blocks.

        Raises:
            TapeError: it can't be opened, is no tape, is cut inside its header, or is of a newer format.
        """
        self._path = path
        self._kinds = kinds
        self._fd = _open(path)
        try:
            self._size = os.fstat(self._fd).st_size
            self._plain = os.pread(self._fd, 1, 0) == b"{"
            self._text_ends_at: float | None = None
            self._blocks, self.cut = self._find()
            self._header = self._read_header()
        except TapeError as exc:
            self.close()
            raise TapeError(f"{path}: {exc}") from exc
        except OSError as exc:
            self.close()
            raise TapeError(f"{path}: can't be read: {_reason(exc)}") from exc

    @property
    def machine(self) -> Machine:
        return self._header.machine

    @property
    def started_at(self) -> float:
        return self._header.started_at

    def span(self) -> tuple[float, float]:
        """Wall clock of the first and the last frame; of a tape without frames, twice the moment it was started.

        Raises:
            TapeError: the disk gives an error.
        """
        if self._plain:
            first = next((at for at in map(decode_at, self._lines(self._blocks[0])) if at is not None), self.started_at)
            return first, first if self._text_ends_at is None else self._text_ends_at
        first = self._blocks[0].first_at
        for block in reversed(self._blocks):
            moments = [at for at in map(decode_at, self._lines(block)) if at is not None]
            if moments:
                return first, moments[-1]
        return first, first

    def frames(self, since_at: float | None = None) -> Iterator[Frame]:
        """All frames in the order of recording, from the first one on whose wall clock is not before `since_at`.

        A block whose checksum is wrong is left out.

        Raises:
            TapeError: a whole line of plain text is no frame, or the disk gives an error.
        """
        for block in self._blocks:
            if since_at is not None and block.latest_at < since_at:
                continue
            for line in self._lines(block):
                if since_at is not None:
                    at = decode_at(line)
                    if at is None or at < since_at:
                        continue
                    since_at = None
                try:
                    yield decode_frame(line, self._kinds)
                except TapeError as exc:
                    if self._plain:
                        raise TapeError(f"{self._path}: {exc}") from exc
                    self.cut = True  # garbage at the end of a cut block, which has no checksum
                    break

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _find(self) -> tuple[list[Block], bool]:
        if self._size == 0:
            raise TapeError("empty; nothing was recorded")
        if self._plain:
            self._text_ends_at, torn = self._text_end()
            return [Block(start=0, end=self._size, first_at=0.0, latest_at=float("inf"), whole=False)], torn
        if not is_tape(os.pread(self._fd, HEAD_BYTES, 0)):
            raise TapeError("not a tape; expected a file that perftui recorded")
        return find_blocks(self._fd, self._size)

    def _read_header(self) -> Header:
        text = b""
        try:
            for piece in self._pieces(self._blocks[0]) if self._blocks else ():
                text += piece
                if b"\n" in text or len(text) > _HEADER_BYTES:
                    return decode_header(text.partition(b"\n")[0])
        except zstandard.ZstdError:
            raise TapeError("damaged inside its header; nothing can be replayed") from None
        raise TapeError("cut inside its header; nothing can be replayed")

    def _lines(self, block: Block) -> Iterator[bytes]:
        """The block's lines without headers; a last line without its newline is left out if it is not whole."""
        rest = b""
        try:
            for piece in self._pieces(block):
                *lines, rest = (rest + piece).split(b"\n")
                yield from (line for line in lines if line and not is_header(line))
        except zstandard.ZstdError:
            self.cut = True
            return
        except OSError as exc:
            raise TapeError(f"{self._path}: can't be read: {_reason(exc)}") from exc
        if rest and decode_at(rest) is not None:
            yield rest

    def _pieces(self, block: Block) -> Iterator[bytes]:
        return stored(self._fd, block) if self._plain else unpacked(self._fd, block)

    def _text_end(self) -> tuple[float | None, bool]:
        """Of plain text: wall clock of the last whole frame, and whether a torn line stands behind it."""
        length = _TAIL_BYTES
        while True:
            start = max(0, self._size - length)
            lines = os.pread(self._fd, self._size - start, start).split(b"\n")
            whole = lines[1:] if start else lines
            last = next(((at, line) for line in reversed(whole) if (at := decode_at(line)) is not None), None)
            if last is not None:
                return last[0], lines[-1] not in (b"", last[1])
            if start == 0:
                return None, lines[-1] != b""
            length *= 8


def _open(path: Path) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe without a writer would wait for one
    except OSError as exc:
        raise TapeError(f"{path}: can't be opened: {_reason(exc)}") from exc
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    kind = "a directory" if stat.S_ISDIR(mode) else "no regular file"
    raise TapeError(f"{path}: {kind}; expected a file that perftui recorded")


def _reason(exc: OSError) -> str:
    return (exc.strerror or str(exc)).lower()
