from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perftui.model.failure import TapeError
from perftui.model.frame import Frame
from perftui.recording.codec import decode_frame, decode_header, encode_frame
from perftui.recording.reader import Tape
from perftui.sources import BY_NAME
from perftui.sources.memory import MemorySample
from tests.recording.frames import MACHINE, STARTED_AT, frame, frames, plain, record, with_field

RECORDED = frames(10)


def large(seq: int) -> Frame:
    """A frame that packs to a kilobyte."""
    numbers = {f"{place:08}": Random(seq * 1000 + place).randrange(2**40) for place in range(160)}
    mono = float(seq)
    sample = MemorySample(mono=mono, meminfo=numbers, vmstat={})
    return Frame(seq=seq, at=STARTED_AT + seq, mono=mono, samples={"memory": sample})


def packed(path: Path) -> Path:
    return record(path / "small.ptape", RECORDED, block_s=4.0)


def as_text(path: Path) -> Path:
    file = path / "small.jsonl"
    file.write_bytes(plain(RECORDED))
    return file


both_forms = pytest.mark.parametrize("make", [packed, as_text])


@both_forms
def test_gives_back_what_was_recorded(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    tape = Tape(make(tmp_path))

    assert tape.machine == MACHINE
    assert tape.started_at == STARTED_AT
    assert tape.span() == (STARTED_AT, STARTED_AT + 9)
    assert not tape.cut
    assert list(tape.frames()) == RECORDED
    tape.close()


@both_forms
def test_iterators_do_not_disturb_each_other(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    tape = Tape(make(tmp_path))
    one, other = tape.frames(), tape.frames(STARTED_AT + 5)

    assert [(a.seq, b.seq) for a, b in zip(one, other, strict=False)] == [(0, 5), (1, 6), (2, 7), (3, 8), (4, 9)]
    tape.close()


@both_forms
@pytest.mark.parametrize(
    ("since_s", "first"), [(-1e6, 0), (0.0, 0), (3.5, 4), (4.0, 4), (8.9, 9), (9.0, 9), (9.1, None)]
)
def test_starts_at_any_moment(tmp_path: Path, make: Callable[[Path], Path], since_s: float, first: int | None) -> None:
    tape = Tape(make(tmp_path))

    assert list(tape.frames(STARTED_AT + since_s)) == ([] if first is None else RECORDED[first:])
    tape.close()


@given(st.lists(st.sampled_from([1.0, 1.0, 1.0, -120.0, 3600.0]), max_size=30), st.floats(-200, 8000))
def test_a_moment_is_found_whatever_the_wall_clock_did(steps: list[float], since_s: float) -> None:
    recorded = [frame(0)]
    for step in steps:
        recorded.append(frame(recorded[-1].seq + 1, at=recorded[-1].at + step))
    since_at = STARTED_AT + since_s
    expected = next((number for number, one in enumerate(recorded) if one.at >= since_at), len(recorded))

    with tempfile.TemporaryDirectory() as folder:
        tape = Tape(record(Path(folder) / "jumps.ptape", recorded, block_s=5.0))
        assert list(tape.frames(since_at)) == recorded[expected:]
        assert tape.span() == (recorded[0].at, recorded[-1].at)
        tape.close()


@both_forms
def test_a_tape_cut_at_any_byte_plays_up_to_the_cut(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    whole = make(tmp_path).read_bytes()
    cut_file = tmp_path / "cut"
    played = -1
    for length in range(len(whole)):
        cut_file.write_bytes(whole[:length])
        try:
            tape = Tape(cut_file)
        except TapeError as exc:
            assert played == -1, f"cut at {length}: {exc}"
            assert re.search("empty; nothing was recorded|cut inside its header", str(exc))
            continue
        seen = list(tape.frames())
        assert seen == RECORDED[: len(seen)]
        assert len(seen) >= played
        assert tape.span()[1] == (seen[-1].at if seen else STARTED_AT)
        if not tape.cut:
            assert whole[length:].startswith((b"{", b"\x57\x2a\x4d\x18", b"\n")), f"not told as cut at {length}"
        played = len(seen)
        tape.close()
    assert played >= len(RECORDED) - 1


@pytest.mark.parametrize("zeros", [3, 5000])
def test_zeros_that_a_power_cut_left_end_the_tape(tmp_path: Path, zeros: int) -> None:
    whole = packed(tmp_path).read_bytes()
    file = tmp_path / "zeros.ptape"
    file.write_bytes(whole[:-60] + bytes(zeros))

    tape = Tape(file)
    seen = list(tape.frames())

    assert tape.cut
    assert 8 <= len(seen) < 10
    assert seen == RECORDED[: len(seen)]
    tape.close()


@pytest.mark.parametrize("minute", [0, 1])
@pytest.mark.parametrize("place", [*range(0, 60, 3), 300, 20_000, 40_000, 60_000])
def test_a_damaged_block_costs_no_other(tmp_path: Path, place: int, minute: int) -> None:
    recorded = [large(seq) for seq in range(180)]
    file = record(tmp_path / "damaged.ptape", recorded)
    raw = bytearray(file.read_bytes())
    labels = [found.start() for found in re.finditer(re.escape(bytes(raw[:13])), raw)]
    damaged = labels[1 + minute] + 40 + place  # the header stands behind the first label
    raw[damaged : damaged + 20] = bytes(20)
    file.write_bytes(raw)

    tape = Tape(file)
    seen = list(tape.frames())

    assert tape.cut
    others = [one for one in recorded if one.seq // 60 != minute]
    assert [one for one in seen if one.seq // 60 != minute] == others
    assert all(one == recorded[one.seq] for one in seen)
    assert next(tape.frames(STARTED_AT + 130)).seq == 130
    assert tape.span() == (STARTED_AT, STARTED_AT + 179)
    tape.close()


def test_a_damaged_header_is_told(tmp_path: Path) -> None:
    path = packed(tmp_path)
    raw = bytearray(path.read_bytes())
    raw[80] ^= 0xFF
    path.write_bytes(raw)

    with pytest.raises(TapeError, match=r"small\.ptape: damaged inside its header; nothing can be replayed"):
        Tape(path)


def test_tapes_joined_with_cat_play_one_after_the_other(tmp_path: Path) -> None:
    one, other = record(tmp_path / "1", frames(70)), record(tmp_path / "2", [frame(seq) for seq in range(100, 170)])
    joined = tmp_path / "joined.ptape"
    joined.write_bytes(one.read_bytes() + other.read_bytes())

    tape = Tape(joined)

    assert [f.seq for f in tape.frames()] == [*range(70), *range(100, 170)]
    assert next(tape.frames(STARTED_AT + 65)).seq == 65
    assert next(tape.frames(STARTED_AT + 165)).seq == 165
    tape.close()


def test_text_without_a_last_newline_is_whole_when_its_last_frame_is(tmp_path: Path) -> None:
    file = tmp_path / "hand-made.jsonl"
    file.write_bytes(plain(RECORDED).rstrip(b"\n"))

    tape = Tape(file)

    assert not tape.cut
    assert list(tape.frames()) == RECORDED
    assert tape.span()[1] == RECORDED[-1].at
    tape.close()


def test_long_lines_of_text_are_no_obstacle(tmp_path: Path) -> None:
    padded = [with_field(encode_frame(one), "padding", "x" * 200_000) for one in RECORDED]
    file = tmp_path / "long.jsonl"
    file.write_bytes(plain([]) + b"\n".join(padded) + b"\n" + b'{"seq":10,"padding":"' + b"x" * 300_000)

    tape = Tape(file)

    assert tape.cut
    assert tape.span()[1] == RECORDED[-1].at
    assert list(tape.frames()) == RECORDED
    tape.close()


def test_a_line_that_is_no_frame_is_told_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_bytes(plain(RECORDED[:2]) + b"{'seq': 3}\n" + encode_frame(RECORDED[3]) + b"\n")
    tape = Tape(file)

    with pytest.raises(TapeError, match=r"bad\.jsonl: malformed frame: ") as caught:
        list(tape.frames())

    assert "\n" not in str(caught.value)
    tape.close()


@pytest.mark.skipif(shutil.which("zstdcat") is None, reason="zstdcat is not installed")
def test_zstdcat_shows_the_lines(tmp_path: Path) -> None:
    shown = subprocess.run(["zstdcat", packed(tmp_path)], capture_output=True, check=True)

    header, *lines = shown.stdout.splitlines()
    assert decode_header(header).machine == MACHINE
    assert [decode_frame(line, BY_NAME) for line in lines] == RECORDED


def write(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def newer_blocks(path: Path) -> None:
    raw = bytearray(record(path, [frame(0)]).read_bytes())
    raw[13] = 2
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (lambda path: None, "can't be opened: no such file or directory"),
        (Path.mkdir, "a directory; expected a file that perftui recorded"),
        (os.mkfifo, "no regular file; expected a file that perftui recorded"),
        (write(b""), "empty; nothing was recorded"),
        (write(b"\x7fELF" + bytes(100)), "not a tape; expected a file that perftui recorded"),
        (write(b"\x28\xb5\x2f\xfd" + bytes(100)), "not a tape; expected a file that perftui recorded"),
        (write(b"W"), "cut inside its header; nothing can be replayed"),
        (write(b"What a day\n"), "not a tape; expected a file that perftui recorded"),
        (write(b'{"name": "package"}\n'), "not a tape; expected a file that perftui recorded"),
        (write(b'{"perftui_tape":1,"program"'), "cut inside its header; nothing can be replayed"),
        (write(b"{" + bytes(1_000_000)), "not a tape; expected a file that perftui recorded"),
        (
            write(with_field(plain([]), "perftui_tape", 7) + b"\n"),
            "written by a newer perftui (format 7, this one reads 1); upgrade perftui",
        ),
        (newer_blocks, "written by a newer perftui (format 2, this one reads 1); upgrade perftui"),
    ],
)
def test_what_is_no_tape_is_told_in_one_line(tmp_path: Path, prepare: Callable[[Path], object], told: str) -> None:
    path = tmp_path / "what"
    prepare(path)

    with pytest.raises(TapeError) as caught:
        Tape(path)

    assert str(caught.value) == f"{path}: {told}"


@contextmanager
def as_nobody() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_tape_of_somebody_else_is_told(tmp_path: Path) -> None:
    path = packed(tmp_path)
    path.chmod(0)

    with as_nobody(), pytest.raises(TapeError, match=r"small\.ptape: can't be opened: permission denied"):
        Tape(path)


def test_a_header_alone_is_a_tape_without_frames(tmp_path: Path) -> None:
    path = tmp_path / "header.jsonl"
    path.write_bytes(plain([]))

    tape = Tape(path)

    none: list[Frame] = []
    assert list(tape.frames()) == none
    assert tape.span() == (STARTED_AT, STARTED_AT)
    assert not tape.cut
    tape.close()
