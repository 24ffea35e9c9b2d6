"""What others write while we read: the end of a file that grows, or a pipe. Whole lines only, nothing twice."""

from __future__ import annotations

import os
import stat
from collections import deque
from threading import Condition, Thread
from typing import NamedTuple

from perftui.clients.log_file import file_errors
from perftui.model.failure import FailureKind, SourceError

BLOCK_BYTES = 256 << 10
"""Read at once, more is told as `behind`: what fits into the processor's cache costs a third of what megabytes do."""
MOST_BYTES = 32 << 20
"""No line is as long, and no writer of a pipe is so far ahead."""
HEAD_BYTES = 64 << 10
_PEEK_BYTES = 4 << 10
_KNOWN_BYTES = 64
"""Of what was read last; where they differ the next time, the file was written anew in place."""


class Piece(NamedTuple):
    """What was added since the last look."""

    text: bytes
    """Whole lines, the newline of the last one included."""
    anew: bool
    """The file is read from a new start: it is another one, or was cut."""
    behind_bytes: int
    """What is there and not read yet."""


class FileTail:
    """A file's end, across rotation and truncation; blocking, for one thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1
        self._offset = 0
        self._known = b""
        self._looked = False
        self.left_out_bytes = 0
        """Of the file as it was found: older than our watch, and never read."""

    def read(self) -> Piece:
        """What is new. A file that was there at the first look is read from its end, a later one from its start.

        Raises:
            SourceError: MISSING, DENIED, UNREACHABLE; MALFORMED where it is no regular file.
        """
        with file_errors(self._path):
            anew = self._descriptor < 0
            if anew:
                self._open()
            elif self._was_cut():
                self._offset, self._known, anew = 0, b"", True
            text, behind = self._take()
            if not text and not anew and self._is_another():
                os.close(self._descriptor)
                self._descriptor = -1
                self._open()
                anew = True
                text, behind = self._take()
            return Piece(text, anew, behind)

    def head(self) -> bytes:
        """The file's first lines, by which its format is known."""
        return os.pread(self._descriptor, HEAD_BYTES, 0) if self._descriptor >= 0 else b""

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        first, self._looked = not self._looked, True
        status = os.stat(self._path)
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(FailureKind.MALFORMED, f"{self._path}: no regular file; expected results that grow")
        self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        self._offset, self._known = 0, b""
        if first:
            end = os.fstat(self._descriptor).st_size
            start = max(0, end - HEAD_BYTES)
            self._offset = start + os.pread(self._descriptor, end - start, start).rfind(b"\n") + 1
            self.left_out_bytes = self._offset

    def _was_cut(self) -> bool:
        size = os.fstat(self._descriptor).st_size
        known = os.pread(self._descriptor, len(self._known), self._offset - len(self._known))
        return size < self._offset or known != self._known

    def _is_another(self) -> bool:
        try:
            there, ours = os.stat(self._path), os.fstat(self._descriptor)
        except FileNotFoundError:  # between two files: the old one may still be written to
            return False
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _take(self) -> tuple[bytes, int]:
        size = self._whole_lines()
        text = os.pread(self._descriptor, size, self._offset)
        whole = text.rfind(b"\n") + 1
        while not whole and len(text) == size:
            if size >= MOST_BYTES:
                whole = size  # it is told as unreadable rather than waited for
                break
            size *= 2
            text = os.pread(self._descriptor, size, self._offset)
            whole = text.rfind(b"\n") + 1
        full, text = len(text) == size, text[:whole]
        self._offset += whole
        if text:
            self._known = text[-_KNOWN_BYTES:]
        return text, os.fstat(self._descriptor).st_size - self._offset if full else 0

    def _whole_lines(self) -> int:
        """How much of a block ends with a line: to read just that costs less than to cut it."""
        size = min(_PEEK_BYTES, BLOCK_BYTES)
        peek = os.pread(self._descriptor, size, self._offset + BLOCK_BYTES - size)
        line_end = peek.rfind(b"\n") + 1 if len(peek) == size else 0
        return BLOCK_BYTES - size + line_end if line_end else BLOCK_BYTES


class StreamTail:
    """Standard input or a FIFO, emptied by a thread of its own: who writes into it must never wait for our next tick."""

    left_out_bytes = 0

    def __init__(self, descriptor: int | None, path: str = "") -> None:
        """Read nothing yet.

        Args:
            descriptor: what to read; None opens the path, which blocks the thread until somebody writes.
        """
        self._descriptor = descriptor
        self._path = path or "standard input"
        self._parts: deque[bytes] = deque()
        self._held = 0
        self._head = b""
        self._ended = ""
        self._thread: Thread | None = None
        self._room = Condition()

    def read(self) -> Piece:
        """What came since the last look.

        Raises:
            SourceError: UNREACHABLE when it has ended and all of it was given.
        """
        if self._thread is None:
            self._thread = Thread(target=self._empty, name="perftui-load", daemon=True)
            self._thread.start()
        with self._room:
            text = b""
            while self._parts and (len(text) < BLOCK_BYTES or b"\n" not in text):
                text += self._parts.popleft()
            whole, behind = text.rfind(b"\n") + 1, bool(self._parts)
            if self._ended and not whole:
                raise SourceError(FailureKind.UNREACHABLE, f"{self._path}: {self._ended}")
            if whole < len(text):
                self._parts.appendleft(text[whole:])
            self._held -= whole
            self._room.notify()
        self._head = self._head or text[:whole][:HEAD_BYTES]
        return Piece(text[:whole], False, self._held if behind else 0)

    def head(self) -> bytes:
        return self._head

    def close(self) -> None:
        """Nothing: the thread ends with what it reads, or with the program."""

    def _empty(self) -> None:
        try:
            descriptor = os.open(self._path, os.O_RDONLY) if self._descriptor is None else self._descriptor
            while part := os.read(descriptor, 1 << 20):
                with self._room:
                    self._room.wait_for(lambda: self._held < MOST_BYTES)
                    self._parts.append(part)
                    self._held += len(part)
            ended = "it has ended"
        except OSError as exc:
            ended = (exc.strerror or str(exc)).lower()
        with self._room:
            self._ended = ended


def tail_of(path: str) -> FileTail | StreamTail:
    """A FIFO is a stream; all else, also what is not there yet, is a file."""
    try:
        fifo = stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        fifo = False
    return StreamTail(None, path) if fifo else FileTail(path)
