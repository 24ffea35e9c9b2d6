"""Keys and commands, through Textual's Pilot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from perftui.model.exit_code import ExitCode
from perftui.pipeline.player import Mode, Shown
from perftui.tui.app import STALE_S, Console
from perftui.tui.keys import KEYS, Action
from perftui.tui.options import ConsoleOptions, Theme
from perftui.tui.state import FINDINGS, HELP, OVERVIEW, PROCESSES, SOURCES
from perftui.tui.terminal import Look
from perftui.views import PANES
from tests.tui.console import options
from tests.tui.stand_in import CPU_BOUND, HEALTHY, StandIn, shown_after
from tests.views.scenes import host
from tests.views.test_banner import CERTIFICATE, SWAPPING, WAITING
from tests.views.test_findings import FINDING


class Screen:
    """A running console with the stand-in behind it."""

    def __init__(self, console: Console, player: StandIn, pilot: Pilot[None]) -> None:
        self.console = console
        self.player = player
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    @property
    def lines(self) -> list[str]:
        height = self.console.canvas.size.height
        return [strip.text for strip in self.console.canvas.render_lines(self.console.canvas.size.region)][:height]

    def palette_choice(self) -> str:
        """The command that Enter would run."""
        commands = self.console.screen.query_one(OptionList)
        return "" if commands.highlighted is None else str(commands.get_option_at_index(commands.highlighted).prompt)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await self.pilot.pause(0.01)


@asynccontextmanager
async def running(
    folder: Path, player: StandIn | None = None, size: tuple[int, int] = (120, 36), ascii_only: bool = False
) -> AsyncIterator[Screen]:
    player = player or StandIn(interval_s=0, ticks=60)
    console = Console(player, options(folder), Look(Theme.COLOUR, ascii_only))
    player.start(console.publish)
    async with console.run_test(size=size) as pilot:
        await pilot.pause()
        yield Screen(console, player, pilot)
    player.stop()


async def test_shows_what_was_published_before_it_ran(tmp_path: Path) -> None:
    async with running(tmp_path) as screen:
        assert "db-prod-3" in screen.lines[0]
        assert "HEALTHY" in screen.lines[1]


async def test_draws_the_newest_of_what_came_meanwhile(tmp_path: Path) -> None:
    async with running(tmp_path) as screen:
        screen.player.show(shown_after(60, CPU_BOUND))
        screen.player.show(shown_after(61, CPU_BOUND))
        await screen.until(lambda: "CPU BOUND" in screen.lines[1])

        assert screen.player.shown is not None
        assert screen.console.canvas.size == (120, 36)


async def test_a_picture_that_comes_while_it_ends_is_no_fault(tmp_path: Path) -> None:
    async with running(tmp_path) as screen:
        screen.console.exit()

    screen.console.draw()  # its screens are gone by now

    assert screen.console.fault is None


@pytest.mark.parametrize(
    ("keys", "view"),
    [
        (["1"], "cpu"),
        (["7"], "network"),
        (["enter"], PROCESSES),
        (["down", "down", "enter"], "io"),
        (["1", "escape"], OVERVIEW),
        (["1", "backspace"], OVERVIEW),
        (["f"], FINDINGS),
        (["i"], SOURCES),
        (["question_mark"], HELP),
        (["question_mark", "question_mark"], OVERVIEW),
        (["slash"], PROCESSES),
        (["9"], OVERVIEW),
    ],
)
async def test_keys_lead_to_views(tmp_path: Path, keys: list[str], view: str) -> None:
    async with running(tmp_path) as screen:
        await screen.press(*keys)

        assert screen.console.state.view == view


async def test_enter_opens_what_a_finding_points_at(tmp_path: Path) -> None:
    async with running(tmp_path, StandIn(interval_s=0, verdict=CPU_BOUND, ticks=60)) as screen:
        await screen.press("enter")

        assert screen.console.state.view == "cpu"


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        ("space", "pause"),
        ("left", "step -1"),
        ("right", "step +1"),
        ("shift+left", "step -60"),
        ("comma", "step -60"),
        ("full_stop", "step +60"),
        ("home", "oldest"),
        ("end", "newest"),
        ("plus", "faster 2"),
        ("minus", "faster 0.5"),
    ],
)
async def test_keys_reach_the_player_and_its_note_the_footer(tmp_path: Path, key: str, asked: str) -> None:
    async with running(tmp_path) as screen:
        await screen.press(key)

        assert screen.player.asked == [asked]
        await screen.until(lambda: f" {asked} · " in screen.lines[-1])


async def test_a_note_outlives_the_picture_that_brought_it(tmp_path: Path) -> None:
    async with running(tmp_path) as screen:
        newest = shown_after(5)
        screen.console.publish(msgspec.structs.replace(newest, note="marked: deploy"))
        screen.console.publish(newest)
        await screen.until(lambda: " marked: deploy · " in screen.lines[-1])

        await screen.press("down")
        await screen.until(lambda: "marked" not in screen.lines[-1])


async def test_all_processes_are_wanted_while_they_are_shown(tmp_path: Path) -> None:
    async with running(tmp_path) as screen:
        await screen.press("5", "escape")

        assert screen.player.asked == ["all processes True", "all processes False"]


async def test_a_filter_is_typed_in_the_footer_and_filters_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as screen:
        await screen.press("slash", *"worker-7", "q")
        assert " filter: worker-7q█" in screen.lines[-1]
        await screen.press("backspace", "enter")

        assert screen.console.state.edit is None
        assert "filter 'worker-7': 1 of them" in screen.lines[3]
        assert sum("worker-" in line for line in screen.lines[4:]) == 1


async def test_a_mark_is_typed_and_handed_on(tmp_path: Path) -> None:
    async with running(tmp_path) as screen:
        await screen.press("m", *"deploy", "space", *"2.8", "enter")
        await screen.press("m", "x", "escape")
        await screen.press("m", "enter")

        assert screen.player.asked == ["mark deploy 2.8"]


async def test_copies_to_the_clipboard_and_into_files_only_the_operator_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "perftui"
    async with running(folder) as screen:
        await screen.press("y")
        await screen.until(lambda: "written to" in screen.lines[-1])

        assert screen.console.clipboard == "db-prod-3 healthy\n"
        assert str(folder) in screen.console.state.message
    names = sorted(path.name for path in folder.iterdir())
    assert [name[-5:] for name in names] == [".json", "Z.txt"]
    assert names[0].startswith("snapshot-20260211T")
    assert (folder / names[0]).read_bytes() == b'{"class": "healthy"}\n'
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_a_folder_that_cannot_be_written_is_told_and_the_clipboard_is_filled_all_the_same(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    async with running(blocked / "perftui") as screen:
        await screen.press("y")
        await screen.until(lambda: "not written: Not a directory" in screen.lines[-1])

        assert screen.console.clipboard == "db-prod-3 healthy\n"


async def test_the_palette_lists_every_action(tmp_path: Path) -> None:
    async with running(tmp_path) as screen:
        commands = list(screen.console.get_system_commands(screen.console.screen))

    told = {command.help for command in commands}
    for key in KEYS:
        if key.action is not Action.PALETTE:
            assert f"key {key.sign}" in told or key.action is Action.ZOOM_NUMBER
    shown = [kind for kind in PANES if kind.shown(shown_after(1).snapshot)]
    assert {f"Zoom {kind.title}" for kind in shown} <= {command.title for command in commands}


async def test_the_palette_opens_runs_a_command_and_gives_the_screen_back(tmp_path: Path) -> None:
    async with running(tmp_path) as screen:
        await screen.press("ctrl+p")
        await screen.until(lambda: len(screen.console.screen_stack) == 2)
        screen.player.show(shown_after(60, CPU_BOUND))
        await screen.press(*"evidence")
        await screen.until(lambda: "All findings" in screen.palette_choice())
        await screen.press("enter")
        await screen.until(lambda: screen.console.state.view == FINDINGS)

        assert "CPU BOUND" in screen.lines[1]


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_quits(tmp_path: Path, key: str) -> None:
    async with running(tmp_path) as screen:
        await screen.press(key)
        await screen.until(lambda: not screen.console.is_running)

        assert screen.console.ended_by is ExitCode.HEALTHY


async def test_a_new_size_is_drawn_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as screen:
        await screen.pilot.resize_terminal(80, 24)
        await screen.until(lambda: len(screen.lines) == 24)

        assert screen.lines[9].startswith("── 5 Processes")
        assert {len(line) for line in screen.lines} == {80}


async def test_says_when_nothing_new_comes(tmp_path: Path) -> None:
    async with running(tmp_path) as screen:
        screen.console._newest_at -= STALE_S + 9
        await screen.until(lambda: "nothing new for 1" in screen.lines[0])
        screen.player.tick()
        await screen.until(lambda: "db-prod-3" in screen.lines[0])


async def test_a_pause_is_never_stale(tmp_path: Path) -> None:
    async with running(tmp_path) as screen:
        assert screen.player.shown is not None
        screen.player.show(msgspec.structs.replace(screen.player.shown, mode=Mode.PAUSED))
        await screen.pilot.pause()
        screen.console._newest_at -= 3600
        await screen.press("r", "down")

        assert "nothing new" not in screen.lines[0]


async def test_ascii_screens_hold_ascii_only(tmp_path: Path) -> None:
    async with running(tmp_path, ascii_only=True) as screen:
        for key in ("1", "5", "f", "i", "question_mark"):
            await screen.press(key)
            assert all(line.isascii() for line in screen.lines), screen.lines


async def test_a_fault_of_ours_ends_the_console_and_is_kept(tmp_path: Path) -> None:
    player = StandIn(interval_s=0, ticks=2)
    broken: ConsoleOptions = options(tmp_path)

    def fails(_: object) -> str:
        raise ZeroDivisionError("ours")

    console = Console(player, msgspec.structs.replace(broken, snapshot_text=fails), Look(Theme.COLOUR, False))
    player.start(console.publish)
    with pytest.raises(ZeroDivisionError):
        async with console.run_test() as pilot:
            await pilot.press("y")
            await pilot.pause()

    assert isinstance(console.fault, ZeroDivisionError)


async def test_keys_that_mean_nothing_do_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as screen:
        before = screen.lines
        await screen.press("Z", "f9", "ctrl+o")

        assert screen.lines == before
        assert screen.player.asked == []
        assert HEALTHY.summary in screen.lines[1]


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_a_link_of_a_chain_is_opened_to_its_evidence_and_to_its_pane(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    snapshot = host(30, findings=(FINDING, SWAPPING, WAITING, CERTIFICATE))
    async with running(tmp_path, size=size) as screen:
        screen.player.show(Shown(snapshot=snapshot, mode=Mode.PAUSED))
        await screen.until(lambda: "MEMORY BOUND" in screen.lines[1])
        assert "[f]" in screen.lines[2]

        await screen.press("f", "down", "down")
        assert any(line.startswith("▸") and SWAPPING.title in line for line in screen.lines)
        assert any("because the kernel moves pages to swap" in line for line in screen.lines)
        assert "Enter open" in screen.lines[-1]

        await screen.press("enter")
        page = "\n".join(screen.lines)
        for words in ("Finding · host.swapping", "explained by", "explains", "pane Swap (4) shows it"):
            assert words in page

        await screen.press("escape")
        assert any(line.startswith("▸") and SWAPPING.title in line for line in screen.lines)
        await screen.press("enter", "enter")
        assert screen.console.state.view == "swap"
