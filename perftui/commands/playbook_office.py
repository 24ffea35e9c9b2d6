"""What the console's desk of playbooks is made of. Imported when the operator first asks for the list, never at the start."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from perftui.clients.pg_control import PgControl
from perftui.clients.worker import DaemonWorker
from perftui.commands import run_keeping
from perftui.commands.baselines import usual
from perftui.commands.playbook_tools import ClientTools
from perftui.model.failure import UsageError
from perftui.pipeline.playbook.usual import Usual
from perftui.pipeline.playbook.world import Tools
from perftui.playbooks.redaction import Redactor
from perftui.playbooks.run.book import Bound
from perftui.playbooks.run_folder import Found, RunFolder
from perftui.playbooks.shelf import Shelf, shelf


class FolderOffice:
    """As `pipeline.playbook.desk.Office` has it, in this user's folders."""

    def __init__(self, control: PgControl | None, folders: Sequence[Path] = (), baseline: str = "") -> None:
        self.host = os.uname().nodename
        self.tools: Tools = ClientTools(control)
        self.database = control is not None
        self._folders = folders
        self._baseline = baseline

    def shelf(self) -> Shelf:
        return shelf(self._folders)

    def open_runs(self) -> Sequence[Found]:
        return run_keeping.open_runs()

    def new_folder(self, made: Bound) -> RunFolder:
        return run_keeping.new_folder(made)

    def taken_over(self, found: Found) -> RunFolder:
        return run_keeping.taken_over(found)

    def redactor(self, made: Bound) -> Redactor:
        return run_keeping.redactor(made)

    def opening(self, made: Bound) -> Mapping[str, Any]:
        return run_keeping.opening(made)

    def usual(self) -> Usual:
        return usual(self._baseline)

    def hand_off(self, run: str) -> tuple[str, str]:
        """As the protocol has it: in the run's own folder, for this user only."""
        from perftui.playbooks.report.stored import run_named, stored_report
        from perftui.reports.run_handoff import handoff_text

        found = run_named(run, run_keeping.run_roots())
        if found is None:
            raise UsageError("the journal is in memory only")
        text = f"{handoff_text(stored_report(found))}\n"
        path = found.places[0] / "handoff.txt"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:
            file.write(text)
        return text, str(path)

    def worker(self) -> DaemonWorker:
        return DaemonWorker("runs")
