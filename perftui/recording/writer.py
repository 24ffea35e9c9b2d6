"""Writes a tape beside the program: nothing that happens to the disk reaches whoever records."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Condition, Thread

import zstandard

from perftui import __version__
from perftui.model.failure import UsageError
from perftui.model.frame import Frame, Machine
from perftui.recording.blocks import label
from perftui.recording.codec import FORMAT, Header, encode_frame, encode_header

BLOCK_S = 60.0
"""What a lost power supply costs at most, and what a jump in time has to unpack."""
BLOCK_BYTES = 8 << 20
"""Text after which a block ends early, since a reader unpacks it as one: frames with all processes are large."""
FLUSH_S = 5.0
"""What a killed recorder loses at most."""
LEVEL = 1  # smaller and cheaper here than levels 2 to 7: docs/decisions/002-tape-format.md
QUEUED_FRAMES = 120
CLOSE_S = 5.0


class TapeFile:
    """A new tape, written by whoever calls.

    Time is taken from the frames alone. Text is handed to the file system only as whole flushes, so after a failed
    write the file is put back to the last one.
    """

    def __init__(self, path: Path, machine: Machine, *, level: int = LEVEL, block_s: float = BLOCK_S) -> None:
        self._machine = machine
        self._block_s = block_s
        self._compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
        self._block: zstandard.ZstdCompressionObj | None = None
        self._began_mono = 0.0
        self._text_bytes = 0
        self._flushed_mono = float("-inf")
        self._latest_at = float("-inf")
        self._pending = bytearray()
        self._size = 0
        self._last_at = 0.0
        self.kept_at: float | None = None
        """Wall clock of the last frame that was handed to the file system."""
        self._fd = _create(path)

    def append(self, frame: Frame) -> None:
        """Add a frame; reaches the file at the next flush.

        Raises:
            OSError: the file could not be written.
        """
        if self._block is not None and (
            frame.mono - self._began_mono >= self._block_s or self._text_bytes >= BLOCK_BYTES
        ):
            self._end_block()
        if self._block is None:
            self._begin_block(frame)
        assert self._block is not None
        line = encode_frame(frame) + b"\n"
        self._pending += self._block.compress(line)
        self._text_bytes += len(line)
        self._last_at = frame.at
        self._latest_at = max(self._latest_at, frame.at)
        if frame.mono - self._flushed_mono >= FLUSH_S:
            self._pending += self._block.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
            self._write()
            self._flushed_mono = frame.mono

    def finish(self) -> None:
        """End the tape properly.

        Raises:
            OSError: the file could not be written.
        """
        if self._block is not None:
            self._end_block()

    def close(self) -> None:
        """Let go of the file; what was not flushed is lost."""
        with suppress(OSError):
            os.close(self._fd)

    def _begin_block(self, frame: Frame) -> None:
        if self._size == 0:
            # A block of its own: what damages the first minute must not cost the tape.
            header = Header(format=FORMAT, program=__version__, started_at=frame.at, machine=self._machine)
            self._pending += label(frame.at, self._latest_at)
            self._pending += self._compressor.compress(encode_header(header) + b"\n")
        self._pending += label(frame.at, self._latest_at)
        self._block = self._compressor.compressobj()
        self._began_mono = frame.mono
        self._text_bytes = 0
        self._latest_at = frame.at

    def _end_block(self) -> None:
        assert self._block is not None
        self._pending += self._block.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH)
        self._block = None
        self._write()
        os.fsync(self._fd)

    def _write(self) -> None:
        left = memoryview(bytes(self._pending))
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise
        self._size += len(self._pending)
        self._pending.clear()
        self.kept_at = self._last_at


class TapeWriter:
    """Records in a thread of its own; `write` may be called from any other."""

    def __init__(self, path: Path, machine: Machine) -> None:
        """Create the file.

        Raises:
            UsageError: it exists, or can't be created.
        """
        self._path = path
        self._file = TapeFile(path, machine)
        self._frames: deque[Frame] = deque()
        self._changed = Condition()
        self._closing = False
        self._ended = False
        self._stopped = ""
        self._dropped = 0
        self._thread = Thread(target=self._run, name="tape", daemon=True)
        self._thread.start()

    @property
    def status(self) -> str:
        """`on` or `closed` (and how many frames were dropped, if any), or `stopped: ` and why."""
        state = self._stopped or ("closed" if self._ended else "on")
        return f"{state}, {self._dropped} frames dropped: the disk is too slow" if self._dropped else state

    @property
    def failed(self) -> bool:
        """It stopped before it was closed, or could not be closed."""
        return self._stopped != ""

    def write(self, frame: Frame) -> None:
        """Hand over a frame; never waits for the disk, drops the frame when the disk is two minutes behind."""
        with self._changed:
            if self._ended or self._stopped or self._closing:
                return
            if len(self._frames) >= QUEUED_FRAMES:
                self._dropped += 1
                return
            self._frames.append(frame)
            self._changed.notify()

    def close(self) -> None:
        """Write what is queued and end the tape; gives a disk that hangs a few seconds, then leaves it."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            self._stopped = f"stopped: {self._path}: the disk did not answer for {CLOSE_S:.0f} s; {self._kept()}"

    def _run(self) -> None:
        try:
            while frame := self._next():
                self._file.append(frame)
            self._file.finish()
            self._stopped = ""  # a disk that hung while it was closed came back
            self._ended = True
        except OSError as exc:
            self._stopped = f"stopped: {self._path}: {(exc.strerror or str(exc)).lower()}; {self._kept()}"
        except Exception as exc:  # a thread that died unseen would leave "on" on the screen
            self._stopped = f"stopped: {self._path}: our own fault: {exc!r}; {self._kept()}"
        finally:
            self._file.close()

    def _next(self) -> Frame | None:
        """Wait for a frame; None once the tape is to be closed and all are written."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._closing)
            return self._frames.popleft() if self._frames else None

    def _kept(self) -> str:
        if self._file.kept_at is None:
            return "nothing was recorded"
        return f"recorded up to {datetime.fromtimestamp(self._file.kept_at, UTC):%Y-%m-%d %H:%M:%SZ}"


def _create(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise UsageError(
            f"{path}: already exists, and a recording never overwrites; give another name or move it away"
        ) from None
    except OSError as exc:
        raise UsageError(f"{path}: can't be created: {(exc.strerror or str(exc)).lower()}") from exc
