"""The pane and the zoom of a load test."""

from __future__ import annotations

import msgspec
import pytest

from perftui.model.failure import Failed, FailureKind
from perftui.model.frame import Frame
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.views.charts import chart
from perftui.views.load import pane, shown, zoom
from perftui.views.model import Line, Role, TableState
from tests.loads import MACHINE, STARTED_AT, Second, load_sample, told_phases, watched


def words(lines: tuple[Line, ...]) -> str:
    return "\n".join("".join(text for text, _ in line) for line in lines)


@pytest.mark.parametrize("width", [24, 40, 64, 110])
def test_the_pane_tells_the_most_important_first(width: int) -> None:
    snapshot = watched([Second(latency_s=0.25, failing=0.02)] * 30)
    lines = pane(snapshot, width, 3).lines

    assert all(len("".join(text for text, _ in line)) <= width for line in lines)
    assert "steady" in words(lines)
    assert "200/s" in words(lines)
    assert ("2.0 %", Role.WARNING) in [span for line in lines for span in line]


def test_one_line_for_a_small_screen() -> None:
    assert words(pane(watched([Second()] * 30), 66, 1).lines).startswith("steady    200/s  err 0.0 %  p95 ")


def test_a_silent_feed_says_so_and_shows_no_rate() -> None:
    told = pane(watched([Second()] * 20 + [Second(age_s=42.0)]), 60, 3)

    assert words(told.lines).startswith("silent for 42 s: rates are not known")
    assert "–/s" in words(told.lines)
    assert words(pane(watched([Second(age_s=42.0)]), 60, 1).lines).startswith("silent for 42 s")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"age_s": None, "tool": ""}, "run.json: nothing came yet"),
        ({"behind_bytes": 64 << 20}, "64 M behind the generator"),
        ({"skipped_total": 3, "trouble": "no number: x"}, "3 lines skipped, no number: x"),
    ],
)
def test_what_makes_the_numbers_less_than_whole_is_told(change: dict[str, object], expected: str) -> None:
    store = new_store()
    sample = msgspec.structs.replace(load_sample(0, Second()), **change)
    history = store.push(Frame(seq=0, at=0.0, mono=0.0, samples={"load": sample}))
    snapshot = Judge(machine=MACHINE).snapshot(history)

    assert expected in words(pane(snapshot, 60, 3).lines)
    assert expected in words(zoom(snapshot, TableState(), 100).lines)


def test_the_zoom_has_rate_errors_and_users_on_the_chart_s_time_axis() -> None:
    told = zoom(watched([Second(users=n) for n in range(40)], [(5, "steady")]), TableState(), 100)

    assert told.chart is not None
    assert [line.name for line in told.chart.lines] == ["p50", "p95", "p99"]
    assert [text for _, text in told.chart.marks] == ["steady"]
    for part in ("requests/s", "errors %", "users", "max 39", "steady (marked at", "generator's clock -0.2 s"):
        assert part in words(told.lines), part
    assert "pg active" not in words(told.lines)


def test_phases_that_the_feed_tells_stand_on_the_time_axis_of_every_chart() -> None:
    phases = [None] * 3 + ["warm-up"] * 5 + ["ramp"] * 5 + [None] + ["ramp"] * 3 + ["a pause"] + ["steady"] * 5
    *_, snapshot = told_phases(phases, [(15, "cache cleared")])
    told = zoom(snapshot, TableState(), 100).chart

    assert told is not None
    expected = [(3, "warm-up"), (8, "ramp"), (15, "cache cleared"), (18, "steady")]
    assert told.marks == tuple((STARTED_AT + second, words) for second, words in expected)
    assert chart(snapshot, TableState(), "CPU", "%", 100.0, [("busy", "host.cpu.busy_ratio")]).marks == told.marks
    # What was there before the window has no beginning in it.
    assert (
        chart(snapshot, TableState(span_s=8.0), "", "", 1.0, [("rate", "load.requests_per_s")]).marks == told.marks[2:]
    )


def unread(failed: dict[str, Failed]) -> Snapshot:
    history = new_store().push(Frame(seq=0, at=0.0, mono=0.0, samples={}, failed=failed))
    return Judge(machine=MACHINE).snapshot(history)


def test_it_is_shown_only_where_a_feed_was_named() -> None:
    missing = unread({"load": Failed(kind=FailureKind.MISSING, detail="run.json: not there")})

    assert shown(watched([Second()])) and shown(missing)
    assert not shown(unread({}))
    assert "run.json: not there" in words(pane(missing, 60, 3).lines)
    assert "run.json: not there" in words(zoom(missing, TableState(), 60).lines)
