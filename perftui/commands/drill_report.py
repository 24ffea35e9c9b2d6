"""The words of drills: their list, what a headless round found, and what is told when the console has ended."""

from __future__ import annotations

from pathlib import Path

import msgspec

from perftui.drills import DRILLS, reason
from perftui.drills.kind import Drill
from perftui.drills.score import Result, Told, alarms
from perftui.model.frame import Mark
from perftui.pipeline.snapshot import Snapshot
from perftui.views.format import clock

RUNS = "runs"


def listed(as_json: bool) -> str:
    """Every drill, and why some can't run here."""
    able = {drill.name: reason(drill) for drill in DRILLS}
    if as_json:
        rows = [
            {
                "name": drill.name,
                "title": drill.title,
                "rules": drill.rules,
                "classes": drill.constraints,
                "within_s": drill.within_s,
                "problem": able[drill.name],
            }
            for drill in DRILLS
        ]
        return msgspec.json.encode(rows).decode()
    width = max(len(drill.name) for drill in DRILLS)
    lines = [
        f"{drill.name:<{width}}  {drill.title}" + (f"  (not here: {why})" if (why := able[drill.name]) else "")
        for drill in DRILLS
    ]
    return "\n".join(lines)


def result_json(result: Result) -> str:
    return msgspec.json.encode(result).decode()


def result_text(drill: Drill, result: Result) -> str:
    """One fact a line."""
    found = result.verdict
    expected = " or ".join(drill.rules) or "nothing"
    lines = [
        f"drill     {drill.name}: {drill.title}",
        f"expected  {expected} · {' or '.join(drill.constraints)} · within {drill.within_s:g} s"
        + (f" ({drill.why})" if drill.why else ""),
        f"result    {'right' if result.right else f'WRONG: {result.reason}'}",
        f"verdict   {_verdict(found)}",
        f"chain     {' → '.join(found.chain) if found and found.chain else '-'}",
        *(f"and       {' → '.join(other)}" for other in (found.others if found else ())),
        f"time      {_seconds(result.verdict_s)} from the symptom, which could be measured {_seconds(result.symptom_s)}"
        " after the fault",
        f"before    {len(result.alarms_before)} findings before the fault",
        *(f"          {title}" for title in result.alarms_before),
        f"beside    {len(result.alarms_beside)} findings that the fault does not explain",
        *(f"          {title}" for title in result.alarms_beside),
        "verdicts",
        *(f"  {told.after_s:+7.1f} s  {_verdict(told)}" for told in result.course),
    ]
    return "\n".join(lines)


def _verdict(told: Told | None) -> str:
    if told is None:
        return "none"
    return f"{told.constraint.replace('_', ' ').upper()}  {told.finding or ''}  {told.summary}".replace("    ", "  ")


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"


def told_at_end(drill: Drill, result: Result, begun_at: float | None, last: Snapshot | None, state_folder: Path) -> str:
    """What it was, how long each step took, and what was left undone."""
    what = f"The drill was {drill.name}: {drill.title}."
    if begun_at is None or last is None:
        return f"{what} It had not begun."
    marks = [mark for mark in last.marks if mark.at >= begun_at]
    acts = [mark for mark in marks if _is_act(mark)]
    right = next((mark for mark in acts if mark.text.startswith(drill.verbs or ("-",))), None)
    runs = _runs_since(state_folder / RUNS, begun_at)
    symptom_at = None if result.symptom_s is None else begun_at + result.symptom_s
    verdict_at = None if symptom_at is None or result.verdict_s is None else symptom_at + result.verdict_s
    events = [
        (begun_at, "the fault was made"),
        *([(symptom_at, "it could be measured")] if symptom_at is not None else []),
        *([(verdict_at, f"verdict: {_verdict(result.verdict)}")] if verdict_at is not None else []),
        *((mark.at, f"{'done' if _is_act(mark) else 'marked'}: {mark.text}") for mark in marks),
        *((at, f"playbook run {name} began") for at, name in runs),
        (last.at, "the console was left"),
    ]
    lines = [what, ""]
    lines += [f"  {clock(at)}  {at - begun_at:+6.0f} s  {words}" for at, words in sorted(events)]
    lines.append("")
    lines.append(f"Time to verdict: {_seconds(result.verdict_s)} from the first sign.")
    if drill.verbs:
        took = None if right is None else right.at - begun_at
        lines.append(f"Time to the right action: {'none was taken' if took is None else f'{took:.0f} s'}.")
    missed = _missed(drill, result, last, marks, right, bool(runs))
    lines += ["Missed:", *(f"  {words}" for words in missed)] if missed else ["Nothing was missed."]
    lines += ["What mends it:", *(f"  {words}" for words in drill.remedies)]
    return "\n".join(lines)


def _missed(
    drill: Drill, result: Result, last: Snapshot, marks: list[Mark], right: Mark | None, ran_playbook: bool
) -> list[str]:
    found = []
    if drill.verbs and right is None and result.verdict_s is not None:
        found.append(f"the verdict stood and nobody acted: {' or '.join(drill.verbs)} was at hand (--allow-changes)")
    if last.verdict.playbook and not ran_playbook:
        found.append(f"the playbook {last.verdict.playbook} answers this and was not run")
    if not marks:
        found.append("no mark (m) says what was seen or done, for those who come later")
    # A right verdict that ends once somebody has acted is no miss.
    if result.verdict_s is None or result.verdict_s > result.within_s:
        found.append(f"perftui itself: {result.reason}")
    expected = frozenset({*drill.rules, *drill.also})
    found += [f"also told when you left: {title}" for title in alarms(last, expected).values()]
    return found


def _is_act(mark: Mark) -> bool:
    return mark.text.startswith(("cancel", "terminate"))


def _runs_since(folder: Path, at: float) -> list[tuple[float, str]]:
    """Runs of playbooks that began since; their folders are named for the run."""
    try:
        found = [(each.stat().st_ctime, each.name) for each in folder.iterdir()]
    except OSError:
        return []
    return sorted((began, name) for began, name in found if began >= at)
