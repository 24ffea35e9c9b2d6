"""Who answers the steps of a fixture's run: its tools and its operator."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from perftui.model.answer import Answer
from perftui.model.failure import FailureKind, SourceError
from perftui.pipeline.playbook.talk import Question, Reply
from perftui.playbooks.fixture import Fixture, Told
from perftui.playbooks.steps.world import Certificates, Output
from perftui.playbooks.steps.world import Reply as HttpReply


class Unanswered(Exception):
    """The run asks for something that the fixture does not tell: one line."""


def _told(answers: Mapping[str, Any], path: str, time: int, suffix: str = "") -> Any:
    """What stands under a path or its last step, of this time or the last one before it that is told; None where nothing."""
    prefix = "undo:" if path.startswith("undo:") else ""
    bare = path.removeprefix("undo:").partition("#")[0]
    for name in dict.fromkeys((bare, bare.rpartition("/")[2])):
        for number in range(time, 1, -1):
            if (key := f"{prefix}{name}{suffix}#{number}") in answers:
                return answers[key]
        if (key := f"{prefix}{name}{suffix}") in answers:
            return answers[key]
    return None


class Answers:
    """What the outside answers, step by step."""

    def __init__(self, fixture: Fixture, started_at: float) -> None:
        self._fixture = fixture
        self._started_at = started_at
        self._times: Counter[str] = Counter()
        self.mono_began = asyncio.get_running_loop().time()

    def wall(self) -> float:
        return self._started_at + self.mono() - self.mono_began

    def mono(self) -> float:
        return asyncio.get_running_loop().time()

    async def told(self, path: str, what: str) -> Told:
        """The answer to this step's next question, when its time has passed.

        Raises:
            SourceError: as the fixture says, there is none.
            Unanswered: the fixture does not say.
        """
        self._times[path] += 1
        told: Told | None = _told(self._fixture.answers, path, self._times[path])
        if told is None:
            raise Unanswered(f"{path} asks {what}: add `answers: {{{path.rpartition('/')[2]}: …}}`")
        await asyncio.sleep(told.takes_s)
        if told.times_out:
            raise SourceError(FailureKind.TIMED_OUT, told.fails or f"{what} took too long")
        if told.fails:
            raise SourceError(FailureKind.MISSING, told.fails)
        return told


class StepTools:
    """As `pipeline.playbook.world.Tools` has it, for one step."""

    def __init__(self, answers: Answers, path: str) -> None:
        self._answers, self._path = answers, path

    def wall(self) -> float:
        return self._answers.wall()

    def mono(self) -> float:
        return self._answers.mono()

    def lives(self, pid: int, started: int) -> bool:
        return False

    async def program(
        self,
        argv: list[str],
        env: Mapping[str, str],
        listed: tuple[str, ...],
        timeout_s: float,
        cap_bytes: int,
        to_file: Path | None,
        started: Callable[[int, int], None],
    ) -> Output:
        told = await self._answers.told(self._path, " ".join(argv[:3]))
        return Output(code=told.code, text=told.text, output_bytes=len(told.text))

    async def query(self, sql: str, args: tuple[Any, ...], *, read_only: bool, timeout_s: float, rows: int) -> Answer:
        told = await self._answers.told(self._path, "Postgres")
        columns = tuple(told.rows[0]) if told.rows else ()
        return Answer(columns=columns, rows=tuple(tuple(row.get(name) for name in columns) for row in told.rows[:rows]))

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None, timeout_s: float, cap_bytes: int
    ) -> HttpReply:
        told = await self._answers.told(self._path, f"{method} {url}")
        return HttpReply(
            status=told.status,
            body=told.text,
            body_bytes=len(told.text),
            total_s=told.total_s,
            dns_s=told.dns_s,
            connect_s=told.connect_s,
            tls_s=told.tls_s,
            first_byte_s=told.first_byte_s,
        )

    async def certificates(self, host: str, port: int, server_name: str, timeout_s: float) -> Certificates:
        told = await self._answers.told(self._path, f"the certificates of {host}:{port}")
        return Certificates(
            subject=f"CN={server_name}",
            issuer="CN=fixture",
            days_left=told.days_left,
            trusted=told.trusted,
            name_matches=told.name_matches,
            chain=(f"CN={server_name}",),
        )


_KEYS = {
    "done": "d", "skip": "s", "blocked": "b", "retry": "r", "continue": "c", "stop": "x", "do": "r", "refuse": "refuse",
}  # fmt: skip


class Script:
    """The operator of a fixture: does what it says, and says so where it does not."""

    def __init__(self, fixture: Fixture) -> None:
        self._fixture = fixture
        self._times: Counter[str] = Counter()

    async def ask(self, question: Question) -> Reply:
        """The answer.

        Raises:
            Unanswered: the fixture has none.
        """
        # A person needs a moment: what is asked again and again must not stand still in time.
        await asyncio.sleep(1)
        match question.about:
            case "ask" | "pick":
                return self._filled(question)
            case "unknown_when":
                return Reply(key=self._key(question, "?", "skip"))
            case "failed" | "indeterminate":
                return Reply(key=self._key(question, "?"))
            case "say":
                return Reply(key=self._key(question, "", "done"))
            case "locked":
                return Reply(key="s")
            case "undo" if not question.path:
                return Reply(key="u" if self._fixture.keys.get("end") == "undo" else "k")
        word = self._key(question, "")
        confirmed = word == "confirm"
        return Reply(key="y" if confirmed else word, typed=question.typed if confirmed else "")

    def _key(self, question: Question, suffix: str, default: str = "") -> str:
        path = question.path or str(question.step.id)
        self._times[path + suffix] += 1
        told = _told(self._fixture.keys, path, self._times[path + suffix], suffix)
        if told is None and not default:
            keys = " ".join(f"{choice.key}={choice.label}" for choice in question.choices)
            name = f"{path.rpartition('/')[2]}{suffix}"
            raise Unanswered(f"{path} asks the operator: {question.title} {keys}: add `keys: {{{name}: …}}`")
        word: str = told or default
        return word if word == "confirm" or question.about == "choose" else _KEYS.get(word, word)

    def _filled(self, question: Question) -> Reply:
        path = question.path or str(question.step.id)
        self._times[path] += 1
        if question.lines and question.about == "ask":
            raise Unanswered(f"{path}: {question.lines[0]}")
        given = _told(self._fixture.inputs, path, self._times[path]) or {}
        values: dict[str, Any] = {**question.proposals, **self._fixture.vars, **given}
        wanted = [name for name in question.inputs if name not in values]
        if wanted:
            raise Unanswered(f"{path} asks for {', '.join(wanted)}: add it to `vars` or `inputs`")
        picked = {
            name: _row(str(values[name]), question.rows) if var.type == "row" else values[name]
            for name, var in question.inputs.items()
        }
        return Reply(values=picked)


def _row(which: str, rows: tuple[Mapping[str, Any], ...]) -> Mapping[str, Any]:
    """The row that `COLUMN=VALUE` or a number names."""
    column, equals, value = which.partition("=")
    if equals:
        found = next((row for row in rows if _plain(row.get(column)) == value), None)
    else:
        found = rows[int(which) - 1] if which.isdigit() and int(which) <= len(rows) else None
    if found is None:
        raise Unanswered(f"there is no row {which} to pick among {len(rows)}")
    return found


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
