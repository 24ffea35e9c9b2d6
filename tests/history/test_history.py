"""Histories made of real CPU samples: what is known, since when, and what a gap is."""

from collections.abc import Iterable

import msgspec
import pytest

from perftui.history.history import History, HistoryStore
from perftui.model.frame import Frame
from perftui.sources import cpu, processes
from perftui.sources.cpu import CpuPart, CpuSample, CpuTimes
from perftui.sources.processes import ProcessesSample, ProcessRow
from tests.frames import cpu_frames, frame, sample

BUSY = "host.cpu.busy_ratio"


def played(shares: Iterable[float | None], keep: int = 3600) -> History:
    store = HistoryStore([cpu.KIND], keep=keep)
    histories = [store.push(each) for each in cpu_frames(shares)]
    return histories[-1]


def test_a_window_covers_so_many_seconds_and_counts_what_is_not_known() -> None:
    window = played([0.1] * 10 + [0.5, 0.6]).window(BUSY, 5)

    assert window.values == pytest.approx([0.1, 0.1, 0.1, 0.5, 0.6])
    assert (window.ticks, window.covered_s) == (5, 5.0)


def test_the_first_tick_has_no_rates() -> None:
    history = played([])

    assert history.value(BUSY) is None
    assert history.window(BUSY, 5).values == []
    assert history.window(BUSY, 5).covered_s == 0


def test_a_source_that_fails_leaves_a_gap_once_its_last_sample_is_stale() -> None:
    history = played([0.5] * 5 + [None] * 5)

    assert history.latest(CpuPart) is None
    assert history.known(CpuPart) is not None
    assert history.value(BUSY) is None
    assert history.sources["cpu"].state == "failed"
    assert history.sources["cpu"].age_s == 5
    assert "gone" in history.sources["cpu"].detail


def test_recovery_needs_no_help_and_the_gap_is_no_spike() -> None:
    history = played([0.5] * 5 + [None] * 5 + [0.5] * 3)

    assert history.sources["cpu"].state == "ok"
    assert history.window(BUSY, 3).values == pytest.approx([0.5] * 3)


@pytest.mark.parametrize(
    ("shares", "since", "before"),
    [
        ([0.1] * 10 + [0.9] * 10, 1011, False),
        ([0.9] * 20, 1000, True),
        ([0.1] * 10 + [0.9] * 5 + [0.1] * 3 + [0.9] * 5, 1011, False),
        ([0.1] * 5 + [0.9] * 5 + [0.1] * 8 + [0.9] * 5, 1019, False),
    ],
    ids=["from a moment on", "from the start", "short dip", "long dip"],
)
def test_since_when_a_limit_is_exceeded(shares: list[float], since: float, before: bool) -> None:
    assert played(shares).held_since(BUSY, 0.8) == (since, before)


def test_what_is_forgotten_is_not_taken_for_the_beginning() -> None:
    history = played([0.9] * 100, keep=20)

    assert history.span_s < 25
    assert history.forgot()
    assert history.held_since(BUSY, 0.8)[1] is False


def test_an_older_history_does_not_see_later_ticks() -> None:
    store = HistoryStore([cpu.KIND])
    store.push(frame(0, 0.0, sample(0.0, 0, 0)))
    older = store.push(frame(1, 1.0, sample(1.0, 50, 50)))
    store.push(frame(2, 2.0, sample(2.0, 150, 50)))

    assert older.window(BUSY, 10).values == [0.5]
    assert older.at == 1001


def test_an_age_is_told_by_the_wall_clock_of_then() -> None:
    store = HistoryStore([cpu.KIND])
    for second in range(5):
        set_ahead = 3600.0 if second >= 3 else 0.0
        history = store.push(
            frame(second, float(second), sample(float(second), 0, second), at=1000.0 + second + set_ahead)
        )

    assert [history.ago(age) for age in (0.0, 1.0, 2.0, 2.5, 10.0)] == [4604.0, 4603.0, 1002.0, 1001.5, 994.0]


def test_a_wall_clock_that_jumps_moves_no_window() -> None:
    store = HistoryStore([cpu.KIND])
    store.push(frame(0, 0.0, sample(0.0, 0, 0), at=5000))
    store.push(frame(1, 1.0, sample(1.0, 50, 50), at=1000))
    history = store.push(frame(2, 2.0, sample(2.0, 100, 100), at=9000))

    assert history.window(BUSY, 10).values == [0.5, 0.5]
    assert history.at == 9000


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (CpuTimes(10, 0, 0, 10, 0, 0, 0, 0), None),
        (CpuTimes(150, 0, 0, 95, 0, 0, 0, 0), 1.0),
    ],
    ids=["reset", "idle steps back a little"],
)
def test_counters_that_step_back(after: CpuTimes, expected: float | None) -> None:
    before = sample(0.0, 100, 100)
    later = CpuSample(
        mono=1.0, all=after, per_cpu={}, context_switches=0, runnable=1, blocked=0, load=None, uptime_s=None
    )

    assert cpu.derive(before, later).cpu.busy_ratio == expected


def test_a_long_course_is_read_at_even_steps_which_later_ticks_do_not_move() -> None:
    shares = [second / 100 for second in range(60)]
    shorter, longer = played(shares[:-1]), played(shares)

    at, monos, values = longer.spread(BUSY, 60, 15)

    assert [moment % 4 for moment in at] == [0] * len(at)
    assert values == pytest.approx([(moment - 1001) / 100 for moment in at])
    assert [moment - 1000 for moment in at] == monos
    assert set(at[:-1]) <= set(shorter.spread(BUSY, 60, 15)[0])


def test_a_slope_is_per_second_of_the_clock_that_never_jumps() -> None:
    store = HistoryStore([cpu.KIND])
    for second in range(20):
        read = msgspec.structs.replace(sample(float(second), 0, 0), uptime_s=500.0 + 3 * second)
        wall = 1000.0 + second - (14 if second >= 10 else 0)
        history = store.push(frame(second, float(second), read, at=wall))

    assert history.slope("host.uptime_s", 15) == pytest.approx(3)
    assert history.slope("host.uptime_s", 0.5) is None, "one value has no slope"
    assert history.slope("host.no.such", 15) is None


def test_brief_courses_are_forgotten_and_long_ones_kept() -> None:
    store = HistoryStore([processes.KIND])

    def resident(second: int, pids: list[int]) -> History:
        row = ProcessRow(0, 0, 1, "cc1", "", "", "R", 0.0, 64 << 20, 1, None, None, None)
        rows = tuple(msgspec.structs.replace(row, pid=pid) for pid in pids)
        read = ProcessesSample(mono=float(second), total=len(rows), rows=rows)
        return store.push(Frame(seq=second, at=1000.0 + second, mono=float(second), samples={"processes": read}))

    for second in range(300):
        history = resident(second, [1, *([2] if second < 20 else []), 1000 + second // 3])

    kept = {name.rpartition(".")[2] for name in history.names() if "resident" in name}
    assert {"1:0", "2:0"} <= kept, "the daemon, and what ran for twenty seconds"
    assert len(kept) < 60, "of a hundred compilers those of the last two minutes"


def test_where_no_course_is_kept_it_began_now() -> None:
    assert played([0.5] * 20).held_since("host.processes.open_files.7:7", 10) == (1020, False)


def test_a_joined_tape_of_a_machine_started_again_begins_anew() -> None:
    store = HistoryStore([cpu.KIND])
    for each in cpu_frames([0.5] * 20):
        store.push(each)
    for each in cpu_frames([0.9] * 6):
        history = store.push(msgspec.structs.replace(each, at=each.at + 5000))

    assert history.span_s == 6
    assert history.window(BUSY, 30).values == pytest.approx([0.9] * 6)
    assert history.held_since(BUSY, 0.8) == (6001, False)
