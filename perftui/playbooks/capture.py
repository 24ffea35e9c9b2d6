"""What is kept of a step's output: read as what it is, the wanted part of it, and of a table the numbers that conditions name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from perftui.playbooks.document import Capture
from perftui.playbooks.steps.world import Done

_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_PAIR = re.compile(r"([\w.()-]+)\s*[:=]\s*(.*)")
_LONGEST = 200


class Unreadable(Exception):
    """The output is not what the capture says: one line."""


def captured(capture: Capture, done: Done, rows: int) -> dict[str, Any]:
    """The values that `steps.ID` has from then on: the captured one by its name, and for a table `n`, `first`, `max_COLUMN` and
    `sum_COLUMN`.

    Args:
        rows: of a table or list, so many are kept at the most; `n` counts all.

    Raises:
        Unreadable: it can't be parsed as it should.
    """
    value = _selected(capture, _parsed(capture, done))
    if not isinstance(value, list):
        return {str(capture.name): value}
    found = {str(capture.name): value[:rows], "n": len(value), "first": value[0] if value else None}
    for column, numbers in _columns(value).items():
        found[f"max_{column}"] = max(numbers)
        found[f"sum_{column}"] = sum(numbers)
    return found


def _parsed(capture: Capture, done: Done) -> Any:
    text = done.output
    match capture.parse:
        case "json":
            try:
                return json.loads(text)
            except ValueError as exc:
                raise Unreadable(f"the output is not JSON: {exc}; it begins with {text[:40]!r}") from None
            except RecursionError:
                raise Unreadable("the output is JSON nested too deep") from None
        case "table":
            return [dict(row) for row in done.table] if done.table is not None else _table(text)
        case "lines":
            return [line for line in text.splitlines() if line.strip()]
        case "pairs":
            return _pairs(text)
        case "number":
            found = _NUMBER.search(text)
            if found is None:
                raise Unreadable(f"there is no number in the output: {text.strip()[:60]!r}")
            return float(found[0])
    return text.strip()


def _table(text: str) -> list[dict[str, Any]]:
    """Columns between blanks below a line of headings, as `ps`, `df` and `kubectl get` print; the last takes the rest."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return []
    names = [re.sub(r"\W+", "_", name.lower()).strip("_") or f"column_{i}" for i, name in enumerate(lines[0].split())]
    return [
        {name: _plain(cell) for name, cell in zip(names, line.split(None, len(names) - 1), strict=False)}
        for line in lines[1:]
    ]


def _pairs(text: str) -> dict[str, Any]:
    """`NAME: VALUE` or `NAME=VALUE` by line, as redis INFO, /proc and systemctl show have it."""
    found = (_PAIR.fullmatch(line.strip()) for line in text.splitlines())
    return {pair[1]: _plain(pair[2]) for pair in found if pair}


def _plain(cell: str) -> Any:
    cell = cell.strip()
    return float(cell) if _NUMBER.fullmatch(cell) else cell


def _selected(capture: Capture, value: Any) -> Any:
    if not capture.select:
        return value
    import jmespath

    try:
        return jmespath.search(capture.select, value)
    except (jmespath.exceptions.JMESPathError, RecursionError, TypeError, ValueError) as exc:
        raise Unreadable(f"select {capture.select!r}: {str(exc)[:_LONGEST]}") from None


def _columns(rows: Sequence[Any]) -> dict[str, list[float]]:
    """The numeric columns of a list of mappings."""
    found: dict[str, list[float]] = {}
    for row in rows:
        for column, value in row.items() if isinstance(row, Mapping) else ():
            if isinstance(value, int | float) and not isinstance(value, bool):
                found.setdefault(str(column), []).append(value)
    return found
