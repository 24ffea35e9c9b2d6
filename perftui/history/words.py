"""Quantities inside sentences; panes have a format of their own in `views`."""

from __future__ import annotations


def size(count: float) -> str:
    """Bytes: `14 GiB`, `1.5 MiB`."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def duration(seconds: float) -> str:
    """Seconds: `40 s`, `9 min`, `3 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def age(seconds: float) -> str:
    """Seconds of something that still goes on, to the second while that matters: `12 s`, `3m12s`, `2h05m`, `4d03h`."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    if minutes == 0:
        return f"{whole} s"
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours < 48 else f"{hours // 24}d{hours % 24:02}h"


def number(value: float) -> str:
    """Three digits that count: `0.12`, `17.5`, `1,234`."""
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:.3g}"


def people(count: float) -> str:
    """A mean number of users: whole from ten on."""
    return f"{count:,.0f}" if count >= 9.95 else f"{count:.2g}"


def counted(many: int, word: str) -> str:
    """`no levels`, `1 level`, `2 levels`."""
    return f"{many or 'no'} {word}{'' if many == 1 else 's'}"
