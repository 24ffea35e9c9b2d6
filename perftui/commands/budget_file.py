"""Budgets as they are written: TOML with a limit and a reading each; some are shipped."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from perftui.findings.budget import Budget, Statistic, usual_statistic
from perftui.model.failure import UsageError
from perftui.model.units import unit_of
from perftui.playbooks.complaint import Wrong, nearest
from perftui.playbooks.values import Quantity

SHIPPED = Path(__file__).parent / "budgets"


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    reading: str
    max: str | float | None = None
    min: str | float | None = None
    times_of: str = ""
    statistic: Statistic | None = None
    near: str | float | None = None
    seed: str = ""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: str
    budget: list[_Line]


def shipped() -> list[str]:
    """The names of the budgets that come with perftui."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def read_budgets(named: str) -> tuple[str, list[Budget]]:
    """(title, budgets) of a file, or of a shipped one by its name.

    Raises:
        UsageError: in one line: the file, the budget, what was expected.
    """
    path = SHIPPED / f"{named}.toml" if named in shipped() else Path(named)
    try:
        read = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except FileNotFoundError:
        raise UsageError(f"{named}: no such budget file; shipped are {', '.join(shipped())}") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{named}: can't be read: {getattr(exc, 'strerror', None) or exc}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"{named}: not TOML: {exc}") from exc
    except msgspec.ValidationError as exc:
        raise UsageError(f"{named}: {str(exc).replace('`', '').replace('$.', '')}") from exc
    if not read.budget:
        raise UsageError(f"{named}: no [[budget]] in it")
    return read.title, [_budget(line, f"{named}: {line.name}") for line in read.budget]


def _budget(line: _Line, where: str) -> Budget:
    written = line.max if line.max is not None else line.min
    if written is None or (line.max is not None and line.min is not None):
        raise UsageError(f"{where}: expected max or min, one of them")
    unit = "" if line.times_of else unit_of(line.reading)
    return Budget(
        name=line.name,
        reading=line.reading,
        statistic=line.statistic or usual_statistic(line.reading),
        limit=_limit(line.reading, written, unit, where),
        at_least=line.max is None,
        times_of=line.times_of,
        near_ratio=None if line.near is None else quantity(line.near, "ratio", f"{where}: near"),
        seed=line.seed,
    )


def _limit(reading: str, written: str | float, unit: str, where: str) -> float:
    """A share above 1 is written with its unit: who writes 5 for 5 % has a budget of 500 %, which nothing exceeds."""
    if unit == "ratio" and not isinstance(written, str) and written > 1:
        raise UsageError(f'{where}: {written:g} is {written:.0%} of {reading}; write "{written:g}%" or "{written:.0%}"')
    try:
        return quantity(written, unit, where)
    except UsageError as exc:
        from perftui.pipeline.catalogue import catalogue

        known = {entry.name for entry in catalogue()}
        near = "" if reading in known else nearest(reading, known)
        raise UsageError(f"{exc}; {reading} is no reading, {near}" if near else str(exc)) from None


def quantity(written: str | float, unit: str, where: str) -> float:
    """A number in base units, or text such as `500ms`, whose unit must be that of the reading."""
    if not isinstance(written, str):
        return float(written)
    try:
        told = Quantity.parse(written.replace(" ", ""))
    except Wrong as exc:
        raise UsageError(f"{where}: {exc}; {exc.right}") from None
    if told.unit and told.unit != unit:
        raise UsageError(f"{where}: {written} is no {unit or 'plain number'}")
    return told.value
