"""The journal on real disks that are full, read-only, somebody else's, or hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perftui.playbooks.journal import FIRST, Event, Who, digest, read
from perftui.playbooks.run_folder import EVIDENCE, JOURNAL, RETRY_S, Clocks, Durability, RunFolder, found_runs

WHO = Who(user="ann", host="db1")


class Now:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.mono = 100.0

    def clocks(self) -> Clocks:
        return Clocks(wall_iso=lambda: f"2026-11-22T10:00:{self.mono:06.3f}Z", mono=lambda: self.mono)


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "state" / "runs", tmp_path / "shm" / "runs"


def lines(path: Path) -> list[bytes]:
    return (path / JOURNAL).read_bytes().splitlines()


def test_each_line_is_on_the_disk_when_append_returns_and_names_the_one_before(
    roots: tuple[Path, Path], now: Now
) -> None:
    run = RunFolder("r1", roots, WHO, now.clocks())
    run.append(Event.RUN_OPEN, data={"playbook": "x"})
    run.append(Event.NOTE, step="s", data={"text": "hi"})

    first, second = lines(roots[0] / "r1")
    assert json.loads(first)["prev"] == FIRST
    assert json.loads(second) == {
        "v": 1, "run": "r1", "seq": 1, "at": "2026-11-22T10:00:100.000Z", "mono": 100.0,
        "who": {"user": "ann", "sudo_user": None, "ssh_from": None, "tty": None, "host": "db1"},
        "ev": "note", "step": "s", "attempt": 0, "data": {"text": "hi"}, "prev": digest(first),
    }  # fmt: skip
    assert run.durability is Durability.DISK
    assert not run.problem
    assert (roots[0] / "r1").stat().st_mode & 0o777 == 0o700
    assert (roots[0] / "r1" / JOURNAL).stat().st_mode & 0o777 == 0o600


def test_a_resumed_run_goes_on_behind_a_torn_line(roots: tuple[Path, Path], now: Now) -> None:
    run = RunFolder("r1", roots, WHO, now.clocks())
    run.append(Event.RUN_OPEN)
    run.append(Event.NOTE, data={"text": "whole"})
    run.close()
    with (roots[0] / "r1" / JOURNAL).open("ab") as file:
        file.write(b'{"v":1,"run":"r1","se')
    (found,) = found_runs(roots)
    assert found.journal.torn and found.open

    again = RunFolder("r1", roots, WHO, now.clocks(), found.journal)
    again.append(Event.RUN_CLOSE)

    journal = read((roots[0] / "r1" / JOURNAL).read_bytes())
    assert [entry.ev for entry in journal.entries] == ["run.open", "note", "run.close"]
    assert [entry.seq for entry in journal.entries] == [0, 1, 2]
    assert not journal.problems and not journal.torn
    assert not found_runs(roots)[0].open


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda raw: raw.replace(b"whole", b"other"), "line 3 does not follow"),
        (lambda raw: b"".join(raw.splitlines(keepends=True)[::2]), "line 2 does not follow"),
        (lambda raw: raw.replace(b'{"v":1,"run":"r1","seq":1', b"#", 1), "line 2 can't be read"),
    ],
)
def test_what_was_changed_or_lost_is_told_and_the_rest_is_read(
    roots: tuple[Path, Path], now: Now, change: Callable[[bytes], bytes], problem: str
) -> None:
    run = RunFolder("r1", roots, WHO, now.clocks())
    for text in ("first", "whole", "last"):
        run.append(Event.NOTE, data={"text": text})
    run.close()
    path = roots[0] / "r1" / JOURNAL
    path.write_bytes(change(path.read_bytes()))

    journal = read(path.read_bytes())

    assert problem in journal.problems[0]
    assert journal.entries[-1].data == {"text": "last"}
    again = RunFolder("r1", roots, WHO, now.clocks(), journal)  # tampering warns; it does not stop
    again.append(Event.NOTE, data={"text": "after"})
    assert read(path.read_bytes()).entries[-1].data == {"text": "after"}


def test_two_terminals_can_not_own_one_run(roots: tuple[Path, Path], now: Now) -> None:
    run = RunFolder("r1", roots, WHO, now.clocks())
    run.append(Event.RUN_OPEN)
    other = (
        "import sys; from pathlib import Path\n"
        "from tests.playbooks.test_run_folder import Now, WHO\n"
        "from perftui.playbooks.run_folder import RunFolder\n"
        "RunFolder('r1', (Path(sys.argv[1]), Path(sys.argv[2])), WHO, Now().clocks())\n"
    )

    done = subprocess.run([sys.executable, "-c", other, *map(str, roots)], capture_output=True, text=True)

    assert done.returncode != 0
    assert "another terminal owns this run" in done.stderr
    run.close()
    assert subprocess.run([sys.executable, "-c", other, *map(str, roots)]).returncode == 0


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A real filesystem of that size."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small filesystem needs root")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "pt-small", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_sends_the_journal_to_shared_memory_and_back(tmp_path: Path, now: Now) -> None:
    with small_disk(tmp_path / "pt-small", "64k") as disk:
        roots = disk / "state" / "runs", tmp_path / "shm" / "runs"
        run = RunFolder("r1", roots, WHO, now.clocks())
        run.append(Event.RUN_OPEN)
        ballast = disk / "ballast"
        with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(b"x" * 1024)

        for number in range(40):
            run.append(Event.NOTE, data={"number": number, "padding": "x" * 200})

        assert (run.durability.value, run.problem.partition(": ")[2]) == ("shared memory", "No space left on device")
        assert len(lines(roots[1] / "r1")) == 41
        assert len(found_runs(roots)[0].journal.entries) == 41  # the fuller copy of the two

        ballast.unlink()
        now.mono += RETRY_S
        run.append(Event.NOTE, data={"number": "after"})

        assert (run.durability.value, run.problem) == ("disk", "")
        journal = read((roots[0] / "r1" / JOURNAL).read_bytes())
        assert len(journal.entries) == 42
        assert not journal.problems
        run.close()


def test_a_read_only_disk_and_no_shared_memory_leave_our_own_memory(tmp_path: Path, now: Now) -> None:
    with small_disk(tmp_path / "pt-small", "64k") as disk:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        run = RunFolder("r1", (disk / "state" / "runs", disk / "shm" / "runs"), WHO, now.clocks())
        run.append(Event.RUN_OPEN)

        assert run.durability is Durability.MEMORY
        assert "Read-only" in run.problem
        assert [entry.ev for entry in run.entries] == ["run.open"]
        assert run.keep(b"evidence").kept is False
        assert run.path is None


def test_a_folder_that_somebody_else_made_in_shared_memory_is_not_used(tmp_path: Path, now: Now) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir()
    (tmp_path / "shm").symlink_to(target)
    (tmp_path / "state").write_text("a file where the folder should be")

    run = RunFolder("r1", (tmp_path / "state" / "runs", tmp_path / "shm" / "runs"), WHO, now.clocks())
    run.append(Event.RUN_OPEN)

    assert run.durability is Durability.MEMORY
    assert not list(target.iterdir())


def test_a_hanging_disk_is_given_up_and_nothing_is_lost(roots: tuple[Path, Path], now: Now) -> None:
    run = RunFolder("r1", roots, WHO, now.clocks())
    run.append(Event.RUN_OPEN)

    run = run.without_disk("the disk has not answered for 5 s")
    now.mono += 10 * RETRY_S
    run.append(Event.NOTE)

    assert run.durability is Durability.SHARED
    assert run.problem == "the disk has not answered for 5 s"
    assert len(lines(roots[1] / "r1")) == 2
    assert len(lines(roots[0] / "r1")) == 1


def test_evidence_lies_under_its_hash(roots: tuple[Path, Path], now: Now) -> None:
    run = RunFolder("r1", roots, WHO, now.clocks())
    kept = run.keep(b"output of a step")

    path = roots[0] / "r1" / EVIDENCE / kept.sha256
    assert kept.kept
    assert path.read_bytes() == b"output of a step"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [kept.sha256]
