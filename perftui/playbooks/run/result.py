"""What a run came to."""

from __future__ import annotations

from perftui.model.exit_code import ExitCode
from perftui.playbooks.run.state import Ended, State


def exit_code(state: State) -> ExitCode:
    """For the shell: refused before timed out before failed before unknown; a failure that was passed over counts."""
    ended = set(state.ended.values())
    if Ended.REFUSED in ended:
        return ExitCode.REFUSED
    if Ended.FAILED in ended:
        return ExitCode.TIMED_OUT if state.timed_out else ExitCode.WARNING
    return ExitCode.UNKNOWN if Ended.UNKNOWN in ended else ExitCode.HEALTHY
