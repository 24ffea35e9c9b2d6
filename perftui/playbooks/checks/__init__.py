"""One file per sort of mistake; each check looks at the whole playbook. A new one is its file and its line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from perftui.playbooks.checks.branches import check_branches
from perftui.playbooks.checks.declarations import check_declarations
from perftui.playbooks.checks.flow import Flow, check_flow
from perftui.playbooks.checks.names import check_names
from perftui.playbooks.checks.safety import check_safety
from perftui.playbooks.checks.sheet import Sheet
from perftui.playbooks.complaint import Complaint

CHECKS: tuple[Callable[[Sheet, Flow], Iterable[Complaint]], ...] = (
    check_flow,
    check_branches,
    check_names,
    check_declarations,
    check_safety,
)
