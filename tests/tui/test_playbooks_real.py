"""Playbooks in the console for real: the list, a whole run beside the panes, a console that is killed or hung up in mid-run."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot

from perftui.clients.clock import SystemClock
from perftui.commands.desk_maker import DeskMaker
from perftui.commands.sources import host_sources, machine
from perftui.pipeline.feed import LiveFeed
from perftui.pipeline.live import LivePlayer
from perftui.pipeline.loop import Judge
from perftui.pipeline.playbook.board import SnapshotBoard
from perftui.playbooks.journal import Entry, Event, read
from perftui.tui.app import Console
from perftui.tui.options import Theme
from perftui.tui.run_keys import CALM_S
from perftui.tui.running import QUIT_TWICE
from perftui.tui.terminal import Look
from tests.playbooks.shelf import text
from tests.servers import until
from tests.tui.console import options
from tests.tui.terminals import Terminal

HEAD = """\
suggest_when: [host.cpu.count > 0]
vars:
  flag: {type: name, prompt: Which flag, default: checkout}
mitigate: [Turn the feature off first.]
"""
STEPS = """
- {{id: tell, title: Tell the channel, why: others must know, say: Say that you take over.}}
- id: sev
  title: How bad is it?
  ask:
    severity: {{type: choice, choices: [sev1, sev2], prompt: How bad}}
    since: {{type: time, default: now}}
- id: calm
  title: Is there a CPU?
  check: host.cpu.count > 0 for 2s
  assess: [{{if: host.cpu.count > 0, verdict: cleared, cause: hardware}}]
- id: "off"
  title: Turn it off
  effect: change
  target: "off ${{vars.flag}}"
  run: [touch, "{folder}/off"]
  undo: {{effect: change, target: "on ${{vars.flag}}", run: [rm, "{folder}/off"], remind_after: 1s, reminder: turn it on again}}
- id: way
  title: What now?
  choose:
    - {{key: s, label: Slow look, goto: slow}}
    - {{key: b, label: Begin again, goto: tell}}
- {{id: slow, title: A slow look, run: [sleep, "2"], effect: read}}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with one playbook, whose state is kept here."""
    folder = tmp_path / "config" / "perftui" / "playbooks"
    folder.mkdir(parents=True)
    steps = STEPS.format(folder=tmp_path)
    (folder / "flag-off.yaml").write_text(text(steps, HEAD).replace("id: sample", "id: flag-off"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def entries(home: Path) -> list[Entry]:
    (journal,) = (home / "state" / "perftui" / "runs").glob("*/journal.jsonl")
    found = read(journal.read_bytes())
    assert not found.problems
    return list(found.entries)


def outcomes(home: Path) -> list[str]:
    return [f"{each.step} {each.data['state']}" for each in entries(home) if each.ev == Event.STEP_OUTCOME]


class Screen:
    def __init__(self, console: Console, pilot: Pilot[None]) -> None:
        self.console = console
        self.pilot = pilot

    @property
    def text(self) -> str:
        lines = self.console.canvas.render_lines(self.console.canvas.size.region)
        return "\n".join(strip.text for strip in lines)

    async def until(self, condition: Callable[[], bool]) -> None:
        async def so() -> bool:
            await self.pilot.pause(0.02)
            return condition()

        try:
            await until(so, 15)
        except AssertionError:
            raise AssertionError(self.text) from None

    async def shows(self, *words: str) -> None:
        await self.until(lambda: all(each in self.text for each in words))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def answer(self, words: str, *keys: str) -> None:
        """Wait for a question, long enough for a key not to count as one for the question before."""
        await self.shows(words)
        await self.pilot.pause(CALM_S + 0.05)
        await self.press(*keys)

    async def chosen(self) -> None:
        """The list with the mark on the test's own playbook, whatever else fits a host that is busy."""
        await self.press("p")
        await self.shows("fits now")
        await self.press("slash")
        await self.type("flag-off")
        await self.shows("▸ ● flag-off")

    async def type(self, words: str) -> None:
        await self.press(*("space" if sign == " " else sign for sign in words), "enter")


@asynccontextmanager
async def watching(folder: Path, size: tuple[int, int], changes_allowed: bool = False) -> AsyncIterator[Screen]:
    board = SnapshotBoard()
    feed = LiveFeed(host_sources(), SystemClock(), 0.3)

    async def at_end() -> None:
        await desks.aclose()

    player = LivePlayer(feed, Judge(machine=machine()), at_end=at_end, follow=board.put)
    desks = DeskMaker(None, board, player.call, changes_allowed)
    console = Console(player, msgspec.structs.replace(options(folder), playbooks=desks), Look(Theme.COLOUR, False))
    player.warm_up()
    player.start(console.publish)
    try:
        async with console.run_test(size=size) as pilot:
            yield Screen(console, pilot)
    finally:
        player.stop()


async def test_a_run_from_the_list_to_its_end_beside_the_panes(home: Path) -> None:
    async with watching(home, (120, 36)) as screen:
        await screen.shows("1 CPU")
        await screen.press("p")
        await screen.shows("fits now: host.cpu.count > 0", "flag-off", "audit-7-phase")
        await screen.press("escape")
        await screen.chosen()
        await screen.press("enter")
        await screen.shows(
            "Enter begins it", "each is shown first and confirmed by typing", "Turn the feature off first."
        )
        await screen.press("enter")
        await screen.shows("Say that you take over.", "because others must know", "1 CPU", "run 1/6 waits for you")
        await screen.press("n")
        await screen.type("looked at it")
        await screen.shows("note: looked at it")
        await screen.answer("d done", "d")

        await screen.answer("1 sev1 · 2 sev2", "2", "enter")
        await screen.shows("severity: sev2", "since: now")
        await screen.press("enter")
        await screen.shows("Changes are locked", f"type exactly: {os.uname().nodename}", "cleared   hardware")
        await screen.type(os.uname().nodename)
        await screen.shows("type exactly: off checkout", "undo: $ rm")
        await screen.type("off nothing")
        await screen.shows("that is not what was asked for")
        assert not (home / "off").exists()
        await screen.type("off checkout")
        await screen.shows("What now?", "stands Turn it off")
        assert (home / "off").exists()
        await screen.shows("due: turn it on again")

        await screen.press("u")
        await screen.shows("Take back: Turn it off")
        await screen.type("on checkout")
        await screen.shows("taken back")
        assert not (home / "off").exists() and "due:" not in screen.text

        await screen.answer("What now?", "s")
        await screen.shows("▸ flag-off 6/6", "A slow look", "$ sleep 2")
        await screen.shows("The run has ended: all steps passed", "kept in")
        await screen.press("h")
        await screen.shows("hand-off page copied, and kept in")
        (page,) = (home / "state" / "perftui" / "runs").glob("*/handoff.txt")
        assert "HANDOFF" in page.read_text() and page.stat().st_mode & 0o777 == 0o600
        await screen.press("enter")
        await screen.until(lambda: "flag-off" not in screen.text)

    wanted = ["tell", "sev", "calm", "off", "way", "slow"]
    assert [each for each in outcomes(home) if each != "way passed"] == [
        f"{name} passed" for name in wanted if name != "way"
    ]
    assert entries(home)[-1].ev == Event.RUN_CLOSE


async def test_on_a_small_screen_one_key_leads_to_the_panes_and_back(home: Path) -> None:
    async with watching(home, (80, 24)) as screen:
        await screen.shows("1 CPU")
        await screen.chosen()
        await screen.press("enter", "enter")
        await screen.shows("Say that you take over.")
        assert "1 CPU" not in screen.text
        await screen.press("tab")
        await screen.shows("1 CPU", "● flag-off 1/6 waits for you: Tell the channel", "Tab answers", "run 1/6 waits")
        await screen.press("d")
        assert not outcomes(home), "keys go to the panes"
        await screen.press("tab")
        await screen.answer("d done", "d")
        await screen.shows("How bad is it?", "● Tell the channel")
        await screen.press("escape", "X")
        await screen.type("end")
        await screen.shows("The run has ended: stopped by the operator")


async def test_quitting_with_a_run_open_is_asked_twice_and_the_run_goes_on_later(home: Path) -> None:
    async with watching(home, (120, 36), changes_allowed=True) as screen:
        await screen.shows("1 CPU")
        await screen.chosen()
        await screen.press("enter", "enter")
        await screen.shows("changes unlocked")
        await screen.answer("d done", "d")
        await screen.answer("severity", "tab", "q")
        assert QUIT_TWICE in screen.text
        await screen.press("q")
    async with watching(home, (120, 36)) as screen:
        await screen.shows("1 CPU")
        await screen.press("p")
        await screen.shows("left open at", "step 2 of 6: How bad is it?")
        await screen.press("enter")
        await screen.shows("flag-off 2/6", "1 sev1 · 2 sev2", "resumed", "changes locked")


@pytest.mark.parametrize(
    ("end", "width", "height"),
    [(signal.SIGKILL, 80, 24), (signal.SIGKILL, 120, 36), (signal.SIGHUP, 120, 36), (signal.SIGTERM, 80, 24)],
)
def test_a_console_that_is_ended_in_mid_run_leaves_it_to_the_next_one(
    home: Path, end: signal.Signals, width: int, height: int
) -> None:
    with console(width, height) as terminal:
        begin(terminal)
        terminal.shows("d done")
        terminal.read(CALM_S + 0.1)
        terminal.type("d")
        terminal.shows("1 sev1 · 2 sev2")
        terminal.signal(end)
        terminal.ended(5)
    with console(width, height) as terminal:
        go_on(terminal)
        terminal.shows("1 sev1 · 2 sev2")
        terminal.type("sev1\r")
        terminal.shows("since: now")
        terminal.type("\r")
        terminal.shows("Changes are locked")

    assert outcomes(home) == ["tell passed", "sev passed", "calm passed"]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGHUP])
def test_a_change_under_way_outlives_the_console_and_is_not_made_again(home: Path, end: signal.Signals) -> None:
    steps = """
- {id: change, title: A long change, effect: change, target: yes please, run: [sleep, "6"]}
- {id: after, title: Afterwards, say: Look.}
"""
    (playbook,) = (home / "config" / "perftui" / "playbooks").iterdir()
    playbook.write_text(text(steps, HEAD).replace("id: sample", "id: flag-off"))
    with console(80, 24, "--allow-changes") as terminal:
        begin(terminal)
        terminal.shows("type exactly: yes please")
        terminal.type("yes please\r")
        terminal.until(lambda: any(each.ev == Event.STEP_STARTED for each in entries(home)))
        terminal.signal(end)
        terminal.ended(5)
    (pid,) = (each.data["pid"] for each in entries(home) if each.ev == Event.STEP_STARTED)
    assert Path(f"/proc/{pid}").exists()
    with console(80, 24) as terminal:
        go_on(terminal)
        terminal.shows("Was it done? A long change")
        terminal.shows(f"its process {pid} ")
        terminal.read(CALM_S + 0.1)
        terminal.type("d")
        terminal.shows("Afterwards")

    assert [each.step for each in entries(home) if each.ev == Event.STEP_INTENT] == ["change", "after"]


def console(width: int, height: int, *options: str) -> Terminal:
    environ = {name: os.environ[name] for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    return Terminal(("-m", "perftui", *options), width, height, environ)


def begin(terminal: Terminal) -> None:
    terminal.shows("q quit")
    terminal.type("p")
    terminal.shows("fits now")
    terminal.type("/")
    terminal.type("flag-off\r")
    terminal.shows("▸ ● flag-off")
    terminal.type("\r")
    terminal.shows("Enter begins it")
    terminal.type("\r")


def go_on(terminal: Terminal) -> None:
    terminal.shows("q quit")
    terminal.type("p")
    terminal.shows("left open at")
    terminal.type("\r")
