"""The thread that reads keys, on a pipe in the place of a terminal."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections.abc import Iterator

import pytest
from textual import events
from textual.app import App
from textual.message import Message

from perftui.tui.driver import TICK_S, ConsoleDriver

WAIT_S = 5.0


class Reader(ConsoleDriver):
    """Keeps what it would tell the app."""

    def __init__(self, fileno: int) -> None:
        super().__init__(App())
        self.fileno = fileno
        self.told: queue.Queue[Message] = queue.Queue()

    def process_message(self, message: Message) -> None:
        self.told.put(message)

    def key(self) -> str:
        message = self.told.get(timeout=WAIT_S)
        assert isinstance(message, events.Key)
        return message.key


async def _reader(fileno: int) -> Reader:
    return Reader(fileno)  # Textual's drivers are made within a loop


@pytest.fixture
def typing() -> Iterator[tuple[Reader, int]]:
    """The driver while its thread reads, and where to type."""
    fileno, end = os.pipe()
    reader = asyncio.run(_reader(fileno))
    thread = threading.Thread(target=reader.run_input_thread, daemon=True)
    thread.start()
    yield reader, end
    reader.exit_event.set()
    thread.join(WAIT_S)
    assert not thread.is_alive()
    os.close(fileno)
    os.close(end)


@pytest.mark.parametrize(("typed", "keys"), [(b"a", ["a"]), (b"\x1b", ["escape"]), (b"\x1b[Bq", ["down", "q"])])
def test_keys_are_read_and_an_escape_that_stands_alone_is_a_key(
    typed: bytes, keys: list[str], typing: tuple[Reader, int]
) -> None:
    reader, end = typing
    os.write(end, typed)

    assert [reader.key() for _ in keys] == keys


def test_nothing_is_done_while_no_key_is_pressed(typing: tuple[Reader, int]) -> None:
    reader, end = typing
    os.write(end, b"a")
    assert reader.key() == "a"
    time.sleep(6 * TICK_S)  # what may follow an escape has been waited for
    (thread,) = (each for each in threading.enumerate() if each.name.endswith("(run_input_thread)"))
    assert thread.ident is not None
    clock = time.pthread_getcpuclockid(thread.ident)
    before = time.clock_gettime_ns(clock)
    time.sleep(5 * TICK_S)

    assert time.clock_gettime_ns(clock) == before
