"""Packages that were installed, upgraded or removed: apt's history.log, and dpkg.log for what was done without apt.

One run of apt, or of dpkg, is one change. Both logs are written in the host's local time without a zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import tzinfo

import msgspec

from perftui.sources.deploy import Deploy, DeployKind, DeployStatus
from perftui.sources.deploy_places import LogFile, PlaceRead
from perftui.sources.deploy_text import told
from perftui.sources.local_time import local_moment, zone_words

SOURCE = "packages"
RUN_GAP_S = 60.0
"""Silence in dpkg.log after which the next package belongs to another run."""
_NAMED = 12
_APT_VERBS = {
    b"Install": "installed",
    b"Upgrade": "upgraded",
    b"Downgrade": "downgraded",
    b"Reinstall": "reinstalled",
    b"Remove": "removed",
    b"Purge": "purged",
}
_DPKG_VERBS = {b"install": "installed", b"upgrade": "upgraded", b"remove": "removed", b"purge": "purged"}
_APT_ITEM = re.compile(r"([^\s,()]+) \(([^)]*)\)")


class PackageChange(msgspec.Struct, frozen=True):
    verb: str
    name: str
    previous: str | None
    version: str | None
    automatic: bool = False
    """Nobody asked for it; another package needs it."""


class PackageRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of apt or of dpkg."""

    at: float
    at_end: float | None
    """None while it runs, or where its end was never written."""
    precision_s: float
    changes: tuple[PackageChange, ...]
    command: str | None = None
    who: str | None = None
    error: str | None = None


class AptHistory:
    """/var/log/apt/history.log of apt 0.9 and newer: blocks of `Name: value` lines, the last one open while apt runs."""

    def __init__(self, log: LogFile, zone: tzinfo) -> None:
        self.name = log.path
        self.named = False
        self._runs: list[PackageRun] = []
        self._log = log
        self._zone = zone
        self._block: dict[bytes, bytes] = {}
        self._cut = False
        self._trouble = ""

    def read(self, now_at: float, since_at: float) -> PlaceRead:
        """The runs of apt.

        Raises:
            SourceError: the log can't be read.
        """
        new = self._log.new(since_at)
        if new is not None:
            if new.anew:
                self._runs, self._block, self._cut, self._trouble = [], {}, new.cut, ""
            for _, line in new.lines:
                self._take(line)
            self._runs = [run for run in self._runs if (run.at_end or run.at) >= since_at]
        runs = self.known_runs()
        return PlaceRead(
            [as_deploy(run, "apt", self._zone, now_at) for run in runs],
            since_at=min((run.at for run in runs), default=since_at) if self._cut else None,
            trouble=self._trouble,
        )

    def known_runs(self) -> list[PackageRun]:
        """All that were read, and the one that goes on."""
        return [*self._runs, *self._open()]

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b": ")
        if name == b"Start-Date":
            self._block = {name: value}
        elif self._block and value:
            self._block[name] = value
            if name == b"End-Date":
                self._runs += self._open()
                self._block = {}

    def _open(self) -> list[PackageRun]:
        """The run of the block that is being read; none where there is none or its moments can't be read."""
        if not self._block:
            return []
        try:
            return [apt_run(self._block, self._zone)]
        except ValueError as exc:
            self._trouble = f"{exc}; that run is skipped"
            return []


def apt_run(block: dict[bytes, bytes], zone: tzinfo) -> PackageRun:
    """The run that a block tells of.

    Raises:
        ValueError: its start or end is no moment.
    """
    words = {name: value.decode("utf-8", "replace") for name, value in block.items()}
    at, precision_s = local_moment(words[b"Start-Date"], zone)
    end = words.get(b"End-Date")
    command = told(words.get(b"Commandline"), 120)
    who = told(words.get(b"Requested-By", "").rpartition(" (")[0], 60)
    if who is None and command and "unattended-upgrade" in command:
        who = "unattended-upgrades"
    changes = [
        change for name, verb in _APT_VERBS.items() if name in words for change in _apt_changes(verb, words[name])
    ]
    return PackageRun(
        at=at,
        at_end=local_moment(end, zone).at if end else None,
        precision_s=precision_s,
        changes=tuple(changes),
        command=command,
        who=who,
        error=told(words.get(b"Error"), 120),
    )


def _apt_changes(verb: str, items: str) -> Iterable[PackageChange]:
    """`a:amd64 (1.0, automatic), b:amd64 (1.0, 1.1)`."""
    for name, facts in _APT_ITEM.findall(items):
        versions = [word for word in facts.split(", ") if word != "automatic"]
        old, new = (versions[0], versions[1]) if len(versions) > 1 else (None, versions[0] if versions else None)
        if verb in ("removed", "purged"):
            old, new = new, None
        yield PackageChange(verb, name.partition(":")[0], old, new, "automatic" in facts)


class DpkgLog:
    """/var/log/dpkg.log: `date time verb package:arch old new`; what apt did is told by apt."""

    def __init__(self, log: LogFile, zone: tzinfo, apt: AptHistory | None) -> None:
        self.name = log.path
        self.named = False
        self._log = log
        self._zone = zone
        self._apt = apt
        self._runs: list[PackageRun] = []
        self._first_at: float | None = None
        self._cut = False
        self._changes: list[PackageChange] = []
        self._began = b""
        self._last = b""

    def read(self, now_at: float, since_at: float) -> PlaceRead:
        """The runs of dpkg that apt did not start.

        Raises:
            SourceError: the log can't be read.
        """
        new = self._log.new(since_at)
        if new is not None:
            if new.anew:
                self._runs, self._changes, self._began, self._last = [], [], b"", b""
                self._cut, self._first_at = new.cut, None
            for _, line in new.lines:
                self._take(line)
            self._runs = [run for run in self._runs if (run.at_end or run.at) >= since_at]
        runs = [run for run in [*self._runs, *self._open()] if not self._is_apts(run, now_at)]
        since = (since_at if self._first_at is None else self._first_at) if self._cut else None
        return PlaceRead([as_deploy(run, "dpkg", self._zone, now_at) for run in runs], since_at=since)

    def _take(self, line: bytes) -> None:
        stamp, words = line[:19], line.split(b" ", 6)
        if len(words) < 4 or not self._goes_on(stamp):
            return
        verb = _DPKG_VERBS.get(words[2])
        if verb is None or len(words) < 6:
            return
        self._began = self._began or stamp
        name, old, new = (word.decode("utf-8", "replace") for word in words[3:6])
        gone = verb in ("removed", "purged")
        self._changes.append(
            PackageChange(verb, name.partition(":")[0], _version(old), None if gone else _version(new))
        )

    def _goes_on(self, stamp: bytes) -> bool:
        """Take a line's moment, which may end the run before it; False where it is none."""
        if stamp[:16] != self._last[:16]:  # within a minute there is no gap, and most lines are
            try:
                at = self._at(stamp)
            except ValueError:
                return False
            self._first_at = at if self._first_at is None else self._first_at
            if self._began and at - self._at(self._last) > RUN_GAP_S:
                self._runs += self._open()
                self._changes, self._began = [], b""
        self._last = stamp
        return True

    def _open(self) -> list[PackageRun]:
        """The run that is being read; nothing tells that it has ended but the silence after it."""
        if not self._began:
            return []
        at, precision_s = local_moment(self._began.decode(), self._zone)
        return [PackageRun(at=at, at_end=self._at(self._last), precision_s=precision_s, changes=tuple(self._changes))]

    def _at(self, stamp: bytes) -> float:
        return local_moment(stamp.decode("ascii", "replace"), self._zone).at

    def _is_apts(self, run: PackageRun, now_at: float) -> bool:
        """Whether apt was at work at that time; only one of them can be."""
        runs = self._apt.known_runs() if self._apt else []
        return any(each.at - 2 <= run.at <= (each.at_end or now_at) + 2 for each in runs)


def _version(word: str) -> str | None:
    return None if word == "<none>" else word


def as_deploy(run: PackageRun, tool: str, zone: tzinfo, now_at: float) -> Deploy:
    """The record of a run: one package by its name, several by their number; the packages stand in its detail."""
    asked = [change for change in run.changes if not change.automatic] or list(run.changes)
    one = asked[0] if len(asked) == 1 else None
    status = DeployStatus.SUCCEEDED if run.at_end is not None else DeployStatus.STARTED
    pieces = (_packages_words(asked, len(run.changes)), run.command, run.error, zone_words(zone, run.at))
    return Deploy(
        id=f"{tool}:{run.at:.0f}",
        at=run.at,
        at_end=run.at_end,
        precision_s=run.precision_s,
        service=(told(one.name, 100) or tool) if one else f"{len(asked)} packages" if asked else tool,
        version=told(one.version, 100) if one else None,
        previous=told(one.previous, 100) if one else None,
        who=run.who,
        source=SOURCE,
        kind=DeployKind.PACKAGE,
        status=DeployStatus.FAILED if run.error else status,
        detail=told("; ".join(piece for piece in pieces if piece), 400),
        seen_at=now_at,
    )


def _packages_words(asked: Sequence[PackageChange], all_changes: int) -> str:
    """`upgraded libc6 2.36-9 to 2.36-10, openssl …; removed x; and 5 that they need`."""
    by_verb: dict[str, list[str]] = {}
    for change in asked[:_NAMED]:
        versions = " to ".join(version for version in (change.previous, change.version) if version)
        by_verb.setdefault(change.verb, []).append(f"{change.name} {versions}".strip())
    words = [f"{verb} {', '.join(names)}" for verb, names in by_verb.items()]
    if len(asked) > _NAMED:
        words.append(f"and {len(asked) - _NAMED} more")
    if all_changes > len(asked):
        words.append(f"and {all_changes - len(asked)} that they need")
    return "; ".join(words)
