"""A report for programs: all of its records, whatever the template shows of them."""

from __future__ import annotations

import msgspec

from perftui.playbooks.report.records import RunReport
from perftui.reports.load_report import LoadReport
from perftui.reports.run_handoff import handoff_text
from perftui.reports.run_page import headline, standing
from perftui.reports.tape_report import TapeReport

VERSION = 1


def run_json(report: RunReport, template: str = "") -> bytes:
    """A run. Moments are seconds since 1970 UTC, what is not known is null."""
    tree = {
        "v": VERSION,
        "template": template or report.template,
        "headline": headline(report),
        "standing": standing(report),
        "handoff": handoff_text(report).split("\n"),
        "report": report,
    }
    return _formatted(tree)


def tape_json(report: TapeReport) -> bytes:
    return _formatted({"v": VERSION, "report": report})


def load_json(report: LoadReport, headline: str) -> bytes:
    """A load test; what follows from other numbers stands beside them."""
    follows = {"error_ratio": report.error_ratio, "cost_per_1000_users_per_hour": report.cost_per_1000_users}
    return _formatted({"v": VERSION, "headline": headline, **follows, "report": report})


def _formatted(tree: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(tree), indent=1) + b"\n"
