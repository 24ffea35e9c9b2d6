"""The end of a file that others write, rotate and cut; and pipes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from perftui.clients.tail import FileTail, Piece, StreamTail, tail_of
from perftui.model.failure import FailureKind, SourceError


def test_a_file_that_was_there_is_read_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "run.jtl"
    path.write_bytes(b"head\none\ntw")
    tail = FileTail(str(path))

    assert tail.read() == Piece(b"", True, 0)
    assert tail.head() == b"head\none\ntw"
    assert tail.left_out_bytes == 9
    with path.open("ab") as file:
        file.write(b"o\nthr")
    assert tail.read() == Piece(b"two\n", False, 0)
    with path.open("ab") as file:
        file.write(b"ee\n")
    assert tail.read() == Piece(b"three\n", False, 0)
    assert tail.read() == Piece(b"", False, 0)


def test_a_file_that_comes_later_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "run.jtl"
    tail = FileTail(str(path))
    with pytest.raises(SourceError) as caught:
        tail.read()
    assert caught.value.kind is FailureKind.MISSING

    path.write_bytes(b"head\none\n")
    assert tail.read() == Piece(b"head\none\n", True, 0)
    assert tail.left_out_bytes == 0


def test_rotation_gives_the_old_file_s_rest_and_then_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "run.jtl"
    path.write_bytes(b"head\n")
    tail = FileTail(str(path))
    tail.read()
    with path.open("ab") as file:
        file.write(b"last\n")
    path.rename(tmp_path / "run.jtl.1")
    path.write_bytes(b"head\nfirst\n")

    assert tail.read() == Piece(b"last\n", False, 0)
    assert tail.read() == Piece(b"head\nfirst\n", True, 0)


@pytest.mark.parametrize("anew", [b"head\n", b"head\nquite another content, which is longer than the one before\n"])
def test_a_file_that_is_cut_is_read_anew(tmp_path: Path, anew: bytes) -> None:
    path = tmp_path / "run.jtl"
    path.write_bytes(b"head\n")
    tail = FileTail(str(path))
    tail.read()
    with path.open("ab") as file:
        file.write(b"one\ntwo\n")
    tail.read()
    path.write_bytes(anew)

    assert tail.read() == Piece(anew, True, 0)


def test_more_than_a_block_is_told_as_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perftui.clients.tail.BLOCK_BYTES", 8)
    path = tmp_path / "run.jtl"
    path.write_bytes(b"")
    tail = FileTail(str(path))
    tail.read()
    path.write_bytes(b"1234\n678\nabcd\n")

    assert tail.read() == Piece(b"1234\n", False, 9)
    assert tail.read() == Piece(b"678\n", False, 5)
    assert tail.read() == Piece(b"abcd\n", False, 0)


def test_a_folder_is_no_feed(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        FileTail(str(tmp_path)).read()
    assert caught.value.kind is FailureKind.MALFORMED


def all_of(tail: StreamTail | FileTail, wanted: bytes) -> None:
    deadline, got = time.monotonic() + 10, b""
    while got != wanted:
        assert time.monotonic() < deadline, got
        got += tail.read().text
        time.sleep(0.005)


def test_a_pipe_never_holds_up_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    tail = tail_of(str(path))
    tail.read()
    lines = b"".join(b"line %07d\n" % number for number in range(100_000))
    with path.open("wb") as file:  # 1.3 MB, of which a pipe holds 64 KiB: nothing is read while it is written
        file.write(lines)

    all_of(tail, lines)
    assert tail.head().startswith(b"line 0000000\n")
    deadline = time.monotonic() + 10
    with pytest.raises(SourceError, match="it has ended"):
        while time.monotonic() < deadline:
            tail.read()


def test_a_pipe_s_head_is_whole_lines_also_when_its_first_line_comes_in_parts(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    tail = StreamTail(reader)
    tail.read()
    os.write(writer, b'{"lat')
    deadline = time.monotonic() + 10
    while not tail._held and time.monotonic() < deadline:
        assert tail.read().text == b""
    os.write(writer, b'ency_ms": 1}\n')
    os.close(writer)

    all_of(tail, b'{"latency_ms": 1}\n')
    assert tail.head() == b'{"latency_ms": 1}\n'


def test_a_line_longer_than_a_block_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perftui.clients.tail.BLOCK_BYTES", 8)
    path = tmp_path / "run.jtl"
    path.write_bytes(b"")
    tail = FileTail(str(path))
    tail.read()
    path.write_bytes(b"a line of 26 bytes, a\nb\nrest")

    assert tail.read().text == b"a line of 26 bytes, a\nb\n"
    assert tail.read() == Piece(b"", False, 0)
