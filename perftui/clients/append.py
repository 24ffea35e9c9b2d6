"""One line added to a file that others read and write too."""

from __future__ import annotations

import os
from pathlib import Path


def append_line(path: Path, line: bytes) -> None:
    """Add a line in one write, so that lines of several writers never mix. A new file is its owner's alone (0600).

    A last line that its writer left without an end is ended first.

    Raises:
        OSError: the folder can't be made, or the file not be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        whole = (b"\n" if torn else b"") + line + b"\n"
        if os.write(descriptor, whole) < len(whole):
            raise OSError(28, "no space left on device")
    finally:
        os.close(descriptor)
