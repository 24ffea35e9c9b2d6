"""A run as it lies on the disk, for its report: its journal, its copies of the playbooks, what its evidence is now."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from perftui.model.failure import UsageError
from perftui.playbooks.journal import Entry, Journal, read
from perftui.playbooks.redaction import Redactor, checked_pattern
from perftui.playbooks.report.records import RunReport
from perftui.playbooks.report.run_report import KeptFile, run_report
from perftui.playbooks.report.told import mapping, words
from perftui.playbooks.run.book import Bound, kept
from perftui.playbooks.run_folder import EVIDENCE, JOURNAL, Found, found_runs

_PIECE = 1 << 20
_NAME_LENGTH = 64


def run_named(name: str, roots: tuple[Path, ...]) -> Found | None:
    """The run of that name or that its name begins with, open or closed; None where there is none.

    Raises:
        UsageError: several begin so.
    """
    found = found_runs(roots)
    named = [each for each in found if each.name == name] or [each for each in found if each.name.startswith(name)]
    if len(named) > 1:
        told = ", ".join(each.name for each in named[:3])
        raise UsageError(
            f"{len(named)} runs begin with {name}: {told}{', …' if len(named) > 3 else ''}; write more of it"
        )
    return named[0] if named else None


def run_at(path: Path) -> Found | None:
    """The run in a folder, or of a journal's file; None where the path holds something else.

    Raises:
        OSError: it can't be read.
    """
    file = path / JOURNAL if path.is_dir() else path
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        if not opened.read(64).startswith(b'{"v":'):
            return None
    journal = read(file.read_bytes())
    return Found(name=file.parent.resolve().name, places=(file.parent,), journal=journal) if journal.entries else None


def stored_report(found: Found) -> RunReport:
    """Its report.

    Raises:
        UsageError: its journal holds no line that can be read.
    """
    if not found.journal.entries:
        raise UsageError(f"{found.name}: its journal holds no line that can be read")
    bound, problems = _copies(found.places)
    folders = [place / EVIDENCE for place in found.places if (place / EVIDENCE).is_dir()]
    there = _evidence(folders, found.journal) if folders else None
    return run_report(found.journal, bound, there, export_redactor(bound), problems)


def export_redactor(bound: Bound | None) -> Redactor:
    """What hides secrets once more when a report is made, with the patterns of the run's playbooks."""
    if bound is None:
        return Redactor()
    patterns = [str(text) for playbook in bound.book.playbooks.values() for text in playbook.redact]
    return Redactor(patterns=[checked_pattern(text) for text in patterns])


def _copies(places: Sequence[Path]) -> tuple[Bound | None, tuple[str, ...]]:
    reason = "there is no copy"
    for place in places:
        try:
            return kept(place), ()
        except (UsageError, OSError, UnicodeDecodeError) as exc:
            reason = str(exc).splitlines()[0]
    return None, (f"the run's copy of its playbook can't be read, so undo and next step are not told: {reason}",)


def _evidence(folders: Iterable[Path], journal: Journal) -> dict[str, KeptFile]:
    """Of each piece that the journal names, what its file holds now; the one that is as it was, where there are two."""
    names = {name for entry in journal.entries if len(name := _named(entry)) == _NAME_LENGTH and name.isalnum()}
    found: dict[str, KeptFile] = {}
    for folder in folders:
        for name in sorted(names):
            file = _file(folder / name)
            if file is not None and (name not in found or file.sha256 == name):
                found[name] = file
    return found


def _named(entry: Entry) -> str:
    return words(mapping(entry.data.get("evidence")).get("sha256"))


def _file(path: Path) -> KeptFile | None:
    """Its hash; None where there is no plain file that we may read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            return None
        hashed = sha256()
        while piece := file.read(_PIECE):
            hashed.update(piece)
    return KeptFile(hashed.hexdigest(), about.st_size)
