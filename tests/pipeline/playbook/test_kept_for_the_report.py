"""What a run writes into its journal only so that its report can tell it."""

from __future__ import annotations

from pathlib import Path

from perftui.clients.worker import DaemonWorker
from perftui.pipeline.playbook.board import SnapshotBoard
from perftui.pipeline.playbook.course import course, values_now
from perftui.pipeline.playbook.keeper import Keeper
from perftui.pipeline.playbook.runner import Runner
from perftui.playbooks.journal import Event, Who, read
from perftui.playbooks.redaction import Redactor
from perftui.playbooks.report.run_report import run_report
from perftui.playbooks.run.book import bound
from perftui.playbooks.run_folder import Clocks, RunFolder
from perftui.playbooks.shelf import Shelf
from tests.pipeline.playbook.killed_run import Operator, Programs
from tests.playbooks.shelf import loaded, text
from tests.views.scenes import host
from tests.views.test_banner import SWAPPING, WAITING


def test_the_verdict_with_its_beginning_and_the_findings_are_kept() -> None:
    snapshot = host(30, findings=(SWAPPING, WAITING))
    kept = course(snapshot, ("host.cpu.busy_ratio",))

    assert (kept["verdict"]["class"], kept["verdict"]["severity"]) == ("memory_bound", "critical")
    assert kept["verdict"]["since_at"] == "2026-02-11T10:41:47.000Z"
    assert [each["rule"] for each in kept["findings"]] == ["host.swapping", "host.io_saturated"]
    assert values_now(snapshot, ("host.cpu.busy_ratio",))["verdict"] == kept["verdict"]


async def test_a_disk_that_takes_nothing_is_told_by_the_journal_itself(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a folder can't be made below this")
    roots = (tmp_path / "file" / "runs", tmp_path / "shm" / "runs")
    clocks = Clocks(wall_iso=lambda: "2026-11-22T10:00:00Z", mono=lambda: 0.0)
    made = bound(loaded(text("- {id: last, title: Last, say: Done}")), Shelf(playbooks={}, reasons=()))
    folder = RunFolder("r1", roots, Who(user="ann", host="h"), clocks)
    keeper = Keeper(folder, lambda: DaemonWorker("journal"), Redactor())
    await Runner(made.book, keeper, SnapshotBoard(), Programs(), Operator(tmp_path / "mark")).run()
    await keeper.close()

    journal = read((roots[1] / "r1" / "journal.jsonl").read_bytes())
    told = [entry for entry in journal.entries if entry.ev == Event.DURABILITY]
    assert [(entry.seq, entry.data["state"]) for entry in told] == [(1, "shared memory")]
    (problem,) = run_report(journal, made).problems
    assert problem.startswith("not durable for a while: the journal is kept in shared memory: ")
