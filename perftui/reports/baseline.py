"""Baselines as text."""

from __future__ import annotations

from perftui.history.baseline import MIN_MEANS, Baseline, Difference
from perftui.model.frame import Machine
from perftui.model.units import unit_of
from perftui.views.format import in_unit, stamp


def _value(value: float, reading: str) -> str:
    unit = unit_of(reading)
    return f"{value:.4g}" if unit == "count" else in_unit(float(f"{value:.4g}"), unit)


def list_text(found: list[Baseline]) -> str:
    """A line each."""
    lines = [f"{'name':<20} {'from':<21} {'for':>7}  host"]
    lines += [
        f"{each.name:<20} {stamp(each.first_at):<21} {(each.last_at - each.first_at) / 60:>3.0f} min  {each.host}, "
        f"{each.cores} cores, {len(each.courses)} readings"
        for each in found
    ]
    return "\n".join(lines)


def comparison_text(baseline: Baseline, found: list[Difference]) -> str:
    """Two lines for each reading, in 80 columns; what moved is named, what regressed stands out."""
    lines = [f"{baseline.name}: {stamp(baseline.first_at)} to {stamp(baseline.last_at)}, {baseline.host}"]
    for each in found:
        word = "REGRESSED" if each.regressed else "moved" if each.moved else ""
        lines.append(f"{word:<9} {each.reading}")
        median, p95 = (each.before.median, each.now.median), (each.before.p95, each.now.p95)
        interval = f" ({each.low:.2f} to {each.high:.2f})" if each.low is not None and each.high is not None else ""
        usual, worst = _moved(median, each.reading, each.ratio), _moved(p95, each.reading, each.p95_ratio)
        lines.append(f"     median {usual}{interval}  P95 {worst}")
    return "\n".join(lines)


def _moved(values: tuple[float, float], reading: str, ratio: float | None) -> str:
    """`99 ms → 130 ms ×1.31`."""
    before, now = (_value(value, reading).strip() for value in values)
    return f"{before} → {now}" + ("" if ratio is None else f" ×{ratio:.2f}")


def elsewhere(baseline: Baseline, here: Machine, postgres: str | None) -> list[str]:
    """That it was not taken under the conditions of here, in a line; none where it was."""
    then = [baseline.host, f"{baseline.cores} cores", baseline.system]
    now = [here.hostname, f"{here.cores} cores", here.system]
    if baseline.postgres is not None and postgres is not None:
        then.append(f"Postgres {baseline.postgres}")
        now.append(f"Postgres {postgres}")
    differ = [f"{before} → {after}" for before, after in zip(then, now, strict=True) if before != after]
    return [f"not the same conditions: {', '.join(differ)}"] if differ else []


def too_short(found: list[Difference]) -> list[str]:
    """Why there is no interval, in a line; none where there is one."""
    most = max(min(len(each.before.means), len(each.now.means)) for each in found)
    return [f"too short to tell chance apart: {most} means of 30 s, at least {MIN_MEANS}"] if most < MIN_MEANS else []
