"""The time zone that this host's programs log in."""

from __future__ import annotations

from datetime import UTC, tzinfo
from pathlib import Path

_UTC = ("UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu")


def host_zone(path: Path = Path("/etc/localtime")) -> tzinfo:
    """The host's zone, whatever TZ says for this program alone; UTC where none is set, as the C library has it."""
    try:
        name = str(path.resolve()).rpartition("zoneinfo/")[2]
        if name in _UTC:
            return UTC
        with path.open("rb") as file:
            from zoneinfo import ZoneInfo  # reads how Python was built: 5 ms that a server in UTC need not pay

            return ZoneInfo.from_file(file, key=name)
    except (OSError, ValueError):
        return UTC
