"""Packages that dnf 4 or dnf 5 installed, upgraded or removed: its own database, whose moments are in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from itertools import groupby
from typing import Protocol

from perftui.sources.deploy import Deploy
from perftui.sources.deploy_packages import PackageChange, PackageRun, as_deploy
from perftui.sources.deploy_places import PlaceRead
from perftui.sources.deploy_text import told

Row = tuple[int, float, float | None, str | None, str | None, str, str, bool, str | None, str | None]


class DnfHistory(Protocol):
    """The transactions in a database; raises SourceError."""

    path: str

    def new(self, since_at: float) -> list[Row] | None: ...


class DnfTransactions:
    """A place of the source of packages."""

    named = False

    def __init__(self, history: DnfHistory) -> None:
        self.name = history.path
        self._history = history
        self._deploys: Sequence[Deploy] = ()

    def read(self, now_at: float, since_at: float) -> PlaceRead:
        """The transactions.

        Raises:
            SourceError: the database can't be read.
        """
        rows = self._history.new(since_at)
        if rows is not None:
            self._deploys = [as_deploy(run, "dnf", UTC, now_at) for run in transactions(rows)]
        return PlaceRead(self._deploys)


def transactions(rows: Sequence[Row]) -> list[PackageRun]:
    """One run for each transaction; rows of one stand together."""
    runs = []
    for _, group in groupby(rows, key=lambda row: row[0]):
        packages = list(group)
        _, begin, end, user, command, state, *_ = packages[0]
        replaced = {name: version for *_, verb, _, name, version in packages if verb == "replaced"}
        runs.append(
            PackageRun(
                at=begin,
                at_end=end,
                precision_s=1.0,
                changes=tuple(
                    _change(verb, automatic, name, version, replaced.get(name))
                    for *_, verb, automatic, name, version in packages
                    if name and verb and verb != "replaced"
                ),
                command=told(command, 120),
                who=told(user, 60),
                error="the transaction failed" if state == "error" else None,
            )
        )
    return runs


def _change(verb: str, automatic: bool, name: str, version: str | None, before: str | None) -> PackageChange:
    if verb == "removed":
        return PackageChange(verb, name, version, None, automatic)
    return PackageChange(verb, name, before, version, automatic)
