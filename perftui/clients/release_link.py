"""A symbolic link that a deploy moves."""

from __future__ import annotations

import os


def release_link(path: str) -> tuple[str, float] | None:
    """(where it points, wall clock of the moment it was made); None where there is no such link."""
    try:
        return os.readlink(path), os.lstat(path).st_mtime
    except OSError:
        return None
