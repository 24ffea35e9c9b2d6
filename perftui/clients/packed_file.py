"""A file of lines, plain or packed (.gz, .zst), in one pass with bounded memory."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import zstandard

from perftui.clients.log_file import file_errors
from perftui.model.failure import FailureKind, SourceError

PIECE_BYTES = 1 << 20
_LINE_BYTES = 16 << 20
STDIN = "-"


def pieces(path: str) -> Iterator[bytes]:
    """The whole of it, about 1 MiB of whole lines at a time; the last one may lack its newline.

    Raises:
        SourceError: MISSING, DENIED, UNREACHABLE; MALFORMED where it can't be unpacked, with all that came before given.
    """
    rest = b""
    with file_errors(path), _opened(path) as file:
        while True:
            try:
                part = file.read(PIECE_BYTES)
            except (EOFError, zlib.error, zstandard.ZstdError, gzip.BadGzipFile) as exc:
                raise SourceError(FailureKind.MALFORMED, f"{path}: can't be unpacked: {exc}") from None
            if not part:
                break
            whole = part.rfind(b"\n") + 1
            if whole or len(rest) > _LINE_BYTES:
                yield rest + part[:whole]
                rest = part[whole:]
            else:
                rest += part
    if rest:
        yield rest


def _opened(path: str) -> IO[bytes]:
    if path == STDIN:
        return sys.stdin.buffer
    if path.endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if path.endswith(".zst"):
        return zstandard.open(path, "rb")  # type: ignore[no-any-return]
    return Path(path).open("rb")
