"""Where runs of playbooks are kept, and what stands in them of who sits here: the same for a run with and without a screen."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from perftui import __version__
from perftui.commands.paths import state_dir
from perftui.pipeline.tree import iso
from perftui.playbooks.journal import Who
from perftui.playbooks.redaction import Redactor, checked_pattern
from perftui.playbooks.run.book import Bound
from perftui.playbooks.run_folder import Clocks, Found, RunFolder, found_runs, shared_root


def run_roots() -> tuple[Path, Path]:
    """Where runs are kept: the state folder, then shared memory."""
    return state_dir() / "runs", shared_root()


def open_runs() -> list[Found]:
    """Runs that did not come to their end, newest first."""
    return [each for each in found_runs(run_roots()) if each.open]


def who() -> Who:
    """Who sits here, for the journal."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    tty = None
    with contextlib.suppress(OSError):
        tty = os.ttyname(2)
    address = os.environ.get("SSH_CONNECTION", "").split(" ")[0]
    return Who(
        user=user, sudo_user=os.environ.get("SUDO_USER"), ssh_from=address or None, tty=tty, host=os.uname().nodename
    )


def clocks() -> Clocks:
    return Clocks(wall_iso=lambda: str(iso(time.time())), mono=time.monotonic)


def redactor(made: Bound) -> Redactor:
    """With the patterns of every playbook of the book."""
    patterns = [str(text) for playbook in made.book.playbooks.values() for text in playbook.redact]
    return Redactor(patterns=[checked_pattern(text) for text in patterns])


def new_folder(made: Bound) -> RunFolder:
    """The folder of a run that begins, with the exact text of all its playbooks."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = RunFolder(f"{moment}-{made.book.main}-{secrets.token_hex(2)}", run_roots(), who(), clocks())
    for name, text in made.texts.items():
        folder.keep_playbook(text, None if name == made.book.main else name)
    return folder


def taken_over(found: Found) -> RunFolder:
    """The folder of a run that was left.

    Raises:
        UsageError: another terminal owns it.
    """
    return RunFolder(found.name, run_roots(), who(), clocks(), found.journal)


def opening(made: Bound) -> dict[str, Any]:
    """What the first line of a run tells."""
    playbook = made.book.playbooks[made.book.main]
    return {
        "playbook": made.book.main,
        "title": playbook.title,
        "sha256": made.sha256,
        "pid": os.getpid(),
        "perftui": __version__,
    }
