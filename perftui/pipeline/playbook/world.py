"""The outside as one step sees it: the readings of now, the names of its playbook, and the tools it was handed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from perftui import __version__
from perftui.history.baseline import READINGS, Baseline, Course, problems, server_version, window_course
from perftui.history.deploys import DeploysPart
from perftui.model.answer import Answer
from perftui.pipeline.playbook.board import SnapshotBoard
from perftui.pipeline.playbook.usual import Usual
from perftui.pipeline.tree import iso, tree
from perftui.playbooks import conditions
from perftui.playbooks.document import Playbook
from perftui.playbooks.run.state import Scope
from perftui.playbooks.steps.world import Certificates, NoBaseline, Output, Progress, Reply, Unfilled
from perftui.playbooks.template import Template, moment

Started = Callable[[int, int], None]
"""(pid, start time in clock ticks) of a step's process."""


class Tools(Protocol):
    """The clients behind the steps."""

    def wall(self) -> float: ...
    def mono(self) -> float: ...
    def lives(self, pid: int, started: int) -> bool:
        """Whether that very process, by its start time in clock ticks, is still there."""
        ...

    async def program(
        self,
        argv: list[str],
        env: Mapping[str, str],
        listed: tuple[str, ...],
        timeout_s: float,
        cap_bytes: int,
        to_file: Path | None,
        started: Started,
    ) -> Output:
        """Run a command; it sees the allowed environment, the listed names of ours and the given values.

        Raises:
            SourceError: it can't be started.
        """
        ...

    async def query(
        self, sql: str, args: tuple[Any, ...], *, read_only: bool, timeout_s: float, rows: int
    ) -> Answer: ...
    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None, timeout_s: float, cap_bytes: int
    ) -> Reply: ...
    async def certificates(self, host: str, port: int, server_name: str, timeout_s: float) -> Certificates: ...


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What a step's playbook has given names to."""

    playbook: Playbook
    scope: Scope
    secrets: Mapping[str, str]
    """Secret inputs of this playbook; they stand in no journal."""
    baselines: dict[str, Mapping[str, Course]]
    """Of the whole run, by name: kept by `collect`."""
    usual: Usual
    """Those that are kept beyond the run."""
    save: Callable[[Baseline], Awaitable[None]]
    """Keeps one beyond the run; raises SourceError."""
    started_at: float
    """The run's start, wall clock."""


class StepWorld:
    """As `steps.world.World` has it."""

    def __init__(
        self,
        names: Names,
        board: SnapshotBoard,
        tools: Tools,
        timeout_s: float,
        tell: Callable[[Progress], None],
        to_file: Path | None = None,
        started: Started = lambda pid, ticks: None,
    ) -> None:
        self._names, self._board, self._tools = names, board, tools
        self._tell, self._to_file, self._started = tell, to_file, started
        self.timeout_s = timeout_s

    @property
    def mono(self) -> float:
        return self._tools.mono()

    def scope(self) -> conditions.Scope:
        names, snapshot = self._names, self._board.newest
        thresholds = {name: threshold.value.value for name, threshold in names.playbook.thresholds.items()}
        return conditions.Scope(
            history=snapshot.history if snapshot else None,
            values={"vars": names.scope.vars, "t": thresholds, "steps": names.scope.steps},
            baselines=names.usual.means(),
            no_baseline=names.usual.unknown(),
            deploys=self._deploys_since,
        )

    async def tick(self) -> None:
        await self._board.wait()

    def tell(self, progress: Progress) -> None:
        self._tell(progress)

    def value(self, reference: str) -> Any:
        """A value of any shape: rows and tables as well."""
        root, *parts = reference.split(".")
        if root == "vars" and len(parts) == 1 and parts[0] in self._names.secrets:
            return self._names.secrets[parts[0]]
        scope = self.scope()
        found: Any = scope.values.get(root)
        if found is None:
            return scope.get((root, *parts))
        for part in parts:
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def fill(self, template: Template, secret: bool = False) -> str:
        def text(reference: str) -> str:
            seconds = moment(reference)
            if seconds is not None:
                return str(iso(self._tools.wall() + seconds))
            if not secret and reference.removeprefix("vars.") in self._names.secrets:
                raise Unfilled(f"{reference} is secret and may not stand here; pass it in env")
            return _as_text(reference, self.value(reference))

        return template.fill(text)

    def row_values(self, names: tuple[str, ...]) -> tuple[str, ...]:
        snapshot = self._board.newest
        if snapshot is None:
            return ()
        whole = tree(snapshot)
        return tuple(line for name in names for line in _lines(name, _below(whole, name)))

    async def program(self, argv: list[str], env: Mapping[str, str], timeout_s: float) -> Output:
        playbook = self._names.playbook
        listed, cap = tuple(map(str, playbook.env)), playbook.limits.output_bytes
        return await self._tools.program(argv, env, listed, timeout_s, cap, self._to_file, self._started)

    async def query(self, sql: str, args: tuple[Any, ...], *, read_only: bool, timeout_s: float) -> Answer:
        rows = self._names.playbook.limits.rows
        return await self._tools.query(sql, args, read_only=read_only, timeout_s=timeout_s, rows=rows)

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None, timeout_s: float
    ) -> Reply:
        cap = self._names.playbook.limits.output_bytes
        return await self._tools.request(method, url, headers, body, timeout_s, cap)

    async def certificates(self, host: str, port: int, server_name: str, timeout_s: float) -> Certificates:
        return await self._tools.certificates(host, port, server_name, timeout_s)

    def keep_baseline(self, name: str, courses: Mapping[str, Course]) -> None:
        self._names.baselines[name] = dict(courses)

    async def save_baseline(self, name: str, window_s: float, courses: Mapping[str, Course]) -> list[str]:
        snapshot = self._board.newest
        if snapshot is None:
            return ["nothing was read yet"]
        history, machine = snapshot.history, snapshot.machine
        span_s = max(history.ages(window_s), default=0.0)
        measured = {reading: window_course(history, reading, window_s) for reading in READINGS}
        kept = {reading: found for reading, found in measured.items() if found is not None} | dict(courses)
        since_at = history.at - span_s
        wrong = problems(span_s, kept, self._deployed(since_at), self._board.incidents(since_at)[:3])
        if wrong:
            return wrong
        await self._names.save(
            Baseline(
                name=name,
                first_at=since_at,
                last_at=history.at,
                host=machine.hostname,
                system=machine.system,
                cores=machine.cores,
                program=__version__,
                postgres=server_version(history),
                courses=kept,
            )
        )
        return []

    def baseline(self, name: str) -> Mapping[str, Course]:
        own = self._names.baselines.get(name)
        if own is not None:
            return own
        kept = self._names.usual.baselines.get(name)
        if kept is None:
            raise NoBaseline(self._names.usual.trouble(name))
        return kept.courses

    def event_at(self, event: str) -> float | None:
        match event:
            case "last_deploy":
                known = self._deploys()
                return known.deploys[0].at if known is not None and known.deploys else None
            case "last_mark":
                marks = self._board.newest.marks if self._board.newest else ()
                return marks[-1].at if marks else None
        return self._names.started_at

    def _deployed(self, since_at: float) -> list[str]:
        known = self._deploys()
        found = known.between(since_at, self._board.newest.at) if known and self._board.newest else ()
        return [f"{each.service} {each.version or ''}".strip() for each in found]

    def _deploys(self) -> DeploysPart | None:
        return self._board.newest.history.known(DeploysPart) if self._board.newest else None

    def _deploys_since(self, seconds: float) -> int | None:
        """How many; None where no source of deploys is known."""
        known = self._deploys()
        if known is None or self._board.newest is None:
            return None
        now = self._board.newest.at
        return len(known.between(now - seconds, now))


def _as_text(reference: str, value: Any) -> str:
    if value is None:
        raise Unfilled(f"{reference} is not known")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int | str):
        return str(value)
    raise Unfilled(f"{reference} is a table; name one of its values")


def _below(record: Any, name: str) -> Any:
    for part in name.split("."):
        record = record.get(part) if isinstance(record, Mapping) else None
    return record


def _lines(name: str, value: Any) -> list[str]:
    """`host.cpu.busy_ratio 0.31`, a line for each value that is known."""
    if isinstance(value, Mapping):
        return [line for key, inner in value.items() for line in _lines(f"{name}.{key}", inner)]
    if isinstance(value, list | tuple):
        return [line for place, inner in enumerate(value) for line in _lines(f"{name}[{place}]", inner)]
    if value is None:
        return []
    return [f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}"]
