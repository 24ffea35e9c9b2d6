"""Draws the pictures of the documents: the real console over the tapes of real faults. `python docs/pictures/make.py`."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
sys.path.insert(0, str(PROJECT))

from perftui.pipeline.loop import Judge  # noqa: E402
from perftui.pipeline.player import Mode  # noqa: E402
from perftui.pipeline.replay import TapePlayer  # noqa: E402
from perftui.playbooks.report.stored import run_at, stored_report  # noqa: E402
from perftui.recording.reader import Tape  # noqa: E402
from perftui.reports.run_parts import charts  # noqa: E402
from perftui.reports.svg import picture as chart_picture  # noqa: E402
from perftui.tui.app import Console  # noqa: E402
from perftui.tui.options import ConsoleOptions, Theme  # noqa: E402
from perftui.tui.terminal import Look  # noqa: E402

PICTURES = (
    ("lock-chain", "drill-lock-chain", (120, 36), ()),
    ("swap-thrash", "swap-thrash", (120, 36), ()),
    ("swap-thrash-80x24", "swap-thrash", (80, 24), ()),
    ("healthy-build", "busy-build", (120, 36), ()),
    ("zoom-memory", "memory-leak", (120, 36), ("3", "left_square_bracket", "left_square_bracket")),
    ("findings", "swap-thrash", (120, 36), ("f",)),
)
"""(picture, tape, size, keys pressed at the tape's end)"""


CHARTS = (("report-locks", "postgres.locks.waiting"), ("report-transactions", "postgres.transactions_per_s"))
"""(picture, reading) of the kept run's report."""


def draw_charts() -> None:
    found = run_at(PROJECT / "tests" / "runs" / "orders-locked")
    assert found is not None
    drawn = charts(stored_report(found))
    for name, reading in CHARTS:
        plot = next(each for each in drawn.plots if each.reading == reading)
        (HERE / f"{name}.svg").write_text(chart_picture(drawn, plot))


async def draw(picture: str, tape_name: str, size: tuple[int, int], keys: tuple[str, ...]) -> None:
    tape = Tape(PROJECT / "tests" / "tapes" / f"{tape_name}.ptape")
    player = TapePlayer(tape, Judge(machine=tape.machine))
    options = ConsoleOptions(state_dir=HERE, snapshot_text=lambda shot: "", snapshot_json=lambda shot: b"")
    console = Console(player, options, Look(Theme.COLOUR, False))
    player.start(console.publish)
    try:
        async with console.run_test(size=size) as pilot:
            player.newest()
            async with asyncio.timeout(20):
                while console._newest is None or console._newest.mode is not Mode.ENDED:
                    await pilot.pause(0.05)
            await pilot.press(*keys)
            await pilot.pause()
            svg = console.export_screenshot(title=f"perftui replay {tape_name}.ptape")
    finally:
        player.stop()
    (HERE / f"{picture}.svg").write_text(plain(svg))


def plain(svg: str) -> str:
    """The picture without fonts from the network and without an id that differs from run to run."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return re.sub(r"terminal-\d+", "terminal", svg).replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")


async def main() -> None:
    draw_charts()
    for picture in PICTURES:
        await draw(*picture)


asyncio.run(main())
