"""Is this environment like production? Facts of both side by side (S002 35.1): what a load test here needs, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from perftui.model.facts import Facts, Gathered, named

CORES_RATIO = 1.0
"""S002 35.1.1: no fewer cores than production."""
MEMORY_RATIO = 0.8
"""S002 35.1.1: memory may be a fifth less."""
BANDWIDTH_RATIO = 0.5
"""S002 35.1.1; there it is measured against the internet, here it is the link's speed."""
ROWS_RATIO = 0.8
"""S002 35.1.2: of the data, in all and of each table."""
MAX_CONNECTIONS_RATIO = 1.0
"""S002 35.1.1: max_connections no lower than production's."""
CACHE_HIT_RATIO = 0.95
"""Ours, for S002 35.1.2 (warm caches): with 0.99 in production at least 0.94."""
SMALL_TABLE_ROWS = 10_000
"""Ours: of a smaller table nothing is required: its estimate is coarse and its plan the same."""
MEASURED_RATIO = 0.8
"""Ours: sizes that nobody sets differ when the smaller is less than this share of the greater."""

REQUIRED = {
    "cores": CORES_RATIO,
    "memory_bytes": MEMORY_RATIO,
    "bandwidth_bits_per_s": BANDWIDTH_RATIO,
    "postgres.max_connections": MAX_CONNECTIONS_RATIO,
    "postgres.rows": ROWS_RATIO,
    "postgres.cache_hit_ratio": CACHE_HIT_RATIO,
}
"""By name: the least share of production's value."""
CACHE = "postgres.cache_hit_ratio"
TABLE_ROWS = "postgres.table_rows."
_MEASURED = ("postgres.database_bytes", "postgres.table_bytes.", "data_filesystem_bytes", TABLE_ROWS)
_LABELS = ("at", "host", "data_path", "postgres.database")
_NOT_TOLD = "production's file does not tell it"


class Likeness(StrEnum):
    ALIKE = "alike"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One fact of both; None: not known there."""

    what: str
    production: int | float | str | bool | None
    here: int | float | str | bool | None
    ratio: float | None
    """Here / production; None for words, and where production has none of it."""
    required_ratio: float | None
    """The least that the ratio may be; None where nothing is required, so that a difference is told and no more."""
    verdict: Likeness
    reason: str = ""


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    verdict: Likeness
    """differs: something required is too small; unknown: nothing is, but something required can't be told; else alike."""
    failed: tuple[str, ...]
    """What is required and differs."""
    unknown: tuple[str, ...]
    """What is required, told by production's file and not known here. A cache that nobody asks can't be judged yet: it is not
    among them."""
    rows: tuple[Row, ...]
    """What is required first."""


def parity(production: Facts, here: Gathered) -> Parity:
    """Compare two environments."""
    rows = tuple(_rows(named(production), here))
    required = [row for row in rows if row.required_ratio is not None]
    failed = tuple(row.what for row in required if row.verdict is Likeness.DIFFERS)
    unknown = tuple(
        row.what
        for row in required
        if row.verdict is Likeness.UNKNOWN and row.production is not None and row.what != CACHE
    )
    alike = any(row.verdict is Likeness.ALIKE for row in required)
    verdict = Likeness.DIFFERS if failed else Likeness.ALIKE if alike and not unknown else Likeness.UNKNOWN
    return Parity(verdict=verdict, failed=failed, unknown=unknown, rows=rows)


def _rows(production: Mapping[str, Any], here: Gathered) -> Iterator[Row]:
    found = named(here.facts)
    tables = [name for name in production if name.startswith(TABLE_ROWS)]
    large = [name for name in tables if production[name] >= SMALL_TABLE_ROWS]
    for name in (*REQUIRED, *large):
        yield _row(name, production.get(name), found.get(name), REQUIRED.get(name, ROWS_RATIO), here)
    for name, value in production.items():
        if name not in REQUIRED and name not in large and name not in _LABELS:
            yield _row(name, value, found.get(name), None, here)


def _row(what: str, production: Any, here: Any, required_ratio: float | None, found: Gathered) -> Row:
    reason = ""
    if what.startswith(TABLE_ROWS) and here is None and found.facts.postgres and what not in found.notes:
        here, reason = 0, "there is no such table here"
    ratio = here / production if _is_number(production) and _is_number(here) and production else None
    if production is None or here is None:
        verdict, reason = Likeness.UNKNOWN, _NOT_TOLD if production is None else _why(what, found)
    elif required_ratio is not None:
        verdict = Likeness.ALIKE if here >= required_ratio * production else Likeness.DIFFERS
    elif ratio is not None and what.startswith(_MEASURED):
        verdict = Likeness.ALIKE if MEASURED_RATIO <= ratio <= 1 / MEASURED_RATIO else Likeness.DIFFERS
    else:
        verdict = Likeness.ALIKE if here == production else Likeness.DIFFERS
    return Row(
        what=what,
        production=production,
        here=here,
        ratio=ratio,
        required_ratio=required_ratio,
        verdict=verdict,
        reason=reason,
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _why(what: str, found: Gathered) -> str:
    """Why a fact is not known here."""
    group = what.partition(".")[0]
    return found.notes.get(what) or found.notes.get(group) or "not known here"
