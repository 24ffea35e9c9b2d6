"""Two environments side by side: what is required in a table, what else differs below, all of it as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from math import floor
from typing import Any

import msgspec

from perftui.history.parity import CACHE, TABLE_ROWS, Likeness, Parity, Row
from perftui.sources.text import printable
from perftui.views.format import UNKNOWN, count, percent, size

WIDTH = 80
_VERDICTS = {Likeness.ALIKE: "alike", Likeness.DIFFERS: "DIFFERS", Likeness.UNKNOWN: "unknown"}
_WHAT = 29
_TABLE_BYTES = "postgres.table_bytes."
_SUMS = {
    Likeness.ALIKE: "alike",
    Likeness.DIFFERS: "DIFFERS: what is measured here can't be carried over to production",
    Likeness.UNKNOWN: "unknown: what is required can't be told",
}


def parity_text(production: str, found: Parity) -> str:
    """At most 80 columns wide.

    Args:
        production: What it is compared with, in words.
    """
    required = [row for row in found.rows if row.required_ratio is not None and row.production is not None]
    untold = [_label(row) for row in found.rows if row.production is None]
    noted = [row for row in found.rows if row.required_ratio is None]
    lines = [f"here, beside {production}", _columns("", "", "production", "here", "share", "at least")]
    for row in required:
        lines += _required(row)
    if untold:
        lines += ["", _wrapped(f"production's file does not tell {', '.join(untold)}: nothing is required of it", 0)]
    differing = [row for row in noted if row.verdict is Likeness.DIFFERS]
    if differing:
        lines += ["", "also different; nothing is required of it (production → here):"]
        lines += [
            _wrapped(f"{_label(row)}: {_value(row, row.production)} → {_value(row, row.here)}") for row in differing
        ]
    unknown = [row for row in noted if row.verdict is Likeness.UNKNOWN]
    if unknown:
        lines += ["", "not known here:"]
        lines += [_wrapped(f"{_label(row)}: {row.reason}") for row in unknown]
    alike = sum(row.verdict is Likeness.ALIKE for row in noted)
    lines += ["", *([f"also alike, of what is not required: {alike}"] if alike else []), _sum(found, required)]
    # Names and words come from a file that anybody may have written.
    return "\n".join(printable(line, 200) for text in lines for line in text.split("\n"))


def parity_json(found: Parity) -> bytes:
    """In base units."""
    return msgspec.json.format(msgspec.json.encode(found), indent=1)


def _required(row: Row) -> Iterator[str]:
    yield _columns(
        _VERDICTS[row.verdict],
        _label(row),
        _value(row, row.production),
        _value(row, row.here),
        UNKNOWN if row.ratio is None else percent(_rounded_down(row.ratio)).strip(),
        percent(row.required_ratio).strip(),
    )
    if row.reason:
        yield textwrap.fill(row.reason, WIDTH, initial_indent=" " * 9, subsequent_indent=" " * 9)


def _rounded_down(ratio: float) -> float:
    """To a hundredth: what is too little by a thousandth must not look like enough."""
    return floor(ratio * 100 + 1e-9) / 100


def _columns(verdict: str, what: str, production: str, here: str, share: str, required: str) -> str:
    if len(what) > _WHAT:
        what = f"{what[: _WHAT - 12]}…{what[-11:]}"
    return f"{verdict:<7}  {what:<{_WHAT}}  {production:>10}  {here:>10}  {share:>6}  {required:>8}"


def _label(row: Row) -> str:
    if row.what == "postgres.rows":
        return "rows of all tables"
    if row.what.startswith(TABLE_ROWS):
        return f"rows of {row.what.removeprefix(TABLE_ROWS)}"
    if row.what.startswith(_TABLE_BYTES):
        return f"size of {row.what.removeprefix(_TABLE_BYTES)}"
    return row.what.removeprefix("sysctl." if row.required_ratio is None else "postgres.")


def _value(row: Row, value: Any) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, (bool, str)):
        return str(value).lower() if isinstance(value, bool) else value
    name = row.what.rpartition(".")[2]
    if name.endswith("_bytes") or row.what.startswith(_TABLE_BYTES):
        return size(value).strip()
    if name.endswith("_bits_per_s"):
        return f"{value / 1e9:g} Gbit/s" if value >= 1e9 else f"{value / 1e6:g} Mbit/s"
    if row.what == CACHE:
        return f"{value * 100:.1f} %"
    if isinstance(value, int):
        return f"{value:,}" if value < 100_000_000 else count(value).strip()
    return f"{value:.6g}"


def _wrapped(text: str, indent: int = 2) -> str:
    after = " " * (indent + 2)
    return textwrap.fill(text, WIDTH, initial_indent=after[2:], subsequent_indent=after, break_on_hyphens=False)


def _sum(found: Parity, required: list[Row]) -> str:
    counts = {verdict: sum(row.verdict is verdict for row in required) for verdict in Likeness}
    return _wrapped(
        f"{_SUMS[found.verdict]} ({counts[Likeness.ALIKE]} of {len(required)} required alike, "
        f"{counts[Likeness.DIFFERS]} differ, {counts[Likeness.UNKNOWN]} not known)",
        indent=0,
    )
