"""File descriptors run out, in one process or in the whole host."""

from __future__ import annotations

from perftui.findings.holding import evidence
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.model.finding import Constraint, Finding, Severity
from perftui.sources.file_handles import FileHandlesPart
from perftui.sources.processes import ProcessesPart, ProcessReading, files_series

NAME = "host.fd_exhaustion"
DIP_S = 15.0
"""Descriptors are counted every few seconds: a process that is not counted for so long has not recovered."""


class FdExhaustionLimits(Limits, frozen=True, kw_only=True):
    process_ratio: float = 0.90
    """Ours: open files / limit of one process."""
    host_ratio: float = 0.90
    """Ours: open files / fs.file-max."""


def fd_exhaustion(history: History, limits: FdExhaustionLimits) -> list[Finding]:
    """The host's table (critical) and each process near its limit (warning)."""
    return [*_host(history, limits), *_processes(history, limits)]


def _host(history: History, limits: FdExhaustionLimits) -> list[Finding]:
    part = history.latest(FileHandlesPart)
    if part is None or part.file_handles.used_ratio < limits.host_ratio:
        return []
    table = part.file_handles
    since_at, before = history.held_since("host.file_handles.used_ratio", limits.host_ratio)
    return [
        Finding(
            rule=NAME,
            severity=Severity.CRITICAL,
            constraint=Constraint.POOL_BOUND,
            title=f"{table.open} of {table.limit} file handles of the host are open (fs.file-max)",
            since_at=since_at,
            began_before=before,
            evidence=(evidence("host.file_handles.used_ratio", table.used_ratio, "ratio", limits.host_ratio),),
        )
    ]


def _processes(history: History, limits: FdExhaustionLimits) -> list[Finding]:
    part = history.latest(ProcessesPart)
    return [
        _process(history, each, limits)
        for each in (part.processes.top if part else ())
        if _used(each) >= limits.process_ratio
    ]


def _used(process: ProcessReading) -> float:
    return process.open_files / process.open_files_limit if process.open_files and process.open_files_limit else 0.0


def _process(history: History, process: ProcessReading, limits: FdExhaustionLimits) -> Finding:
    limit = process.open_files_limit or 0
    since_at, before = history.held_since(files_series(process), limits.process_ratio * limit - 1, DIP_S)
    return Finding(
        rule=NAME,
        severity=Severity.WARNING,
        constraint=Constraint.POOL_BOUND,
        title=f"{process.name} (pid {process.pid}) has {process.open_files} of {process.open_files_limit} descriptors open",
        since_at=since_at,
        began_before=before,
        subject={"process": process.name, "pid": process.pid},
        evidence=(evidence("host.processes.top[].open_files", process.open_files, "files", process.open_files_limit),),
    )


RULE = Rule(
    name=NAME,
    constraint=Constraint.POOL_BOUND,
    limits=FdExhaustionLimits,
    find=fd_exhaustion,
    needs=("processes", "file_handles"),
)
