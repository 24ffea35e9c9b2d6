"""Whose playbooks may be read: what anybody else could have written into is no instruction for an operator."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from perftui.model.failure import UsageError


def shipped_folder() -> Path:
    """Where the program's own playbooks are: beside its modules, or at the top of a checkout."""
    here = Path(__file__).parent
    packed = here / "shipped"
    return packed if packed.is_dir() else here.parent.parent / "playbooks"


def user_folder() -> Path:
    """$XDG_CONFIG_HOME/perftui/playbooks."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "perftui" / "playbooks"


def distrust(folder: Path) -> str | None:
    """Why a folder's playbooks are not read, in one line; None where it belongs to root or this user and nobody else writes."""
    try:
        state = folder.stat()
    except OSError as exc:
        return f"{folder}: {(exc.strerror or str(exc)).lower()}"
    if not stat.S_ISDIR(state.st_mode):
        return f"{folder}: no folder"
    if _is_ours(folder):
        return None
    link = folder.lstat()
    if link.st_uid not in (0, os.geteuid()):
        return f"{folder}: a link that user {link.st_uid} made, neither root nor you; name the folder itself"
    return _open_to_others(folder, state) or _replaceable(folder)


def _replaceable(folder: Path) -> str | None:
    """Why others could put another folder in its place; None where nobody else can."""
    for parent in folder.resolve().parents:
        state = parent.stat()
        # In a sticky folder, as /tmp is, only the owner can rename what is in it.
        if state.st_mode & stat.S_ISVTX:
            continue
        reason = _open_to_others(parent, state)
        if reason:
            return f"{folder}: could be replaced: {reason}"
    return None


def _is_ours(folder: Path) -> bool:
    """Who can write to these can write to the program."""
    ours = shipped_folder()
    # Resolving asks for each folder above; it is asked for each of our own playbooks at each start.
    return folder == ours or folder.resolve() == ours.resolve()


def _open_to_others(path: Path, state: os.stat_result) -> str | None:
    if state.st_uid not in (0, os.geteuid()):
        return f"{path}: belongs to user {state.st_uid}, neither root nor you; chown it, or copy the playbook"
    if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"{path}: others can write to it, so its playbooks are not trusted; run chmod go-w {path}"
    return None


def read_trusted(path: Path, limit: int) -> bytes:
    """The content of a playbook in a trusted folder, at most `limit` + 1 bytes.

    Raises:
        UsageError: with the one reason why it is not read.
    """
    folder = path.parent if path.parent != Path() else Path()
    reason = distrust(folder)
    if reason:
        raise UsageError(reason)
    if path.is_symlink() and path.resolve().parent != folder.resolve():
        raise UsageError(f"{path}: links to a file outside of its folder; copy the playbook instead")
    try:
        # Without O_NONBLOCK opening a fifo waits for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise UsageError(f"{path}: {(exc.strerror or str(exc)).lower()}") from exc
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise UsageError(f"{path}: no file")
        reason = None if _is_ours(folder) else _open_to_others(path, state)
        if reason:
            raise UsageError(reason)
        return file.read(limit + 1)
