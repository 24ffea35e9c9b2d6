"""The `?` page: every key of the table, and the signs used on the screen."""

from __future__ import annotations

from perftui.tui.keys import KEYS
from perftui.tui.widths import cells
from perftui.views.model import Line, Role

_SIGNS = (
    ("▲", "critical: before the verdict, a finding, the pane that it points at"),
    ("△", "warning: in the same places"),
    ("●", "in Locks: a root blocker, which holds others up (└) and waits for nobody"),
    ("→", "in the verdict: what stands on the left causes what stands on the right"),
    ("psi", "share of the last second in which some task waited for it (all stalled: every task)"),
    ("–", "not known; never the same as 0"),
)


def manual_lines() -> tuple[Line, ...]:
    wide = max(cells(key.sign) for key in KEYS) + 2
    lines: list[Line] = [_entry(key.sign, key.words, wide) for key in KEYS]
    lines += [((" ", Role.TEXT),), ((" Signs", Role.TITLE),)]
    lines += [_entry(sign, words, wide) for sign, words in _SIGNS]
    return tuple(lines)


def _entry(sign: str, words: str, wide: int) -> Line:
    return ((f" {sign}{' ' * (wide - cells(sign))}", Role.ACCENT), (words, Role.TEXT))
