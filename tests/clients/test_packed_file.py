"""Files of lines, plain or packed, a piece at a time."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from perftui.clients.packed_file import pieces
from perftui.model.failure import FailureKind, SourceError

LINES = b"".join(b"%09d some words to pack\n" % number for number in range(100_000))


@pytest.mark.parametrize("end", [b"", b"without a newline"])
@pytest.mark.parametrize("suffix", ["log", "gz", "zst"])
def test_all_of_it_in_whole_lines(tmp_path: Path, suffix: str, end: bytes) -> None:
    path = tmp_path / f"file.{suffix}"
    packs: dict[str, Callable[[bytes], bytes]] = {
        "log": bytes,
        "gz": gzip.compress,
        "zst": zstandard.ZstdCompressor().compress,
    }
    path.write_bytes(packs[suffix](LINES + end))
    parts = list(pieces(str(path)))

    assert b"".join(parts) == LINES + end
    assert all(part.endswith(b"\n") for part in parts[: -1 if end else None])
    assert len(parts) >= 3


def test_a_line_longer_than_a_piece(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3_000_000 + b"\ny\n")

    assert b"".join(pieces(str(path))) == b"x" * 3_000_000 + b"\ny\n"


def test_damage_and_absence_are_told(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(LINES)[:50_000])
    with pytest.raises(SourceError, match="can't be unpacked") as caught:
        list(pieces(str(path)))
    assert caught.value.kind is FailureKind.MALFORMED
    with pytest.raises(SourceError, match="not there"):
        list(pieces(str(tmp_path / "no.log")))
