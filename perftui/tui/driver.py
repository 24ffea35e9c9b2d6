"""Textual's driver of a Linux terminal, as the console needs it."""

from __future__ import annotations

import os
import select
import threading
import time
from codecs import getincrementaldecoder
from typing import Any

from textual import constants
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from perftui.tui import terminal

PIECE_BYTES = 4096
TICK_S = 0.1


class _WakingEvent(threading.Event):
    """An event that can be waited for together with a descriptor."""

    def __init__(self) -> None:
        super().__init__()
        self.descriptor, self._end = os.pipe()

    def set(self) -> None:
        super().set()
        os.write(self._end, b".")

    def clear(self) -> None:
        super().clear()
        os.read(self.descriptor, PIECE_BYTES)


class ConsoleDriver(LinuxDriver):
    """Reads the size from where it draws, which is stderr: stdout may be a pipe. Sleeps while no key is pressed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.exit_event: _WakingEvent = _WakingEvent()

    def run_input_thread(self) -> None:
        """Read keys until the driver is stopped.

        Textual 8.2.8 wakes ten times a second to see whether an escape sequence was left unfinished, which is a tenth of
        what this program may cost; here it does so only after something was typed.
        """
        parser, decode = XTermParser(self._debug), getincrementaldecoder("utf-8")().decode
        watched = (self.fileno, self.exit_event.descriptor)
        settled_at = 0.0
        while not self.exit_event.is_set():
            unfinished = time.monotonic() < settled_at
            ready, _, _ = select.select(watched, (), (), TICK_S if unfinished else None)
            if self.fileno in ready:
                settled_at = time.monotonic() + constants.ESCAPE_DELAY + 2 * TICK_S
                for event in parser.feed(decode(os.read(self.fileno, PIECE_BYTES))):
                    self.process_message(event)
            for event in parser.tick():
                self.process_message(event)

    def _get_terminal_size(self) -> tuple[int, int]:
        return terminal.size()

    def _sigcont_application(self, *_: object) -> None:
        # After a Ctrl+Z of ours the terminal was given back. After a SIGSTOP from outside it was not, and Textual would
        # start its threads a second time beside the old ones. That stop can have come at any moment, also while this
        # thread held the lock of the writer's queue: so this is done by the loop, not here in the signal's handler.
        if self._must_signal_resume:
            super()._sigcont_application()
        else:
            self._loop.call_soon_threadsafe(self._begin_again)

    def _begin_again(self) -> None:
        self.suspend_application_mode()
        self._must_signal_resume = True
        super()._sigcont_application()

    def waiting_writes(self) -> int:
        """Pieces of output that the terminal has not taken yet."""
        return self._writer_thread._queue.qsize() if self._writer_thread is not None else 0
