"""What a command's exit tells the shell."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    HEALTHY = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3
    REFUSED = 4
    TIMED_OUT = 5
    USAGE = 64
    INTERNAL = 70
    INTERRUPTED = 130
