"""A daemon thread with an asyncio loop of its own: what works there never waits for the screen, nor the screen for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any


class LoopThread:
    """Runs one coroutine in its own thread; others hand it small calls to make there. A fault in either ends it."""

    def __init__(
        self,
        name: str,
        work: Callable[[], Coroutine[Any, Any, None]],
        on_failure: Callable[[BaseException], None],
        at_end: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Prepare it.

        Args:
            name: of the thread.
            work: what it does until it is stopped.
            on_failure: called once, from the thread, when a fault has ended it.
            at_end: awaited when the work has ended, however it did.
        """
        self._work = work
        self._on_failure = on_failure
        self._at_end = at_end
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
                self._loop.call_soon_threadsafe(self._guarded, action)
            except RuntimeError:  # it closed in between
                return

    def stop(self, timeout_s: float = 1.0) -> None:
        """End the work and wait for it, not for ever: a source may hang in the kernel."""
        self.call(self._stop_soon)
        self._thread.join(timeout_s)

    def _guarded(self, action: Callable[[], None]) -> None:
        # asyncio would write a traceback over the screen and go on with half of the action done.
        try:
            action()
        except Exception as exc:
            self.failure = exc
            self._stop_soon()

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
            if self.failure is not None:
                self._on_failure(self.failure)

    async def _until_stopped(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._ready.set()
        work = asyncio.ensure_future(self._work())
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        try:
            if work.done():
                work.result()
        finally:
            work.cancel()
            if self._at_end is not None:
                await self._at_end()
