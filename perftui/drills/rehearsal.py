"""A drill as its starter sees it: stage up, fault made, all undone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

import msgspec

from perftui.drills.kind import Drill
from perftui.drills.order import BEGIN, Order, Said
from perftui.model.failure import FailureKind, SourceError

UNDO_S = 40.0
"""Longest time to undo; what the keeper has not done then, the next drill's sweep does."""


class Rehearsal:
    """Starts the keeper and talks to it. The keeper's input is our lifeline: it ends with us, however we end."""

    def __init__(self, drill: Drill, at_most_s: float) -> None:
        self.drill = drill
        self._order = Order(drill=drill.name, at_most_s=at_most_s)
        self._keeper: subprocess.Popen[bytes] | None = None
        self.stage = Said(event="undone")
        self.begun_at: float | None = None
        """Wall clock."""
        self.begun_mono: float | None = None
        self.failure: SourceError | None = None

    @property
    def pid(self) -> int:
        assert self._keeper is not None, "not started"
        return self._keeper.pid

    def __enter__(self) -> Self:
        """Bring the stage up.

        Raises:
            SourceError: something of it does not start, with the reason.
        """
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "perftui.drills.keeper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            start_new_session=True,
        )
        self._write(msgspec.json.encode(self._order))
        try:
            self.stage = self._heard("ready")
        except BaseException:
            self.end()
            raise
        return self

    def begin(self) -> None:
        """Make the fault, and wait until it is made.

        Raises:
            SourceError: it can't be made, with the reason.
        """
        self._write(BEGIN)
        self._heard("begun")
        self.begun_at, self.begun_mono = time.time(), time.monotonic()

    def begin_later(self, seconds: float) -> None:
        """The same in a thread of its own, after a while."""

        def make() -> None:
            try:
                self.begin()
            except SourceError as exc:
                self.failure = exc

        timer = threading.Timer(seconds, make)
        timer.daemon = True
        timer.start()

    def end(self) -> None:
        """Take all back, and wait for it."""
        keeper = self._keeper
        if keeper is None:
            return
        self._keeper = None
        assert keeper.stdin is not None and keeper.stdout is not None, "both were asked for"
        keeper.stdin.close()
        try:
            keeper.wait(UNDO_S)
        except subprocess.TimeoutExpired:
            keeper.terminate()
            keeper.wait(UNDO_S)
        keeper.stdout.close()

    def __exit__(self, *exc: object) -> None:
        self.end()

    def _write(self, line: bytes) -> None:
        keeper = self._keeper
        if keeper is None or keeper.stdin is None:
            return
        try:
            keeper.stdin.write(line + b"\n")
            keeper.stdin.flush()
        except OSError as exc:
            raise SourceError(FailureKind.INTERNAL, "the drill's keeper ended by itself") from exc

    def _heard(self, event: str) -> Said:
        keeper = self._keeper
        line = keeper.stdout.readline() if keeper is not None and keeper.stdout is not None else b""
        if not line:
            raise SourceError(FailureKind.INTERNAL, "the drill's keeper ended by itself")
        said = msgspec.json.decode(line, type=Said)
        if said.event == event:
            return said
        raise SourceError(FailureKind.UNSUPPORTED, f"the drill can't be played here: {said.detail or said.event}")
