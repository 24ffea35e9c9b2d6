"""A log that others write and rotate, read a piece at a time: nothing is read twice, and never more than a bound at once."""

from __future__ import annotations

import errno
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perftui.model.failure import FailureKind, SourceError
from perftui.model.lines import NewLines

LINE_BYTES = 64 * 1024
"""A longer line without an end is given as it is, so that it doesn't stop what comes after it."""
_KNOWN_BYTES = 64
"""Of what was read last; where they differ the next time, the file was written anew in place."""
_UNPACKED_BYTES = 32 << 20

_KINDS = {
    errno.ENOENT: (FailureKind.MISSING, "not there"),
    errno.ENOTDIR: (FailureKind.MISSING, "not there"),
    errno.EACCES: (FailureKind.DENIED, "not allowed; run as root or as its owner"),
    errno.EPERM: (FailureKind.DENIED, "not allowed; run as root or as its owner"),
}


@contextmanager
def file_errors(path: str) -> Iterator[None]:
    """Turn an OSError about somebody's file into the SourceError that tells what and where."""
    try:
        yield
    except OSError as exc:
        number = exc.errno or 0
        kind, words = _KINDS.get(number, (FailureKind.UNREACHABLE, os.strerror(number).lower()))
        raise SourceError(kind, f"{path}: {words}") from exc


class LogFile:
    """One log with its rotated predecessors `.1`, `.2.gz`, …; blocking, for one thread."""

    def __init__(self, path: str, most_bytes: int) -> None:
        """Open nothing yet.

        Args:
            path: of the log; `.1` and so on are looked for beside it.
            most_bytes: of text that is read at once: a larger log's end.
        """
        self.path = path
        self._most_bytes = most_bytes
        self._file: tuple[int, int] | None = None
        self._changed_ns = 0
        self._size = 0
        self._offset = 0
        self._known = b""
        self._number: int | None = None

    def new(self, since_at: float) -> NewLines | None:
        """What was added since the last call; None when the file is as it was.

        Args:
            since_at: Wall clock; predecessors that were closed before it are not read.

        Raises:
            SourceError: MISSING, DENIED, UNREACHABLE; MALFORMED where it is no regular file.
        """
        with file_errors(self.path):
            status = os.stat(self.path)
            if not stat.S_ISREG(status.st_mode):
                raise SourceError(FailureKind.MALFORMED, f"{self.path}: no regular file; expected a log")
            if self._as_it_was(status):
                return None
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                return self._read(descriptor, since_at)
            finally:
                os.close(descriptor)

    def changed_at(self) -> float:
        """Wall clock of the last writing that `new` saw."""
        return self._changed_ns / 1e9

    def _as_it_was(self, status: os.stat_result) -> bool:
        same = (status.st_dev, status.st_ino) == self._file and status.st_mtime_ns == self._changed_ns
        return same and status.st_size >= self._offset and status.st_size == self._size

    def _read(self, descriptor: int, since_at: float) -> NewLines:
        status = os.fstat(descriptor)
        file = (status.st_dev, status.st_ino)
        goes_on = (
            file == self._file
            and self._offset <= status.st_size <= self._offset + self._most_bytes
            and os.pread(descriptor, len(self._known), self._offset - len(self._known)) == self._known
        )
        self._file, self._changed_ns, self._size = file, status.st_mtime_ns, status.st_size
        if goes_on:
            return NewLines(self._lines(descriptor, self._offset, status.st_size), anew=False, cut=False)
        start = max(0, status.st_size - self._most_bytes)
        self._number = 0 if start == 0 else None
        lines = self._lines(descriptor, start, status.st_size)
        if start:
            return NewLines(lines[1:], anew=True, cut=True)  # the first one may be the end of a line
        older, cut = self._predecessors(self._most_bytes - status.st_size, since_at)
        return NewLines([*((None, line) for line in older), *lines], anew=True, cut=cut)

    def _lines(self, descriptor: int, start: int, end: int) -> list[tuple[int | None, bytes]]:
        text = _piece(descriptor, start, end)
        whole = text.rfind(b"\n") + 1
        if len(text) - whole > LINE_BYTES:
            whole = len(text)
        self._offset = start + whole
        if whole:
            self._known = text[:whole][-_KNOWN_BYTES:]
        found: list[tuple[int | None, bytes]] = []
        for line in text[:whole].removesuffix(b"\n").split(b"\n") if whole else ():
            if self._number is not None:
                self._number += 1
            found.append((self._number, line))
        return found

    def _predecessors(self, room: int, since_at: float) -> tuple[list[bytes], bool]:
        """Lines of the rotated files that fit into the room, oldest first, and whether any were left out."""
        lines: list[bytes] = []
        for number in range(1, 100):
            found = next((p for p in (f"{self.path}.{number}", f"{self.path}.{number}.gz") if Path(p).exists()), None)
            if found is None:
                return lines, False
            try:
                status = os.stat(found)
                if room <= 0 or status.st_mtime < since_at or not stat.S_ISREG(status.st_mode):
                    return lines, True
                text, whole = _tail(found, room)
            except (OSError, zlib.error):  # rotated once more in this moment, not ours to read, or damaged
                return lines, True
            lines = [*text.splitlines()[0 if whole else 1 :], *lines]
            if not whole:
                return lines, True
            room -= len(text)
        return lines, True


def _tail(path: str, most: int) -> tuple[bytes, bool]:
    """The end of a rotated file, unpacked, and whether that is all of it."""
    with Path(path).open("rb") as file:
        if not path.endswith(".gz"):
            size = os.fstat(file.fileno()).st_size
            start = max(0, size - most)
            return _piece(file.fileno(), start, size), start == 0
        unpacker = zlib.decompressobj(wbits=31)
        text, passed = b"", 0
        while packed := file.read(1 << 14):
            piece = unpacker.decompress(packed)
            passed += len(piece)
            if passed > _UNPACKED_BYTES:
                return b"", False
            text = (text + piece)[-most:]
        return text, passed <= most


def _piece(descriptor: int, start: int, end: int) -> bytes:
    parts = []
    while start < end and (part := os.pread(descriptor, min(1 << 20, end - start), start)):
        parts.append(part)
        start += len(part)
    return b"".join(parts)
