"""The frames of the last hour in memory, compressed: any past tick's readings can be derived again."""

from __future__ import annotations

from collections.abc import Mapping

import zstandard

from perftui.model.frame import Frame
from perftui.recording.codec import decode_frame, encode_frame
from perftui.recording.writer import LEVEL
from perftui.sources.kind import SourceKind

BLOCK = 32


class FrameRing:
    """Frames by tick index, oldest dropped first. One thread only."""

    def __init__(self, kinds: Mapping[str, SourceKind], keep: int) -> None:
        self._kinds = kinds
        self._keep_blocks = max(1, keep // BLOCK)
        self._packed: dict[int, bytes] = {}
        self._open: list[bytes] = []
        self._count = 0
        self._unpacked: tuple[int, list[bytes]] = (-1, [])
        self._packer = zstandard.ZstdCompressor(level=LEVEL)
        self._unpacker = zstandard.ZstdDecompressor()

    def append(self, frame: Frame) -> None:
        """Keep the frame of the next tick."""
        self._open.append(encode_frame(frame))
        self._count += 1
        if len(self._open) == BLOCK:
            block = self._count // BLOCK - 1
            packed = self._packer.compress(b"\n".join(self._open))
            # A copy: behind the 40 kB of result zstandard 0.25 keeps the 450 kB that an incompressible block would need.
            self._packed[block] = memoryview(packed).tobytes()
            self._packed.pop(block - self._keep_blocks, None)
            self._open = []

    @property
    def first(self) -> int:
        """Index of the oldest frame kept."""
        return min(self._packed, default=self._count // BLOCK) * BLOCK

    @property
    def end(self) -> int:
        """Index after the newest frame."""
        return self._count

    def get(self, index: int) -> Frame:
        """The frame of tick `index`, which lies between `first` and `end`."""
        block, place = divmod(index, BLOCK)
        if block == self._count // BLOCK:
            return decode_frame(self._open[place], self._kinds)
        if self._unpacked[0] != block:
            self._unpacked = (block, self._unpacker.decompress(self._packed[block]).split(b"\n"))
        return decode_frame(self._unpacked[1][place], self._kinds)
