"""What was read of a file that grows at its end."""

from __future__ import annotations

from typing import NamedTuple


class NewLines(NamedTuple):
    """The whole lines that were added since the last look."""

    lines: list[tuple[int | None, bytes]]
    """(number in the file, the line without its newline), oldest first; the number is None where its start was left out."""
    anew: bool
    """The file was read from its start or was replaced: what was known of it before no longer counts."""
    cut: bool
    """Older lines exist that were left out for their size or age."""
