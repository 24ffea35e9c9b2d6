"""What is told of more than two samples. A new trend is its file and its line here."""

from __future__ import annotations

from perftui.history import deploys, load_knee, load_phase, memory_state, probe_windows, worst_pool
from perftui.history.history import Trend

TRENDS: tuple[Trend, ...] = (
    memory_state.TREND,
    deploys.TREND,
    *worst_pool.TRENDS,
    probe_windows.TREND,
    load_phase.TREND,
    load_knee.TREND,
)
