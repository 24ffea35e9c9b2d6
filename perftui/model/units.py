"""What a reading is measured in, told by the end of its name."""

from __future__ import annotations

UNITS = (
    ("_bytes_per_s", "bytes/s"),
    ("_s_per_s", "s/s"),
    ("_per_s", "1/s"),
    ("_ratio", "ratio"),
    ("_bytes", "bytes"),
    ("_total", "counter"),
    ("_at", "UTC"),
    ("_at_end", "UTC"),
    ("_s", "s"),
)
"""By the end of a name, the longest first. A bare name is a count, or text."""


def unit_of(name: str) -> str:
    """The unit of a number by its name's last word."""
    return next((unit for suffix, unit in UNITS if f"_{name}".endswith(suffix)), "count")
