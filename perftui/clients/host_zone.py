"""The time zone that this host's programs log in."""

from __future__ import annotations

from datetime import UTC, tzinfo
from pathlib import Path


def host_zone(path: Path = Path("/etc/localtime")) -> tzinfo:
    """The host's zone, whatever TZ says for this program alone; UTC where none is set, as the C library has it."""
    from zoneinfo import ZoneInfo

    try:
        with path.open("rb") as file:
            return ZoneInfo.from_file(file, key=str(path.resolve()).rpartition("zoneinfo/")[2])
    except (OSError, ValueError):
        return UTC
