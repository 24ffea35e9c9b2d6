"""What systemd says of its services, through `systemctl show`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from perftui.clients.program import environment, run_program
from perftui.model.failure import FailureKind, SourceError

TIMEOUT_S = 4.0
_MOST_BYTES = 4 << 20
"""About 10,000 services."""
_REASONS = {
    "not been booted with systemd": (FailureKind.UNSUPPORTED, "systemd is not this system's init"),
    "Permission denied": (FailureKind.DENIED, "this user may not ask systemd"),
    "Operation not permitted": (FailureKind.DENIED, "this user may not ask systemd"),
    "Access denied": (FailureKind.DENIED, "this user may not ask systemd"),
}


class Systemctl:
    """Runs `systemctl`; its moments are in UTC and its words in English, whatever the locale."""

    def __init__(self, program: str = "systemctl") -> None:
        self._program = program

    async def show(self, pattern: str, properties: Sequence[str]) -> str:
        """`Name=value` lines of all loaded units of a name pattern, a blank line between two units.

        Raises:
            SourceError: MISSING without systemctl, UNSUPPORTED where systemd does not run, DENIED, TIMED_OUT, UNREACHABLE.
        """
        ended = await run_program(
            [self._program, "show", "--no-pager", f"--property={','.join(properties)}", "--", pattern],
            env=environment(os.environ, given={"TZ": "UTC", "LC_ALL": "C", "SYSTEMD_COLORS": "0"}),
            timeout_s=TIMEOUT_S,
            cap_bytes=_MOST_BYTES,
        )
        if ended.timed_out:
            raise SourceError(FailureKind.TIMED_OUT, f"systemctl: no answer for {TIMEOUT_S:.0f} s")
        text = ended.head.decode("utf-8", "replace")
        if ended.code != 0:
            kind, words = next((told for sign, told in _REASONS.items() if sign in text), _unknown(text, ended.code))
            raise SourceError(kind, f"systemctl: {words}")
        return text


def _unknown(text: str, code: int | None) -> tuple[FailureKind, str]:
    lines = [line for line in text.splitlines() if line.strip()]
    words = (
        "".join(char if char.isprintable() else "?" for char in lines[-1][:120]) if lines else f"it ended with {code}"
    )
    return FailureKind.UNREACHABLE, words[:1].lower() + words[1:]
