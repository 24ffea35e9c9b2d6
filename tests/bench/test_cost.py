"""The benchmark itself: every figure is measured and printed, and nothing is left running."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from bench.alone import Alone, Crowd, build_crowd, needs
from bench.cost import Plan, measure
from bench.programs import CONSOLE
from bench.table import Row, table

TINY = Plan(
    rounds=1, starts=1, settle_s=1.5, window_s=1.0, still_s=1.0, keys=3, ticks=3, small=5, large=20, few=6,
)  # fmt: skip
alone = pytest.mark.skipif(bool(needs()), reason=needs())


@alone
def test_every_figure_of_the_console_stands_in_the_table() -> None:
    told = measure(TINY, (CONSOLE,))

    _, figures, ticks = told.split("\n\n")
    head, *rows = figures.splitlines()
    assert re.split(r"\s{2,}", head.strip()) == ["budget", "perftui", "empty app"]
    unmeasured = [row for row in rows if not re.search(r"^(.{50}) +-?\d", row)]
    assert len(rows) == 12
    assert unmeasured == []
    parts = [line for line in ticks.splitlines() if re.search(r" +[\d.]+ +[\d.]+$", line)]
    assert {"processes", "readings and history", "lines of the screen", "all of it"} <= {p[:38].strip() for p in parts}
    assert os.uname().nodename not in told.split()


@alone
def test_a_program_that_is_closed_leaves_nobody_behind(tmp_path: Path) -> None:
    build_crowd(tmp_path)
    with Alone(("sleep", "60"), {}, Crowd(7), tmp_path) as program:
        while Path(f"/proc/{program.pid}/comm").read_text() != "sleep\n":
            os.sched_yield()
        assert len(_crowd(tmp_path)) == 1 + 7 + 2

    assert _crowd(tmp_path) == []


@pytest.mark.parametrize(("value", "judged"), [(1.0, "ok"), (1.25, "over by 0.25"), (None, "–")])
def test_each_figure_stands_beside_its_budget(value: float | None, judged: str) -> None:
    values = {} if value is None else {"ours": value}

    *_, line = table([Row("CPU", "%", values, 1.0)], ["ours", "theirs"]).splitlines()

    assert judged in line


def _crowd(home: Path) -> list[str]:
    found = subprocess.run(["pgrep", "-f", f"^{home}/crowd "], capture_output=True, text=True, check=False).stdout
    return found.split()
