from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from perftui.clients.clock import SystemClock
from perftui.clients.kernel_files import KernelFiles
from perftui.model.failure import FailureKind, SourceError
from perftui.sources.file_handles import FileHandles, derive, parse_file_nr


def test_open_handles_of_the_host() -> None:
    reading = derive(None, parse_file_nr(b"500\t100\t1000\n", 1.0)).file_handles
    assert (reading.open, reading.limit, reading.used_ratio) == (400, 1000, 0.4)


def test_something_else_in_the_file_says_so() -> None:
    with pytest.raises(SourceError) as caught:
        parse_file_nr(b"500 1000\n", 1.0)
    assert caught.value.kind is FailureKind.MALFORMED


async def test_an_opened_file_counts_on_this_machine() -> None:
    source = FileHandles(KernelFiles(), SystemClock())
    before = (await source.sample()).allocated
    with ExitStack() as kept:
        for _ in range(500):
            kept.callback(os.close, os.open("/dev/null", os.O_RDONLY))
        # The kernel counts per CPU in batches, so hundreds move for sure where one may not.
        assert (await source.sample()).allocated > before + 200
