"""The file below the lines: a chain of blocks, each found by its time without unpacking any.

A block is a zstd *skippable frame* that tells where in time it begins (RFC 8878, section 3.1.2; decoders skip it, so
`zstdcat` shows lines only), then one zstd frame with about a minute of lines; the first block holds the header alone.
Nothing is ever written before the end of the file, so what was once on disk stays readable whatever happens to the
recorder.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

import msgspec
import zstandard

from perftui.model.failure import TapeError
from perftui.recording.codec import FORMAT, NEWER

_LABEL = struct.Struct("<II5sB2xdd")
_SKIPPABLE = 0x184D2A57  # one of the sixteen magic numbers that zstd leaves to applications
_NAME = b"ptape"
_READ_BYTES = 16 * 1024  # of a cut block with damage, the piece with the damage is lost
_FRAME_HEADER_BYTES = 18  # the longest there is

HEAD_BYTES = 13
"""As many bytes of a file tell whether it is a tape."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Where a minute of lines lies in the file."""

    start: int
    end: int
    first_at: float
    """Wall clock of its first frame."""
    latest_at: float
    """Highest wall clock of its frames: not always the last one's, for that clock may be set back."""
    whole: bool
    """It has its end, and so its checksum."""


def label(first_at: float, latest_before_at: float) -> bytes:
    """What stands before a block.

    Args:
        first_at: wall clock of the block's first frame.
        latest_before_at: highest wall clock of the block before it, which was not known when that one began; -inf
            at the start of a tape.
    """
    return _LABEL.pack(_SKIPPABLE, _LABEL.size - 8, _NAME, FORMAT, first_at, latest_before_at)


def is_tape(head: bytes) -> bool:
    """Whether a file that starts so is a tape, of whatever format and wherever it was cut."""
    magic = struct.pack("<I", _SKIPPABLE)
    return head[:4] == magic[: len(head)] and _NAME.startswith(head[8:HEAD_BYTES])


def find_blocks(fd: int, size: int) -> tuple[list[Block], bool]:
    """All blocks in the first `size` bytes, and whether one of them is cut off or damaged.

    Raises:
        TapeError: a block is of a newer format.
    """
    blocks: list[Block] = []
    position, cut = 0, False
    while (found := _read_label(fd, position)) is not None:
        first_at, latest_before_at = found
        if blocks and latest_before_at > float("-inf"):  # or another tape was joined with `cat`
            blocks[-1] = msgspec.structs.replace(blocks[-1], latest_at=latest_before_at)
        start = position + _LABEL.size
        end = _frame_end(fd, start)
        whole = end is not None and (end == size or _read_label(fd, end) is not None)
        if end is None or not whole:
            cut = True
            end = _next_label(fd, start, size)
        blocks.append(Block(start=start, end=end, first_at=first_at, latest_at=float("inf"), whole=whole))
        position = end
    return blocks, cut or position < size


def _next_label(fd: int, position: int, size: int) -> int:
    """Where the next label stands behind a cut or damaged place; `size` when there is none."""
    start = struct.pack("<II5s", _SKIPPABLE, _LABEL.size - 8, _NAME)
    while position < size:
        piece = os.pread(fd, min(_READ_BYTES, size - position), position)
        found = piece.find(start)
        if found >= 0:
            return position + found
        position += max(1, len(piece) - len(start) + 1)
    return size


def _read_label(fd: int, position: int) -> tuple[float, float] | None:
    raw = os.pread(fd, _LABEL.size, position)
    if len(raw) <= HEAD_BYTES or not is_tape(raw):
        return None
    if (version := raw[HEAD_BYTES]) > FORMAT:
        raise TapeError(NEWER.format(version, FORMAT))
    return _LABEL.unpack(raw)[-2:] if len(raw) == _LABEL.size else None


def _frame_end(fd: int, start: int) -> int | None:
    """Where a zstd frame ends, by the headers of its inner blocks; None when it is cut or none (RFC 8878, 3.1.1)."""
    head = os.pread(fd, _FRAME_HEADER_BYTES, start)
    try:
        position = start + zstandard.frame_header_size(head)
        checksum_bytes = 4 if zstandard.get_frame_parameters(head).has_checksum else 0
    except zstandard.ZstdError:
        return None
    while len(raw := os.pread(fd, 3, position)) == 3:
        header = int.from_bytes(raw, "little")
        last, kind, length = header & 1, header >> 1 & 3, header >> 3
        if kind == 3:
            return None
        position += 3 + (1 if kind == 1 else length)
        if last:
            return position + checksum_bytes
    return None


def unpacked(fd: int, block: Block) -> Iterator[bytes]:
    """Its text: of a whole block in one piece, once its checksum was seen to hold; of a cut one as far as it goes.

    Raises:
        zstandard.ZstdError: the bytes are damaged.
    """
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    pieces = (unpacker.decompress(piece) for piece in stored(fd, block))
    if block.whole:
        yield b"".join(pieces)
    else:
        yield from pieces


def stored(fd: int, block: Block) -> Iterator[bytes]:
    """Its bytes in pieces as they stand in the file."""
    position = block.start
    while position < block.end:
        piece = os.pread(fd, min(_READ_BYTES, block.end - position), position)
        if not piece:
            return
        position += len(piece)
        yield piece
