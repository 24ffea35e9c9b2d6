"""What playbooks cost: a condition, a window of one, a file read and linted. `python -m bench.playbooks`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date

from perftui.history.history import HistoryStore
from perftui.pipeline.catalogue import catalogue
from perftui.playbooks.conditions import Condition, Scope, evaluate, syntax
from perftui.playbooks.lint import lint
from perftui.playbooks.load import draft
from perftui.playbooks.trust import shipped_folder
from perftui.playbooks.vocabulary import Vocabulary
from perftui.sources import KINDS
from tests.frames import cpu_frames

CONDITIONS = (
    "host.cpu.busy_ratio > 85%",
    "host.cpu.busy_ratio > 85% and host.cpu.iowait_ratio < t.iowait",
    "avg(host.cpu.busy_ratio, '5m') > 50%",
    "host.cpu.busy_ratio > 95% for 5m",
    "host.cpu.busy_ratio > 85% for 10s",
    "host.cpu.busy_ratio > 85% for 5m",
)


def micros(work: Callable[[], object], times: int) -> float:
    """CPU microseconds of one call, the best of five rounds."""
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - began) / times * 1e6)
    return min(rounds)


def main() -> None:
    store = HistoryStore(KINDS)
    history = [store.push(frame) for frame in cpu_frames([0.9] * 400)][-1]
    scope = Scope(history=history, values={"t": {"iowait": 0.2}})
    for text in CONDITIONS:
        condition = Condition.parse(text)
        print(f"{micros(lambda condition=condition: evaluate(condition, scope), 200):9.1f} us  {text}")  # type: ignore[misc]
    vocabulary = Vocabulary((entry.name, entry.unit, entry.text) for entry in catalogue())
    for path in sorted(shipped_folder().glob("*.yaml")):
        content = path.read_bytes()

        def read(content: bytes = content) -> object:
            syntax.compiled.cache_clear()
            return draft(content, "file")

        made = draft(content, "file")
        linted = micros(lambda made=made: lint(made, vocabulary, date(2026, 11, 22)), 5)  # type: ignore[misc]
        print(f"{micros(read, 5) / 1e3:9.1f} ms  read, {linted / 1e3:.1f} ms lint  {path.stem}, {len(content)} bytes")


if __name__ == "__main__":
    main()
