"""Writes a run's journal where it can't block the loop, with secrets taken out, and leaves a disk that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from perftui.model.failure import FailureKind, SourceError
from perftui.playbooks.journal import Entry
from perftui.playbooks.redaction import Redactor
from perftui.playbooks.run_folder import Durability, Kept, RunFolder

T = TypeVar("T")
HANG_S = 5.0


class Blocking(Protocol):
    """Runs a call that may block in a thread."""

    async def run(self, call: Callable[[], T]) -> T: ...


class Keeper:
    """The one writer of a run's folder; calls are made one after the other."""

    def __init__(self, folder: RunFolder, new_thread: Callable[[], Blocking], redactor: Redactor) -> None:
        self._folder = folder
        self._new_thread = new_thread
        self._thread = new_thread()
        self._turn = asyncio.Lock()
        self.redactor = redactor

    @property
    def name(self) -> str:
        return self._folder.name

    @property
    def durability(self) -> Durability:
        return self._folder.durability

    @property
    def problem(self) -> str:
        """Why the journal is not on the disk; empty while it is."""
        return self._folder.problem

    @property
    def path(self) -> Path | None:
        return self._folder.path

    @property
    def entries(self) -> list[Entry]:
        return self._folder.entries

    def output_file(self, name: str) -> Path | None:
        return self._folder.output_file(name)

    async def append(self, ev: str, step: str | None = None, attempt: int = 0, data: Mapping[str, Any] = {}) -> Entry:
        """Write one line; it is safe when this returns."""
        clean = self.redactor.data(dict(data))
        return await self._done(
            lambda folder: folder.append(ev, step, attempt, clean), afterwards=lambda folder: folder.entries[-1]
        )

    async def keep(self, text: str) -> Kept:
        """Keep evidence."""
        raw = self.redactor.text(text).encode()
        return await self._done(lambda folder: folder.keep(raw))

    async def keep_playbook(self, raw: bytes, used: str | None = None) -> None:
        await self._done(lambda folder: folder.keep_playbook(raw, used))

    async def beside(self, call: Callable[[], T], what: str) -> T:
        """A call that may block and is none of the journal's.

        Raises:
            SourceError: the disk refuses it, or does not answer.
        """
        try:
            return await asyncio.wait_for(self._new_thread().run(call), HANG_S)
        except TimeoutError:
            problem = f"{what}: the disk has not answered for {HANG_S:.0f} s"
            raise SourceError(FailureKind.TIMED_OUT, problem) from None
        except OSError as exc:
            raise SourceError(FailureKind.DENIED, f"{what}: {(exc.strerror or str(exc)).lower()}") from exc

    async def close(self) -> None:
        await self._done(lambda folder: folder.close())

    async def _done(self, work: Callable[[RunFolder], T], afterwards: Callable[[RunFolder], T] | None = None) -> T:
        """Do it in the thread; past the deadline once more without the disk, in a thread that is free.

        `afterwards` reads the result where the hanging call has done its part in memory before it hung.
        """
        async with self._turn:
            folder = self._folder
            try:
                return await asyncio.wait_for(self._thread.run(lambda: work(folder)), HANG_S)
            except (TimeoutError, SourceError):
                self._thread = self._new_thread()
                why = f"the disk has not answered for {HANG_S:.0f} s"
                self._folder = await self._thread.run(lambda: folder.without_disk(why))
            again = afterwards or work
            return await self._thread.run(lambda: again(self._folder))


Awaited = Awaitable[Any]
