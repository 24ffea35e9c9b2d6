"""Figures as text: ours beside the budget and beside the peers."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """One figure of each program."""

    what: str
    unit: str
    values: Mapping[str, float]
    budget: float | None = None
    """What the first program may need."""


def table(rows: Sequence[Row], names: Sequence[str]) -> str:
    """One line a figure; `–` where a program was not measured."""
    ours, *others = names
    lines = [_line("", "", "budget", ours, "", others)]
    for row in rows:
        budget = _number(row.budget) if row.budget is not None else ""
        peers = [_number(row.values.get(name)) for name in others]
        lines.append(_line(row.what, row.unit, budget, _number(row.values.get(ours)), _judged(row, ours), peers))
    return "\n".join(lines)


def tick_table(costs: Mapping[int, Mapping[str, float]]) -> str:
    """The parts of a tick by the size of the crowd, and their sum."""
    parts = dict.fromkeys(part for by_part in costs.values() for part in by_part)
    rows = [(part, [by_part.get(part) for by_part in costs.values()]) for part in parts]
    rows.append(("all of it", [sum(by_part.values()) for by_part in costs.values()]))
    head = f"{'one tick by part, CPU ms a second':38}" + "".join(f"{f'{crowd} procs':>14}" for crowd in costs)
    return "\n".join([head, *(f"{part:38}" + "".join(f"{_number(v):>14}" for v in values) for part, values in rows)])


def machine_words(versions: str) -> str:
    """Where it was measured, without names or paths."""
    models = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    load = " ".join(f"{share:.1f}" for share in os.getloadavg())
    model = models[0] if models else platform.machine()
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, load {load}\n{versions}"


def _judged(row: Row, ours: str) -> str:
    value = row.values.get(ours)
    if row.budget is None or value is None:
        return ""
    return "ok" if value <= row.budget else f"over by {_number(value - row.budget)}"


def _line(what: str, unit: str, budget: str, ours: str, judged: str, others: Sequence[str]) -> str:
    return f"{what:38}{unit:5}{budget:>7}{ours:>9}  {judged:13}" + "".join(f"{other:>10}" for other in others)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
