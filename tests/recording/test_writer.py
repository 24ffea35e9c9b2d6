from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import msgspec
import pytest

from bench.tape import DAY_S, BusyHost
from bench.tape import record as record_measured
from perftui.model.failure import TapeError, UsageError
from perftui.model.frame import Frame
from perftui.recording.reader import Tape
from perftui.recording.writer import BLOCK_BYTES, CLOSE_S, QUEUED_FRAMES, TapeWriter
from perftui.sources.memory import MemorySample
from tests.recording.frames import MACHINE, STARTED_AT, frame, frames, record

PROJECT = Path(__file__).parents[2]


def heavy(seq: int) -> Frame:
    """A frame of noise: 100 kB of text that packs to about half."""
    noise = Random(seq).randbytes(50_000).hex()
    sample = MemorySample(mono=float(seq), meminfo={noise: 1}, vmstat={})
    return Frame(seq=seq, at=STARTED_AT + seq, mono=float(seq), samples={"memory": sample})


def played(path: Path) -> list[Frame]:
    tape = Tape(path)
    try:
        return list(tape.frames())
    finally:
        tape.close()


def wait_for(condition: Callable[[], bool], child: subprocess.Popen[str] | None = None) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        assert child is None or child.poll() is None
        time.sleep(0.01)


def test_records_all_that_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "new.ptape"
    writer = TapeWriter(path, MACHINE)
    for one in frames(100):
        writer.write(one)
    assert writer.status == "on"
    writer.close()

    assert writer.status == "closed"
    assert not writer.failed
    assert played(path) == frames(100)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_tape_without_frames_says_so(tmp_path: Path) -> None:
    path = tmp_path / "none.ptape"
    TapeWriter(path, MACHINE).close()

    with pytest.raises(TapeError, match="empty; nothing was recorded"):
        Tape(path)


def test_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    link = tmp_path / "link.ptape"
    link.symlink_to(tmp_path / "nowhere")

    for taken in (path, link, tmp_path):
        with pytest.raises(UsageError) as caught:
            TapeWriter(taken, MACHINE)
        assert str(caught.value) == (
            f"{taken}: already exists, and a recording never overwrites; give another name or move it away"
        )
    assert path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "no" / "such.ptape"

    with pytest.raises(UsageError) as caught:
        TapeWriter(path, MACHINE)

    assert str(caught.value) == f"{path}: can't be created: no such file or directory"


def test_a_frame_that_can_not_be_written_ends_the_recording_alone(tmp_path: Path) -> None:
    path = tmp_path / "bad.ptape"
    writer = TapeWriter(path, MACHINE)
    writer.write(frame(0))
    broken = MemorySample(mono=1.0, meminfo={"\udc80": 1}, vmstat={})
    writer.write(msgspec.structs.replace(frame(1), samples={"memory": broken}))
    wait_for(lambda: writer.status != "on")
    writer.write(frame(2))
    writer.close()

    assert writer.failed
    assert writer.status.startswith(f"stopped: {path}: our own fault: UnicodeEncodeError")
    assert played(path) == [frame(0)]


def test_a_disk_that_is_too_slow_costs_frames_and_no_time(tmp_path: Path) -> None:
    path = tmp_path / "slow.ptape"
    writer = TapeWriter(path, MACHINE)
    large = heavy(0)
    given = 50 * QUEUED_FRAMES
    for seq in range(given):
        writer.write(msgspec.structs.replace(large, seq=seq))
    told = writer.status
    writer.close()

    kept = [one.seq for one in played(path)]
    assert QUEUED_FRAMES <= len(kept) < given
    assert told == f"on, {given - len(kept)} frames dropped: the disk is too slow"
    assert writer.status == told.replace("on", "closed", 1)


def test_large_frames_make_short_blocks(tmp_path: Path) -> None:
    given = [msgspec.structs.replace(heavy(seq), mono=1.0) for seq in range(2 * BLOCK_BYTES // 100_000)]
    raw = record(tmp_path / "large.ptape", given).read_bytes()

    assert raw.count(raw[:13]) == 1 + 2  # the header's own first


RECORDER = """
import sys
from pathlib import Path
from perftui.recording.writer import TapeWriter
from tests.recording.frames import MACHINE, frame

writer = TapeWriter(Path(sys.argv[1]), MACHINE)
for seq in range(108):
    writer.write(frame(seq))
print("given", flush=True)
sys.stdin.read()
"""


def test_a_killed_recorder_loses_seconds(tmp_path: Path) -> None:
    path = tmp_path / "killed.ptape"
    command = [sys.executable, "-c", RECORDER, str(path)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "given\n"
            wait_for(lambda: path.stat().st_size > 0 and len(played(path)) > 100, child)
        finally:
            child.send_signal(signal.SIGKILL)

    seen = played(path)
    assert seen == frames(len(seen))
    assert len(seen) >= 108 - 5


LIMITED = """
import resource, sys, time
from pathlib import Path
from perftui.recording.writer import TapeWriter
from tests.recording.frames import MACHINE
from tests.recording.test_writer import heavy

resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000))
writer = TapeWriter(Path(sys.argv[1]), MACHINE)
for seq in range(40):
    writer.write(heavy(seq))
while writer.status == "on":
    time.sleep(0.01)
writer.write(heavy(40))
writer.close()
print(writer.status)
"""


def test_a_file_that_may_not_grow_ends_the_recording_alone(tmp_path: Path) -> None:
    path = tmp_path / "limited.ptape"
    command = [sys.executable, "-c", LIMITED, str(path)]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)

    assert ended.stderr == ""
    seen = played(path)
    assert seen == [heavy(seq) for seq in range(len(seen))]
    assert len(seen) in (6, 11)
    last = f"2026-02-02 02:40:{len(seen) - 1:02}Z"
    assert ended.stdout == f"stopped: {path}: file too large; recorded up to {last}\n"


def test_a_day_of_a_busy_host_stays_in_its_budgets(tmp_path: Path) -> None:
    path = tmp_path / "busy.ptape"
    count, spent_s = record_measured(path, BusyHost(1).frames(300))

    assert path.stat().st_size / count * DAY_S < 100e6
    assert spent_s / count < 0.0003


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """An ext4 of 8 MB."""
    image, mount = folder / "pt-small.img", folder / "pt-small"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", mount], check=True)


real_disk = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="mounts a file system, which takes root on Linux"
)


@pytest.mark.fault
@real_disk
def test_a_full_disk_ends_the_recording_alone(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        path = disk / "full.ptape"
        writer = TapeWriter(path, MACHINE)
        given = 0
        while writer.status.startswith("on"):
            writer.write(heavy(given))
            given += 1
            time.sleep(0.002)
        writer.write(heavy(given))
        writer.close()

        seen = played(path)
        assert seen == [heavy(one.seq) for one in seen]
        assert 50 < len(seen) < given
        assert writer.status.startswith(f"stopped: {path}: no space left on device; recorded up to 2026-02-02 02:4")


@pytest.mark.fault
@real_disk
def test_a_disk_that_hangs_costs_frames_and_no_time(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        path = disk / "hangs.ptape"
        writer = TapeWriter(path, MACHINE)
        writer.write(frame(0))
        wait_for(lambda: path.stat().st_size > 0)
        subprocess.run(["fsfreeze", "--freeze", disk], check=True)
        try:
            began = time.monotonic()
            for seq in range(1, 400):
                writer.write(frame(seq))
            given_s = time.monotonic() - began
            told = writer.status
            writer.close()
            closed_s = time.monotonic() - began - given_s
            told_at_end = writer.status
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", disk], check=True)
        wait_for(lambda: not writer.failed)

        assert given_s < 0.5
        assert closed_s < CLOSE_S + 1
        assert told.startswith("on, ") and told.endswith(" frames dropped: the disk is too slow")
        assert told_at_end.startswith(
            f"stopped: {path}: the disk did not answer for 5 s; recorded up to 2026-02-02 02:40:00Z, "
        )
        assert told_at_end.endswith(" frames dropped: the disk is too slow")
        seen = [one.seq for one in played(path)]
        assert QUEUED_FRAMES < len(seen) < 400
        assert seen == list(range(len(seen)))
