"""What the console is told when it starts. Imports nothing of Textual, so that commands can read it for their flags."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import msgspec

from perftui.pipeline.actions import Actions, Generator
from perftui.pipeline.snapshot import Snapshot
from perftui.tui.desk_side import MakeDesk


class Theme(StrEnum):
    COLOUR = "colour"
    """256 colours, made for a dark terminal."""
    ANSI = "ansi"
    """The terminal's own 16 colours."""
    NONE = "none"
    """Bold, dim and reverse only."""


class ConsoleOptions(msgspec.Struct, frozen=True, kw_only=True):
    state_dir: Path
    """Where `y` writes its files: `$XDG_STATE_HOME/perftui`."""
    snapshot_text: Callable[[Snapshot], str]
    """The report that `y` copies; handed in, since the screen and the reports don't know each other."""
    snapshot_json: Callable[[Snapshot], bytes]
    actions: Actions | None = None
    """What can be asked of the server; None over a tape."""
    generator: Generator | None = None
    """What makes the load that is watched; None where nothing was named that stops it."""
    playbooks: MakeDesk | None = None
    """Makes the desk of playbooks when it is first wanted; None where there is none."""
    theme: Theme | None = None
    """None: as the terminal and NO_COLOR say."""
    ascii: bool = False
    """Draw with ASCII signs only, whatever the terminal says."""
    mouse: bool = False
