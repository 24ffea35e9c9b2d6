"""Against real files, written and rotated as logrotate, editors and careless shells do it."""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path

import pytest

from perftui.clients.log_file import LINE_BYTES, LogFile
from perftui.model.failure import FailureKind, SourceError
from perftui.model.lines import NewLines


def words(new: NewLines | None) -> list[str]:
    assert new is not None
    return [line.decode() for _, line in new.lines]


def test_only_what_is_new_is_given_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\ntwo\n")
    log = LogFile(str(path), 1000)

    assert log.new(0) == NewLines([(1, b"one"), (2, b"two")], anew=True, cut=False)
    assert log.new(0) is None
    with path.open("a") as file:
        file.write("three\nfo")
    assert log.new(0) == NewLines([(3, b"three")], anew=False, cut=False)
    with path.open("a") as file:
        file.write("ur\n\n")
    assert log.new(0) == NewLines([(4, b"four"), (5, b"")], anew=False, cut=False)
    assert log.changed_at() == pytest.approx(time.time(), abs=60)


def test_rotation_reads_the_predecessors_again_and_misses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\n")
    log = LogFile(str(path), 1000)
    log.new(0)
    with path.open("a") as file:
        file.write("written just before the rotation\n")
    path.rename(tmp_path / "log.1")
    path.write_text("two\n")

    new = log.new(0)

    assert new == NewLines([(None, b"one"), (None, b"written just before the rotation"), (1, b"two")], True, False)


def test_predecessors_are_read_packed_too_the_oldest_first(tmp_path: Path) -> None:
    (tmp_path / "log.3.gz").write_bytes(gzip.compress(b"one\n"))
    (tmp_path / "log.2.gz").write_bytes(gzip.compress(b"two\n"))
    (tmp_path / "log.1").write_text("three\n")
    (tmp_path / "log").write_text("four\n")

    assert words(LogFile(str(tmp_path / "log"), 1000).new(0)) == ["one", "two", "three", "four"]


def test_predecessors_that_are_too_old_or_damaged_are_left_out_and_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "log.1").write_text("old\n")
    os.utime(tmp_path / "log.1", (1000, 1000))
    (tmp_path / "log").write_text("new\n")
    old = LogFile(str(tmp_path / "log"), 1000).new(since_at=2000)
    (tmp_path / "log.1").rename(tmp_path / "log.1.gz")
    damaged = LogFile(str(tmp_path / "log"), 1000).new(since_at=0)

    assert old == damaged == NewLines([(1, b"new")], anew=True, cut=True)


@pytest.mark.parametrize(
    ("after", "given"),
    [("", []), ("new\n", ["new"]), ("other\nlines\nas many bytes as it had\n", ["other", "lines", "as many bytes as it had"])],
    ids=["emptied", "written anew", "edited in place"],
)  # fmt: skip
def test_a_file_that_was_written_anew_in_place_is_read_from_its_start(
    tmp_path: Path, after: str, given: list[str]
) -> None:
    path = tmp_path / "log"
    path.write_text("one\ntwo\nthree\n")
    log = LogFile(str(path), 1000)
    log.new(0)
    path.write_text(after)

    new = log.new(0)

    assert new is not None
    assert new.anew
    assert words(new) == given


def test_of_a_huge_file_only_the_end_is_read_and_never_twice(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.truncate(3 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast but one\nlast\n")
    log = LogFile(str(path), 1 << 20)

    began = time.process_time()
    first = log.new(0)
    for _ in range(1000):
        assert log.new(0) is None
    spent = time.process_time() - began

    assert first is not None
    assert first.cut
    assert first.lines[-2:] == [(None, b"last but one"), (None, b"last")]
    assert spent < 1.0
    with path.open("ab") as file:
        file.write(b"x" * (2 << 20) + b"\nafter a flood\n")
    flood = log.new(0)
    assert flood is not None
    assert (flood.anew, flood.lines) == (True, [(None, b"after a flood")])


def test_a_line_without_an_end_does_not_stop_the_others(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * (LINE_BYTES + 1))
    log = LogFile(str(path), 1 << 20)

    assert log.new(0) == NewLines([(1, b"x" * (LINE_BYTES + 1))], anew=True, cut=False)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda path: None, FailureKind.MISSING),
        (lambda path: path.mkdir(), FailureKind.MALFORMED),
        (lambda path: os.mkfifo(path), FailureKind.MALFORMED),
        (lambda path: path.symlink_to(path), FailureKind.UNREACHABLE),
    ],
    ids=["missing", "folder", "pipe", "a link to itself"],
)
def test_what_can_not_be_read_is_told(tmp_path: Path, make: object, kind: FailureKind) -> None:
    assert callable(make)
    make(tmp_path / "log")
    with pytest.raises(SourceError) as told:
        LogFile(str(tmp_path / "log"), 1000).new(0)
    assert told.value.kind is kind
    assert str(tmp_path / "log") in told.value.detail


def test_a_file_that_vanishes_and_comes_back_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\n")
    log = LogFile(str(path), 1000)
    log.new(0)
    path.unlink()
    with pytest.raises(SourceError):
        log.new(0)
    path.write_text("two\n")

    assert words(log.new(0)) == ["two"]
