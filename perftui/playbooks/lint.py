"""All that is wrong with a playbook, at once: the file's shape, and what its parts mean to each other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from perftui.playbooks.checks import CHECKS
from perftui.playbooks.checks.flow import Flow
from perftui.playbooks.checks.sheet import Sheet
from perftui.playbooks.complaint import Complaint
from perftui.playbooks.document import Playbook
from perftui.playbooks.load import Draft, draft_of_file
from perftui.playbooks.vocabulary import Vocabulary


def lint_file(
    path: Path, vocabulary: Vocabulary, today: date, shelf: Mapping[str, Playbook] | None = None
) -> tuple[Complaint, ...]:
    """As `lint`, of a file.

    Raises:
        UsageError: it can't be read, or is not trusted.
    """
    return lint(draft_of_file(path), vocabulary, today, shelf)


def lint(
    draft: Draft, vocabulary: Vocabulary, today: date, shelf: Mapping[str, Playbook] | None = None
) -> tuple[Complaint, ...]:
    """Every complaint in the order of the text. Without errors among them the playbook can be run.

    Args:
        draft: What could be made of the file; what has no shape is not looked at further.
        vocabulary: The readings there are.
        today: For reviews that are due.
        shelf: The playbooks that `use` may name; None leaves that unchecked.
    """
    found = list(draft.complaints)
    if draft.loaded is not None:
        sheet = Sheet(draft.loaded, vocabulary, today, shelf, draft.broken_steps)
        flow = Flow(sheet)
        found += [complaint for check in CHECKS for complaint in check(sheet, flow)]
    return tuple(sorted(dict.fromkeys(found), key=lambda each: (each.line, each.column)))
