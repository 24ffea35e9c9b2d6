"""A file that is whole or not there, for its owner alone, and never written over one that was there."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path


def write_report(path: Path, data: bytes, force: bool) -> None:
    """Write it beside its place and put it there in one move.

    Args:
        force: a file that is there is replaced; anything else (a folder, a device, a link) never is.

    Raises:
        FileExistsError: something is there.
        OSError: it can't be written; nothing is left behind.
    """
    try:
        about = path.lstat()
    except FileNotFoundError:
        about = None
    if about is not None and not (force and stat.S_ISREG(about.st_mode)):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(partial, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if not force:
            # A rename would take the place of what somebody put there in the meantime.
            os.close(os.open(path, flags, 0o600))
        partial.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
