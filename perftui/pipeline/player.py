"""What a screen follows: live with a look back, or a tape. Both publish `Shown`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from perftui.pipeline.snapshot import Snapshot


class Mode(StrEnum):
    LIVE = "live"
    PAUSED = "paused"
    """A moment of the past or a tape that stands still."""
    PLAYING = "playing"
    """A tape that runs."""
    ENDED = "ended"
    """A tape at its end."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the screen is to show now."""

    snapshot: Snapshot
    mode: Mode
    behind_s: float = 0.0
    """How far the shown moment lies before the newest one."""
    speed: float = 1.0
    oldest_at: float = 0.0
    newest_at: float = 0.0
    recording: str = ""
    """State of the tape being written: empty while none is, `on`, or why it stopped."""
    note: str = ""
    """One line for the operator: what a key just did, or why it did nothing."""


Publish = Callable[[Shown], None]


class Player(Protocol):
    """Thread-safe: called from the screen, works in its own thread, publishes from there."""

    @property
    def failure(self) -> BaseException | None:
        """The fault of ours that ended its thread; None while it works."""
        ...

    def start(self, publish: Publish) -> None: ...
    def stop(self) -> None: ...
    def pause_or_resume(self) -> None: ...
    def step(self, seconds: float) -> None:
        """Move the shown moment by so many seconds (negative: back); pauses."""
        ...

    def oldest(self) -> None: ...
    def newest(self) -> None:
        """Back to live, or to the tape's end."""
        ...

    def faster(self, factor: float) -> None:
        """Multiply a tape's speed; a live feed says that it can't."""
        ...

    def mark(self, text: str) -> None:
        """Put a mark on the time axis; a tape says that it can't."""
        ...

    def want_all_processes(self, wanted: bool) -> None:
        """Read every process while a pane shows them all."""
        ...
