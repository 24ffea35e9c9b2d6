"""Times of requests as text for a terminal: percentiles, shape, histogram, slowest paths, their course."""

from __future__ import annotations

import msgspec

from perftui.history.latency import Figures, Latency
from perftui.views.format import UNKNOWN, bar_text, latency, percent_tenths, stamp

_BAR = 40
_SPREADS = {
    "low": "low",
    "moderate": "moderate: over 10 %",
    "high": "high: over 30 %, means say little here",
    "unknown": "unknown",
}


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, and how fast."""

    file: str
    format: str
    """Which format it was taken for."""
    requests: int
    skipped: int
    trouble: str
    """Why the last line was skipped."""
    bytes: int
    """Unpacked."""
    took_s: float


def latency_text(told: Latency, files: list[Read], top: int) -> str:
    """All of it."""
    parts = [_files(files), _all(told), _histogram(told), _paths(told, top), _spans(told)]
    return "\n\n".join(part for part in parts if part)


def _files(files: list[Read]) -> str:
    lines = []
    for each in files:
        rate = each.bytes / each.took_s / 1e6 if each.took_s > 0 else 0.0
        skipped = f", {each.skipped} lines skipped ({each.trouble})" if each.skipped else ""
        read = f"{each.bytes / 1e6:.1f} MB in {each.took_s:.1f} s, {rate:.0f} MB/s"
        lines.append(f"{each.file}: {each.format}; {each.requests} requests{skipped}; {read}")
    return "\n".join(lines)


def _all(told: Latency) -> str:
    all_ = told.all
    failed = percent_tenths(all_.failures / all_.requests).strip()
    spread = UNKNOWN if told.cv_ratio is None else f"{told.cv_ratio * 100:.0f} %"
    stick = {None: "not known", True: "hockey stick: P99 is above twice the P95", False: "no hockey stick"}
    return "\n".join(
        (
            f"{all_.requests} requests, {all_.failures} failed ({failed})",
            "  ".join(
                f"{name} {_exact(value).strip()}"
                for name, value in (
                    ("p50", all_.p50_s),
                    ("p75", all_.p75_s),
                    ("p90", all_.p90_s),
                    ("p95", all_.p95_s),
                    ("p99", all_.p99_s),
                    ("p99.9", all_.p999_s),
                )
            ),
            f"lowest {_exact(told.lowest_s).strip()}  mean {_exact(told.mean_s).strip()}"
            f"  highest {_exact(told.highest_s).strip()}",
            f"variation (CV) {spread}, {_SPREADS[told.spread]}; {stick[told.hockey_stick]}",
        )
    )


def _histogram(told: Latency) -> str:
    most = max(bar.requests for bar in told.histogram)
    return "\n".join(
        f"{_exact(bar.from_s)} – {_exact(bar.to_s)}  {bar_text(bar.requests / most, _BAR).replace('░', ' ')} {bar.requests}"
        for bar in told.histogram
    )


def _exact(seconds: float | None) -> str:
    """Tenths of a millisecond don't tell the figures of a fast service apart."""
    return f"{seconds * 1e6:.0f} µs".rjust(6) if seconds is not None and 0 < seconds < 0.001 else latency(seconds)


def _row(figures: Figures) -> str:
    times = "".join(f"{_exact(each):>9}" for each in (figures.p50_s, figures.p95_s, figures.p99_s))
    return f"{figures.requests:>9}{percent_tenths(figures.failures / figures.requests):>9}{times}"


_HEAD = f"{'requests':>9}{'failed':>9}{'p50':>9}{'p95':>9}{'p99':>9}"


def _paths(told: Latency, top: int) -> str:
    if [each.path for each in told.paths] in ([""], []):
        return ""
    lines = [f"{_HEAD}{'time':>9}  slowest paths"]
    lines += [
        f"{_row(each.figures)}{percent_tenths(each.time_ratio):>9}  {each.path or '(no path)'}"
        for each in told.paths[:top]
    ]
    left = len(told.paths) - top
    return "\n".join([*lines, *([f"{'':>54}  … and {left} more; --top shows them"] if left > 0 else [])])


def _spans(told: Latency) -> str:
    if not told.spans:
        return ""
    every = f"{told.span_s / 60:.0f} min" if told.span_s < 3600 else f"{told.span_s / 3600:.0f} h"
    lines = [f"{_HEAD}  every {every}, UTC"]
    return "\n".join([*lines, *(f"{_row(each.figures)}  {stamp(each.at)}" for each in told.spans)])
