"""A daemon thread with an asyncio loop of its own: what works there never waits for the screen, nor the screen for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any


class LoopThread:
    """Runs one coroutine in its own thread; others hand it small calls to make there."""

    def __init__(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._stopping: asyncio.Event | None = None
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def call(self, action: Callable[[], None]) -> None:
        """Have `action` run in the thread, soon; nothing when the thread has ended."""
        self._ready.wait(5)
        if self._loop is not None and not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(action)
            except RuntimeError:  # it closed in between
                return

    def stop(self, timeout_s: float = 1.0) -> None:
        """End the work and wait for it, not for ever: a source may hang in the kernel."""
        self.call(self._stop_soon)
        self._thread.join(timeout_s)

    def _stop_soon(self) -> None:
        if self._stopping is not None:
            self._stopping.set()

    def _run(self) -> None:
        try:
            asyncio.run(self._until_stopped())
        except BaseException as exc:  # told by the console at its exit, with the traceback under --debug
            self.failure = exc
        finally:
            self._ready.set()

    async def _until_stopped(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._ready.set()
        work = asyncio.ensure_future(self._work())
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if work.done():
            work.result()
        work.cancel()
