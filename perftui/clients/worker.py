"""A thread for calls that may block in the kernel (a dead disk, a process whose memory map is locked)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from perftui.model.failure import FailureKind, SourceError

T = TypeVar("T")

_Job = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class DaemonWorker:
    """One daemon thread, started at its first call: a call that never returns stops neither the loop nor the program's exit.

    An executor of the standard library is no choice here: the interpreter waits for its threads at exit.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._thread: Thread | None = None
        self._since: float | None = None

    async def run(self, call: Callable[[], T]) -> T:
        """Run the call in the thread and give what it returns or raises.

        Raises:
            SourceError: TIMED_OUT while an earlier call, whose caller gave up on it, is still stuck.
        """
        since = self._since
        if since is not None:
            stuck = time.monotonic() - since
            raise SourceError(
                FailureKind.TIMED_OUT,
                f"{self._name}: the kernel has not answered for {stuck:.0f} s; look for a dead disk or a process in state D",
            )
        if self._thread is None:
            self._thread = Thread(target=self._work, name=f"perftui-{self._name}", daemon=True)
            self._thread.start()
        self._since = time.monotonic()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put((call, future))
        return await future

    def cpu_s(self) -> float:
        """CPU time of the calling thread: two of them inside a call tell what it cost."""
        return time.thread_time()

    def _work(self) -> None:
        while True:
            call, future = self._jobs.get()
            try:
                result, error = call(), None
            except Exception as exc:
                result, error = None, exc
            self._since = None
            if not _told(future, result, error):
                return


async def in_daemon(call: Callable[[], T]) -> T:
    """What the call returns or raises, from a daemon thread of its own that ends with it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    Thread(target=_call_and_tell, args=(call, future), name="perftui-call", daemon=True).start()
    return await future


def _call_and_tell(call: Callable[[], Any], future: asyncio.Future[Any]) -> None:
    try:
        result, error = call(), None
    except Exception as exc:
        result, error = None, exc
    _told(future, result, error)


def _told(future: asyncio.Future[Any], result: Any, error: Exception | None) -> bool:
    """False when the loop was closed while the call ran: nobody waits any more."""
    try:
        future.get_loop().call_soon_threadsafe(_settle, future, result, error)
    except RuntimeError:
        return False
    return True


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():  # its caller gave up at the deadline
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
