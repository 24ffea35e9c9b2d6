"""Deploys by `git pull`, `checkout` or `reset` in a directory of this host: the log of its HEAD."""

from __future__ import annotations

import re

import msgspec

from perftui.sources.deploy import Deploy, DeployKind, DeployStatus
from perftui.sources.deploy_places import LogFile, PlaceRead
from perftui.sources.deploy_text import told

SOURCE = "git"
SHORT = 10
"""Characters of a commit's hash that are shown."""
_ENTRY = re.compile(rb"([0-9a-f]{40,64}) ([0-9a-f]{40,64}) (.*) <[^>]*> (\d{1,12}) [+-]\d{4}(?:\t(.*))?")
_STEP = re.compile(
    r"(?:rebase|pull|cherry-pick|am)[^:]*\((?:start|pick|reword|edit|squash|fixup|continue|finish|abort)\)"
)
"""Entries of one rebase; what counts is where it began and where it ended."""
_CHECKOUT = re.compile(r"checkout: moving from \S+ to (\S+)")
_BACK = re.compile(r"reset: moving to (?:HEAD(?:[~^]|@\{)|ORIG_HEAD)")
_TAG = re.compile(r"v?\d+(?:\.\d+)+\S{0,40}")


class HeadMove(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the log: HEAD was at `old` and is at `new`."""

    old: str
    new: str
    who: str
    at: float
    message: str


class GitDirectory:
    """A working directory that is deployed by git."""

    named = True

    def __init__(self, service: str, log: LogFile) -> None:
        self.name = log.path
        self._service = service
        self._log = log
        self._moves: list[HeadMove] = []
        self._cut = False
        self._trouble = ""

    def read(self, now_at: float, since_at: float) -> PlaceRead:
        """The moves of HEAD.

        Raises:
            SourceError: MISSING where there is no repository or no log, DENIED.
        """
        new = self._log.new(since_at)
        if new is not None:
            if new.anew:
                self._moves, self._cut, self._trouble = [], new.cut, ""
            for number, line in new.lines:
                move = parse_entry(line)
                if move is not None:
                    self._moves.append(move)
                elif line:
                    place = f"line {number}" if number is not None else "a line"
                    self._trouble = f"{place} of the log of HEAD is no entry; it is skipped"
        return PlaceRead(
            git_deploys(self._moves, self._service, self.name, now_at),
            since_at=min((move.at for move in self._moves), default=now_at) if self._cut else None,
            trouble=self._trouble,
        )


def parse_entry(line: bytes) -> HeadMove | None:
    """`old new Name <mail> seconds zone<TAB>message`; None where the line is no such entry."""
    match = _ENTRY.fullmatch(line.rstrip(b"\r"))
    if match is None:
        return None
    old, new, who, at, message = (word.decode("utf-8", "replace") for word in (part or b"" for part in match.groups()))
    return HeadMove(old=old, new=new, who=told(who, 60) or "", at=float(at), message=told(message, 200) or "")


def git_deploys(moves: list[HeadMove], service: str, directory: str, now_at: float) -> list[Deploy]:
    """The changes that the moves made. Back to a commit that HEAD has been at is a rollback."""
    been: set[str] = set()
    found = []
    for move in _whole_moves(moves):
        been.add(move.old)
        if move.old != move.new:
            back = move.new in been or _BACK.match(move.message) is not None
            found.append(_deploy(move, service, directory, back, now_at))
        been.add(move.new)
    return found


def _whole_moves(moves: list[HeadMove]) -> list[HeadMove]:
    """The steps of a rebase as one move."""
    whole: list[HeadMove] = []
    within = False
    for move in moves:
        step = _STEP.match(move.message) is not None
        if step and within:
            whole[-1] = msgspec.structs.replace(move, old=whole[-1].old)
        else:
            whole.append(move)
        within = step and "(finish)" not in move.message
    return whole


def _deploy(move: HeadMove, service: str, directory: str, back: bool, now_at: float) -> Deploy:
    target = _CHECKOUT.match(move.message)
    tag = target[1] if target and _TAG.fullmatch(target[1]) else None
    return Deploy(
        id=f"git:{directory}:{move.at:.0f}:{move.new[:SHORT]}",
        at=move.at,
        precision_s=1.0,
        service=service,
        version=tag or move.new[:SHORT],
        previous=move.old[:SHORT] if move.old.strip("0") else None,
        who=move.who or None,
        source=SOURCE,
        kind=DeployKind.ROLLBACK if back else DeployKind.DEPLOY,
        status=DeployStatus.SUCCEEDED,
        detail=told(f"{move.message or 'HEAD moved'}; commit {move.new[:SHORT]} in {directory}", 300),
        seen_at=now_at,
    )
