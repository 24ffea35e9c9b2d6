"""Where a run is kept: its folder, its journal with one writer, its evidence.

The incident may be a full, read-only or hanging disk. Then the journal goes on in shared memory, and where that fails too in
our own memory, and says so as long as it lasts; once the disk takes writes again, what it missed is written there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from perftui.model.failure import UsageError
from perftui.playbooks.journal import FIRST, Entry, Journal, Who, digest, is_closed, line_of, longest, read

JOURNAL, PLAYBOOK, EVIDENCE = "journal.jsonl", "playbook.yaml", "evidence"
SHARED = Path("/dev/shm")
RETRY_S = 10.0
"""How often a disk that failed is tried again."""
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Durability(StrEnum):
    """What a written line survives."""

    DISK = "disk"
    SHARED = "shared memory"
    """The end of this program, not of this machine."""
    MEMORY = "memory"
    """Nothing."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence."""

    sha256: str
    size_bytes: int
    kept: bool
    """False where no place took it; the hash stands all the same."""


class Clocks(msgspec.Struct, frozen=True, kw_only=True):
    """The two clocks of a journal."""

    wall_iso: Callable[[], str]
    mono: Callable[[], float]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A run on the disk or in shared memory."""

    name: str
    places: tuple[Path, ...]
    """Its folders, the disk's first."""
    journal: Journal

    @property
    def open(self) -> bool:
        return not is_closed(self.journal)


def shared_root(shared: Path = SHARED) -> Path:
    """The folder of this user in shared memory."""
    return shared / f"perftui-{os.geteuid()}" / "runs"


def found_runs(roots: tuple[Path, ...]) -> list[Found]:
    """Every run below the roots, newest first."""
    places: dict[str, list[Path]] = {}
    for root in roots:
        if root.is_dir():
            for folder in root.iterdir():
                if (folder / JOURNAL).is_file():
                    places.setdefault(folder.name, []).append(folder)
    return [
        Found(name=name, places=tuple(folders), journal=longest([read((f / JOURNAL).read_bytes()) for f in folders]))
        for name, folders in sorted(places.items(), reverse=True)
    ]


def owned(found: Found) -> bool:
    """Whether a living program has the run open."""
    for folder in found.places:
        try:
            with open(folder / JOURNAL, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            continue
    return False


class RunFolder:
    """The one writer of a run. Calls block on the disk: they are made in a worker's thread."""

    def __init__(
        self,
        name: str,
        roots: tuple[Path, ...],
        who: Who,
        clocks: Clocks,
        journal: Journal | None = None,
        disk_lost: str = "",
    ) -> None:
        """Open a new run's folder, or take over a found one's.

        Args:
            roots: the disk's folder of runs, then shared memory's; none keeps it in memory.
            journal: what was found of it; None begins a new one.
            disk_lost: why its disk is not used at all.

        Raises:
            UsageError: another terminal owns this run.
        """
        self.name = name
        self._roots = roots
        self._who, self._clocks = who, clocks
        self._lines: list[bytes] = list(journal.lines) if journal else []
        self._place: _Place | None = None
        self._disk_failed_at: float | None = None
        self._disk_lost = bool(disk_lost)
        self.entries: list[Entry] = list(journal.entries) if journal else []
        self.durability = Durability.MEMORY
        self.problem = disk_lost
        """Why it is not on the disk; empty while it is."""
        self._settle()

    @property
    def path(self) -> Path | None:
        """Where it is kept now; None in memory."""
        return self._place.folder if self._place else None

    def append(self, ev: str, step: str | None = None, attempt: int = 0, data: Mapping[str, Any] = {}) -> Entry:
        """Write one line and see it on the disk before this returns; when the disk fails, the next safest place has it."""
        entry = Entry(
            run=self.name,
            seq=len(self.entries),
            at=self._clocks.wall_iso(),
            mono=self._clocks.mono(),
            who=self._who,
            ev=ev,
            step=step,
            attempt=attempt,
            data=dict(data),
            prev=digest(self._lines[-1]) if self._lines else FIRST,
        )
        self.entries.append(entry)
        self._lines.append(line_of(entry))
        self._settle()
        return entry

    def keep_playbook(self, raw: bytes, used: str | None = None) -> None:
        """The exact copy that a resumed run uses: of the run's own playbook, or of one that it uses, by its id."""
        self._try(lambda folder: _put(folder / (PLAYBOOK if used is None else f"used-{used}.yaml"), raw))

    def keep(self, data: bytes) -> Kept:
        """Evidence under its hash, on the disk before this returns."""
        name = digest(data)
        kept = self._try(lambda folder: _put(folder / EVIDENCE / name, data))
        return Kept(sha256=name, size_bytes=len(data), kept=kept)

    def output_file(self, name: str) -> Path | None:
        """Where a running change writes what it says, so that it outlives us; None where there is no such place."""
        return self._place.folder / EVIDENCE / name if self._place else None

    def without_disk(self, why: str) -> RunFolder:
        """The same run without its disk, for the rest of the program: a write hangs, and the thread it hangs in is lost."""
        journal = Journal(entries=tuple(self.entries), lines=tuple(self._lines))
        return RunFolder(self.name, self._roots, self._who, self._clocks, journal, disk_lost=why)

    def close(self) -> None:
        """Let others own the run."""
        if self._place is not None:
            self._place.close()
            self._place = None

    def _settle(self) -> None:
        """Bring every line to the safest place that takes it."""
        if not self._roots:
            return
        disk, shared = self._roots
        if self._may_use_disk() and self._write_to(disk, Durability.DISK):
            self.problem = ""
            return
        if not self._write_to(shared, Durability.SHARED):
            self.close()
            self.durability = Durability.MEMORY

    def _may_use_disk(self) -> bool:
        failed_at = self._disk_failed_at
        return not self._disk_lost and (failed_at is None or self._clocks.mono() - failed_at >= RETRY_S)

    def _write_to(self, root: Path, durability: Durability) -> bool:
        try:
            place = self._place
            if place is None or place.root != root:
                place = _Place(root, self.name)
            place.catch_up(self._lines)
        except OSError as exc:
            if durability is Durability.DISK:
                self.problem = f"{root}: {exc.strerror or exc}"
                self._disk_failed_at = self._clocks.mono()
            if self._place is not None and self._place.root == root:
                self.close()
            return False
        if self._place is not None and self._place is not place:
            self._place.close()
        self._place, self.durability = place, durability
        if durability is Durability.DISK:
            self._disk_failed_at = None
        return True

    def _try(self, write: Callable[[Path], None]) -> bool:
        """Write beside the journal; where that fails, once more in the next safest place."""
        for _ in range(2):
            if self._place is None:
                return False
            try:
                write(self._place.folder)
            except OSError as exc:
                self.problem = self.problem or f"{self._place.folder}: {exc.strerror or exc}"
                if self.durability is not Durability.DISK:
                    return False
                self._disk_failed_at = self._clocks.mono()
                self.close()
                self._settle()
            else:
                return True
        return False


class _Place:
    """A run's folder below one root, locked, with a journal that ends at a line's end."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.folder = root / name
        _own_folder(root.parent)
        _own_folder(root)
        _own_folder(self.folder)
        _own_folder(self.folder / EVIDENCE)
        self._fd = os.open(self.folder / JOURNAL, _APPEND, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise UsageError(f"{name}: another terminal owns this run; leave it there, or end that one first") from None
        raw = (self.folder / JOURNAL).read_bytes()
        self._there = read(raw).lines
        self._known = 0
        self._end = raw.rfind(b"\n") + 1

    def catch_up(self, lines: list[bytes]) -> None:
        """Write the lines that are not there yet, and see them on the disk."""
        while self._known < min(len(self._there), len(lines)) and self._there[self._known] == lines[self._known]:
            self._known += 1
        missing = lines[self._known :]
        if not missing:
            return
        piece = b"".join(line + b"\n" for line in missing)
        # What a failed or killed write left behind the last whole line is nobody's.
        os.ftruncate(self._fd, self._end)
        if os.write(self._fd, piece) != len(piece):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(self._fd)
        self._known, self._there = len(lines), ()
        self._end += len(piece)

    def close(self) -> None:
        os.close(self._fd)


def _own_folder(folder: Path) -> None:
    """Ours and no link: in shared memory somebody else may have made one of that name."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "is not a folder of ours")


def _put(path: Path, data: bytes) -> None:
    """Write a file that is whole or not there."""
    partial = path.with_name(f".{path.name}.part")
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(fd, left) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
