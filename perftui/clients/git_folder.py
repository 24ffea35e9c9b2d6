"""The log of a git working directory's HEAD, read as the file it is.

git itself is not run: it refuses directories of other users (`safe.directory`), and what it runs is set by the repository.
"""

from __future__ import annotations

import os
from pathlib import Path

from perftui.clients.log_file import LogFile, file_errors
from perftui.model.failure import FailureKind, SourceError
from perftui.model.lines import NewLines

_POINTER_BYTES = 8192


class Reflog:
    """`logs/HEAD` of a clone, a linked worktree, a submodule or a bare repository; found anew each time."""

    def __init__(self, directory: str, most_bytes: int) -> None:
        self.path = directory
        self._most_bytes = most_bytes
        self._log: LogFile | None = None

    def new(self, since_at: float) -> NewLines | None:
        """The entries that were added since the last call. As `LogFile.new`."""
        path = f"{git_folder(self.path)}/logs/HEAD"
        if self._log is None or self._log.path != path:
            self._log = LogFile(path, self._most_bytes)
        try:
            return self._log.new(since_at)
        except SourceError as exc:
            if exc.kind is FailureKind.MISSING:
                advice = "git config core.logAllRefUpdates true lets git write it"
                raise SourceError(exc.kind, f"{path}: no log of HEAD; {advice}") from exc
            raise

    def changed_at(self) -> float:
        return self._log.changed_at() if self._log else 0.0


def git_folder(directory: str) -> str:
    """Where git keeps what belongs to a directory: `.git` itself, or the folder that a file `.git` points to.

    Raises:
        SourceError: MISSING where there is no repository, DENIED, MALFORMED.
    """
    with file_errors(directory):
        os.stat(directory)
    found = Path(directory) / ".git"
    with file_errors(str(found)):
        if found.is_dir():
            return str(found)
        if found.is_file():
            with found.open("rb") as file:
                return _pointed_to(file.read(_POINTER_BYTES), directory)
        if (Path(directory) / "HEAD").is_file() and (Path(directory) / "objects").is_dir():
            return directory
    raise SourceError(FailureKind.MISSING, f"{directory}: no git repository; expected a directory with .git in it")


def _pointed_to(pointer: bytes, directory: str) -> str:
    name, _, place = os.fsdecode(pointer).strip().partition(": ")
    if name != "gitdir" or not place:
        raise SourceError(FailureKind.MALFORMED, f"{directory}/.git: expected a line gitdir: PATH")
    return os.path.normpath(os.path.join(directory, place))
