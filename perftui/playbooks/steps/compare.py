"""`compare`: readings before and after an event, or against a baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import fsum, isnan, sqrt
from typing import Any, Literal

from msgspec import field

from perftui.history.baseline import REGRESSION, Course, window_course, worse_up
from perftui.history.baseline import compare as compared
from perftui.history.impact import Change, Impact, Shift, Windows, full_blocks, shift
from perftui.playbooks.document import Do, Step
from perftui.playbooks.steps.kind import Kind, Place, Problem
from perftui.playbooks.steps.world import Done, NoBaseline, Unfilled, World
from perftui.playbooks.template import Template
from perftui.playbooks.values import Duration, baseline_name


class Compare(Do, frozen=True, kw_only=True):
    metrics: tuple[str, ...]
    event: Literal["last_deploy", "last_mark", "run_start"] | None = None
    baseline: Template | None = None
    """What `collect: {kind: baseline, name: …}` kept in this run, else `perftui baseline save` on this host."""
    before_s: Duration = field(name="before", default=Duration(600))
    after_s: Duration = field(name="after", default=Duration(600))
    min_change_pct: float = 20.0
    """Smaller changes are none (S002: 20)."""


def _readings(do: Compare) -> Iterator[tuple[Place, str]]:
    return ((("metrics", number), name) for number, name in enumerate(do.metrics))


def _check(step: Step, do: Compare) -> Iterator[Problem]:
    if (do.event is None) == (do.baseline is None):
        yield Problem((), "a comparison has an event or a baseline", "write event: last_deploy or baseline: NAME")
    if do.baseline and not do.baseline.references() and (wrong := baseline_name(do.baseline)):
        yield Problem(("baseline",), wrong, "write the name that it is kept as")
    if not do.metrics:
        yield Problem((), "it compares nothing", "name readings: metrics: [probe.p95_s]")


ALPHA = 0.05
_FLOOR = 1e-6


async def execute(step: Step, do: Compare, world: World) -> Done:
    """Compare each reading; the verdict is the clearest of them."""
    if do.baseline is not None:
        try:
            usual = world.baseline(world.fill(do.baseline))
        except (NoBaseline, Unfilled) as exc:
            return _told([], str(exc))
        return _told([_with_baseline(do, world, name, usual.get(name)) for name in do.metrics])
    at = world.event_at(do.event or "")
    if at is None:
        return _told([], f"there was no {(do.event or '').replace('_', ' ')}")
    return _told([_around(do, world, name, Change(at, at)) for name in do.metrics])


def _around(do: Compare, world: World, name: str, change: Change) -> dict[str, Any]:
    history = world.scope().history
    walls, values = history.points(name, 7200) if history else ([], [])
    windows = Windows.of(do.before_s, do.after_s)
    found = shift(*full_blocks(walls, values, change.end), change, (), _FLOOR, ALPHA / len(do.metrics), windows)
    small = found.ratio is not None and abs(found.ratio) * 100 < do.min_change_pct
    change_pct = None if found.ratio is None else found.ratio * 100
    verdict = "same" if small else _word(found)
    return {
        "reading": name,
        "before": found.before,
        "after": found.after,
        "change_pct": change_pct,
        "verdict": verdict,
        "regressed": verdict == "shifted" and change_pct is not None and _worse(name, change_pct),
        "why": found.why,
        "spread_before": spread(walls, values, change.start - do.before_s, change.start),
        "spread_after": spread(walls, values, change.end, change.end + do.after_s),
    }


def spread(walls: Sequence[float], values: Sequence[float], start_at: float, end_at: float) -> dict[str, Any]:
    """How the ticks of a window lie: their number, percentiles, and how much they vary (None without a mean)."""
    known = sorted(v for at, v in zip(walls, values, strict=True) if start_at <= at < end_at and not isnan(v))
    if not known:
        return {"n": 0}
    mean = fsum(known) / len(known)
    deviation = sqrt(fsum((value - mean) ** 2 for value in known) / len(known))
    ranks = {f"p{percent}": known[min(len(known) - 1, len(known) * percent // 100)] for percent in (50, 95, 99)}
    return {"n": len(known), **ranks, "cv_pct": deviation / abs(mean) * 100 if mean else None}


def _word(found: Shift) -> str:
    return {Impact.SHIFTED: "shifted", Impact.NO_CLEAR_SHIFT: "same", Impact.UNKNOWN: "unknown"}[found.impact]


def _worse(name: str, change_pct: float) -> bool:
    return worse_up(name) and change_pct > REGRESSION * 100


def _with_baseline(do: Compare, world: World, name: str, usual: Course | None) -> dict[str, Any]:
    history = world.scope().history
    now = window_course(history, name, do.after_s) if history else None
    walls, values = history.points(name, do.after_s) if history else ([], [])
    change, verdict, regressed, why = _against(name, usual, now, do.min_change_pct)
    return {
        "reading": name,
        "before": usual.mean if usual else None,
        "after": now.mean if now else None,
        "change_pct": change,
        "verdict": verdict,
        "regressed": regressed,
        "why": why,
        "spread_after": spread(walls, values, 0.0, float("inf")),
    }


def _against(
    name: str, usual: Course | None, now: Course | None, min_change_pct: float
) -> tuple[float | None, str, bool, str]:
    """(change of the mean in percent, verdict, whether it regressed, why)."""
    if usual is None or now is None:
        return None, "unknown", False, "not in the baseline" if usual is None else "not known now"
    if usual.mean == 0:
        worse = now.mean > 0
        return None if worse else 0.0, "shifted" if worse else "same", worse and worse_up(name), "it was 0"
    change = (now.mean / usual.mean - 1) * 100
    (found,) = compared({name: usual}, {name: now})
    if abs(change) < min_change_pct:
        return change, "same", False, ""
    if found.low is None or found.high is None:
        return change, "shifted", _worse(name, change), "too little was watched to tell it from chance"
    why = f"{found.low:.2f} to {found.high:.2f} times as much, 95 %"
    return change, "shifted" if found.moved else "same", found.regressed, why


def _told(rows: list[dict[str, Any]], why: str = "") -> Done:
    verdicts = {row["verdict"] for row in rows}
    verdict = next((word for word in ("shifted", "unknown", "same") if word in verdicts), "unknown")
    changes = [row["change_pct"] for row in rows if row["change_pct"] is not None]
    largest = max(changes, key=abs, default=None)
    lines = [_line(row) for row in rows]
    return Done(
        state="passed",
        why=why,
        values={
            "verdict": verdict,
            "largest_change_pct": largest,
            "regressed": sum(row["regressed"] for row in rows),
            "rows": rows,
        },
        table=tuple(rows),
        output="\n".join(lines) or why,
    )


def _line(row: dict[str, Any]) -> str:
    words = f"{row['reading']} {_number(row['before'])} → {_number(row['after'])} {row['verdict']} {row['why']}"
    return words.rstrip()


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.6g}"


KIND = Kind(
    name="compare",
    do=Compare,
    text="compares readings before and after an event, or with a baseline; its verdict is shifted, same or unknown",
    short="metrics",
    fields={"verdict": "text", "largest_change_pct": "percent", "regressed": "count"},
    readings=_readings,
    templates=lambda do: iter([(("baseline",), do.baseline)] if do.baseline else []),
    check=_check,
    execute=execute,
)
