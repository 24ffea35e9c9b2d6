"""A forecast as text, with a picture."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from perftui.history.forecast import DAY_S, HORIZON_DAYS, Crossing, Forecast, WeekTrend
from perftui.views.format import UNKNOWN, in_unit, percent

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def forecast_text(name: str, unit: str, told: Forecast, width: int = 78) -> str:
    """The picture, the line in words, and when each limit is reached."""

    def words(value: float) -> str:
        return in_unit(value, unit)

    month, low, high = (words(30 * each) for each in (told.per_day, told.per_day_low, told.per_day_high))
    slope = f"{month} in 30 days (95 %: {low} to {high})"
    lines = [
        f"{name}: {told.days} days, {_day(told.first_at)} to {_day(told.last_at)}",
        "",
        *_picture(told, unit, width),
        "",
        f"now {words(told.now)}, growth {slope}; the line tells {percent(told.fit_ratio).strip()} of the course",
        f"in {told.ahead_days} days {words(told.predicted)} (95 %: {words(told.low)} to {words(told.high)}); "
        f"with its buffer {words(told.recommended)} should be there",
    ]
    if not told.grows:
        lines.append("no growth that can be told from chance: no date is given")
    lines += [_crossing(each, unit, told) for each in told.crossings]
    return "\n".join(lines)


def _crossing(crossing: Crossing, unit: str, told: Forecast) -> str:
    head = f"{in_unit(crossing.limit, unit):>9} {crossing.action:<14}"
    if crossing.reached:
        return f"{head} reached"
    if not told.grows:
        return f"{head} {UNKNOWN}"
    if crossing.at is None and crossing.earliest_at is None:
        return f"{head} not within {HORIZON_DAYS} days"
    likely = f"not within {HORIZON_DAYS} days" if crossing.at is None else _when(crossing.at, told)
    earliest = f", on a bad day from {_day(crossing.earliest_at)}" if crossing.earliest_at is not None else ""
    return f"{head} {likely}{earliest}"


def _when(at: float, told: Forecast) -> str:
    return f"{_day(at)}, in {(at - told.last_at) / DAY_S:.0f} days"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _picture(told: Forecast, unit: str, width: int) -> list[str]:
    from typing import Any

    import plotext

    plt: Any = plotext  # it has no types
    scale = 100.0 if unit == "ratio" else 1.0
    days = [(at - told.last_at) / DAY_S for at, _ in told.course]
    plt.clear_figure()
    plt.theme("clear")
    plt.limit_size(False, False)  # else it asks the terminal on stdout, which may be none
    plt.plotsize(width, 16)
    ahead = [days[0], 0.0, float(told.ahead_days)]
    plt.plot(
        ahead, [(told.predicted + told.per_day * (day - told.ahead_days)) * scale for day in ahead], marker="braille"
    )
    plt.plot([told.ahead_days] * 2, [told.low * scale, told.high * scale], marker="braille")
    for crossing in told.crossings:
        plt.plot([days[0], float(told.ahead_days)], [crossing.limit * scale] * 2, marker="-")
    plt.scatter(days, [value * scale for _, value in told.course], marker="dot")
    ticks = [day for day in range(-360, 361, 10 if days[0] > -90 else 30) if days[0] <= day <= told.ahead_days]
    plt.xticks(ticks, [str(day) for day in ticks])
    plt.xlabel(f"days from {_day(told.last_at)}{', %' if unit == 'ratio' else ''}")
    return [line.rstrip() for line in _COLOURS.sub("", plt.build()).splitlines()]


def trend_text(name: str, unit: str, told: WeekTrend) -> str:
    """One line."""
    moved = UNKNOWN if told.ratio is None else f"{told.ratio:+.0%}"
    said = "degraded: above +20 %" if told.degraded else "no degradation above 20 %"
    means = f"first 24 h {in_unit(told.first_mean, unit)}, last 24 h {in_unit(told.last_mean, unit)}"
    return f"{name}: {means}, {moved} over {told.points} hours: {said}"
