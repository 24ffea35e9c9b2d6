"""Numbers for people: units, fixed widths so that nothing jumps from tick to tick, sparklines and bars.

Not known is `–` in every one of them and never looks like 0. Bytes are binary: `18 G` is 18 GiB.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from math import isnan

from perftui.views.model import Line, Role, Span

UNKNOWN = "–"
BYTES = ("B", "K", "M", "G", "T", "P")
LEVELS = "▁▂▃▄▅▆▇█"
FILLS = "█▓▒░"
"""Parts of a stacked bar, told apart without colours too."""
_PARTS = (Role.FIRST, Role.SECOND, Role.THIRD, Role.FOURTH)


def percent(ratio: float | None, digits: int = 3) -> str:
    """` 31 %`: a whole number of so many digits."""
    return UNKNOWN.rjust(digits + 2) if ratio is None else f"{hundredths(ratio, digits)} %"


def hundredths(ratio: float | None, digits: int = 3) -> str:
    """` 31`: for shares in a row that tells its unit once or not at all."""
    return (UNKNOWN if ratio is None else f"{ratio * 100:.0f}").rjust(digits)


def percent_tenths(ratio: float | None, digits: int = 3) -> str:
    """` 4.2 %`: for shares whose tenths matter."""
    return UNKNOWN.rjust(digits + 4) if ratio is None else f"{f'{ratio * 100:.1f}'.rjust(digits + 2)} %"


def size(count: float | None) -> str:
    """` 18 G`, `1.5 G`, `    0`: 5 wide."""
    return UNKNOWN.rjust(5) if count is None else _size(count)


@lru_cache(maxsize=1024)  # most rates of a process table are 0 and most sizes are as they were
def _size(count: float) -> str:
    return "0".rjust(5) if count == 0 else _scaled(count, 1024, BYTES).rjust(5)


def rate(bytes_per_s: float | None) -> str:
    """`140 M/s`, `      0`: 7 wide."""
    return size(bytes_per_s).rjust(7) if not bytes_per_s else f"{_size(bytes_per_s)}/s"


def count(number: float | None) -> str:
    """`  312`, ` 12 k`, `  4.2`: 5 wide."""
    if number is None:
        return UNKNOWN.rjust(5)
    if number == int(number) and abs(number) < 1000:
        return f"{number:5.0f}"
    return _scaled(number, 1000, ("", "k", "M", "G", "T")).rjust(5)


def _scaled(number: float, step: int, units: Sequence[str]) -> str:
    power = _power(number, step, len(units))
    value = number / step**power
    digits = f"{value:.1f}" if abs(value) < 9.95 and units[power] != "B" else f"{value:.0f}"
    return f"{digits} {units[power]}".rstrip()


def _power(number: float, step: int, units: int) -> int:
    """How often to divide so that at most three digits are left; 999.5 would be written as 1000."""
    power = 0
    while power < units - 1 and abs(number) / step**power >= 999.5:
        power += 1
    return power


def size_of(used: float | None, total: float | None) -> str:
    """`0.2 of 8 G`: both in the unit of the whole."""
    if total is None or total <= 0:
        return f"{size(used).strip()} of {UNKNOWN}"
    power = _power(total, 1024, len(BYTES))
    scale = 1024.0**power
    whole = _tenths(total / scale).removesuffix(".0")
    part = UNKNOWN if used is None else "0" if used == 0 else _tenths(used / scale)
    return f"{part.rjust(3)} of {whole} {BYTES[power]}"


def _tenths(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def latency(seconds: float | None) -> str:
    """`0.8 ms`, `118 ms`, `2.1 s`: 6 wide."""
    if seconds is None:
        return UNKNOWN.rjust(6)
    if seconds < 0.9995:
        return f"{_tenths(seconds * 1000)} ms".rjust(6)
    return f"{_tenths(seconds)} s".rjust(6)


def duration(seconds: float | None) -> str:
    """`12 s`, `3m12s`, `2h05m`, `4d03h`."""
    if seconds is None:
        return UNKNOWN
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h{minutes:02}m"
    return f"{hours // 24}d{hours % 24:02}h"


def clock(at: float | None) -> str:
    """`10:39:04`, UTC."""
    return UNKNOWN if at is None else f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def stamp(at: float) -> str:
    """`2026-02-11 10:42:07Z`."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"


def since(at: float | None, began_before: bool, now_at: float) -> str:
    """`since 10:39:04`, or `before 10:39:04` when it was already so at the first look; of another day its date."""
    today = at is None or stamp(at)[:10] == stamp(now_at)[:10]
    return f"{'before' if began_before else 'since'} {clock(at) if today else stamp(at or 0.0)[:-4]}"


def in_unit(value: float | None, unit: str) -> str:
    """A number of a finding's evidence with its unit, in base units as evidence carries them."""
    if value is None:
        return UNKNOWN
    match unit:
        case "ratio":
            return percent_tenths(value).strip()
        case "s":
            return latency(value).strip()
        case "bytes":
            return size(value).strip()
        case "bytes/s":
            return rate(value).strip()
        case _:
            return f"{_four_digits(value)} {unit}".strip()


def _four_digits(value: float) -> str:
    """`14`, `47.89`, `-1`, `12346`: no digit that nobody would act on, and no exponent."""
    if value == round(value) or abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.4g}"


def sparkline(values: Sequence[float], width: int, top: float | None = None, floor: float = 0.0) -> str:
    """The last values as ▁ to █, newest on the right; a blank where a value is not known.

    Args:
        top: The value of a full block; None takes the highest value shown.
        floor: The least that `top` may be, so that small noise stays small.
    """
    shown = values[-width:] if width > 0 else []
    if top is None:
        top = max((v for v in shown if not isnan(v)), default=0.0)
    top = max(top, floor)
    return "".join(_level(value, top) for value in shown).rjust(width)


def _level(value: float, top: float) -> str:
    if isnan(value):
        return " "
    share = value / top if top > 0 else 0.0
    return LEVELS[max(0, min(7, int(share * 8)))]


def bar_text(ratio: float | None, width: int) -> str:
    """`███████░░░░░░`; anything above 0 has at least one full cell."""
    if ratio is None:
        return UNKNOWN.ljust(width)
    full = max(1, min(width, round(ratio * width))) if ratio > 0 else 0
    return "█" * full + "░" * (width - full)


def bar(ratio: float | None, width: int, role: Role = Role.FIRST) -> Line:
    """`bar_text` with the full part in a role."""
    words = bar_text(ratio, width)
    full = words.count("█")
    return ((words[:full], role), (words[full:], Role.DIM))


def stacked(shares: Sequence[float], width: int) -> Line:
    """Up to four shares of 1 side by side; what is left of 1 stays blank."""
    spans: list[Span] = []
    reached = 0.0
    drawn = 0
    for share, fill, role in zip(shares, FILLS, _PARTS, strict=False):
        reached += share
        end = min(width, round(reached * width))
        spans.append((fill * (end - drawn), role))
        drawn = end
    return (*spans, (" " * (width - drawn), Role.DIM))
