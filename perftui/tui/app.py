"""The console: follows a player, draws its snapshots, carries keys to it. Draws only; reads no file and samples nothing."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from rich.segment import Segment
from textual import events
from textual.app import App, SystemCommand
from textual.color import Color
from textual.filter import LineFilter
from textual.screen import Screen

from perftui.model.exit_code import ExitCode
from perftui.pipeline.actions import Reply, Request, StopLoad
from perftui.pipeline.player import Mode, Player, Shown
from perftui.tui import terminal
from perftui.tui.acting import acted, aged, copied_text, dialog_key, load_stopped, received
from perftui.tui.canvas import Canvas, CanvasScreen
from perftui.tui.desk_side import DeskSide
from perftui.tui.driver import ConsoleDriver
from perftui.tui.keeping import keep_in_background, keep_snapshot
from perftui.tui.keys import BY_NAME, KEYS, Action, number_sign
from perftui.tui.layout import Place
from perftui.tui.options import ConsoleOptions, Theme
from perftui.tui.running import chosen, desk_told, panel_pressed, quits, run_focused
from perftui.tui.screen import Painter
from perftui.tui.state import (
    FINDINGS,
    OVERVIEW,
    PLAYBOOKS,
    PROCESSES,
    Editing,
    Facts,
    UiState,
    opened,
    pasted,
    reduced,
    settled,
    told,
    typed,
)
from perftui.tui.theme import styles, to_ascii
from perftui.views import PANES

LIVE_GARBAGE = 1000, 10, 10
"""When garbage is looked for once the start is frozen: what is left to look at takes a millisecond, and with the threshold of
the start two megabytes of it would lie about."""
STALE_S = 3.0
STALLED_WRITES = 2
"""Writes that wait for the terminal before drawing is skipped; Textual's own queue blocks the loop at 30."""


class AsciiFilter(LineFilter):
    """For what Textual draws itself: the command palette."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(words), style, control) for words, style, control in segments]


_PLAYER: dict[Action, Callable[[Player], None]] = {
    Action.PAUSE: lambda player: player.pause_or_resume(),
    Action.EARLIER: lambda player: player.step(-1.0),
    Action.LATER: lambda player: player.step(1.0),
    Action.MINUTE_EARLIER: lambda player: player.step(-60.0),
    Action.MINUTE_LATER: lambda player: player.step(60.0),
    Action.OLDEST: lambda player: player.oldest(),
    Action.LIVE: lambda player: player.newest(),
    Action.FASTER: lambda player: player.faster(2.0),
    Action.SLOWER: lambda player: player.faster(0.5),
}


class Console(App[None]):
    """The Textual app around one canvas."""

    CSS = "CanvasScreen { overflow: hidden; } Canvas { width: 100%; height: 100%; }"

    def __init__(self, player: Player, options: ConsoleOptions, look: terminal.Look) -> None:
        super().__init__(driver_class=ConsoleDriver)
        # Its colours are the terminal's own and nothing is blended, so the palette is right in every terminal.
        self.theme = "ansi-dark"
        self.animation_level = "none"
        if look.ascii_only:
            self._filters.append(AsciiFilter())
        self._player = player
        self._options = options
        self.canvas = Canvas(styles(look.theme), look.ascii_only, self.draw)
        self._painter = Painter(PANES, plain=look.ascii_only or look.theme is Theme.NONE)
        self.state = UiState()
        self._facts = Facts()
        self._places: tuple[Place, ...] = ()
        self._newest: Shown | None = None
        self._newest_at = 0.0
        self._note = ""
        self._called = False
        self._skipped = False
        self._side = DeskSide(options.playbooks, self._on_ui, self._desk_told)
        self._ui: tuple[asyncio.AbstractEventLoop, contextvars.Context] | None = None
        self.ended_by = ExitCode.HEALTHY

    def publish(self, shown: Shown) -> None:
        """Take the newest picture, from any thread; the one before is forgotten if it was not drawn yet, but for its note."""
        self._newest = shown
        self._note = shown.note or self._note
        if self._ui is not None and not self._called:
            self._called = True
            self._on_ui(self._take)

    def _on_ui(self, call: Callable[[], None]) -> None:
        """Run on the UI loop, from any thread, in Textual's context."""
        if self._ui is None:
            return
        loop, context = self._ui
        with suppress(RuntimeError):  # the loop has ended, and the screen with it
            loop.call_soon_threadsafe(self._guarded, call, context=context)

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            self._handle_exception(error)

    def _fatal_error(self) -> None:
        """Our own fault. Textual would print a traceback with all variables here; `run_console` raises it instead."""
        self._close_messages_no_wait()

    @property
    def fault(self) -> Exception | None:
        return self._exception

    def get_default_screen(self) -> Screen[None]:
        return CanvasScreen(self.canvas, self._pressed, self.draw)

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        self._ui = loop, contextvars.copy_context()
        if not self.is_headless:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                loop.add_signal_handler(number, self.end, ExitCode.INTERRUPTED)
            terminal.watch_hangup(lambda: self._on_ui(partial(self.end, ExitCode.INTERRUPTED)))
        self.app_resume_signal.subscribe(self, lambda _: self._redraw())
        self.set_interval(1.0, self._check_age)
        self._take()

    def on_ready(self) -> None:
        gc.freeze()
        gc.set_threshold(*LIVE_GARBAGE)
        gc.enable()

    def end(self, code: ExitCode) -> None:
        self.ended_by = code
        self.exit()

    def _take(self) -> None:
        self._called = False
        self._newest_at = self._now()
        if self._note:
            # The player tells it with one picture, which may be gone within the same second.
            self.state, self._note = told(self.state, self._note), ""
        self.draw()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _age(self) -> float | None:
        """How long a feed that runs has given nothing; None while it is in time."""
        age = self._now() - self._newest_at
        running = self._newest is not None and self._newest.mode in (Mode.LIVE, Mode.PLAYING)
        return age if running and age > STALE_S else None

    def _check_age(self) -> None:
        if self._newest is None and self._player.failure is not None:
            self.end(ExitCode.INTERNAL)  # nothing will ever be shown; the command tells why
        if self._skipped or self._age() is not None:
            self.draw()

    def draw(self) -> None:
        """Draw what is newest, unless the terminal does not keep up or the command palette lies over it."""
        if self.return_code is not None:
            return  # a picture can come while the app ends, when there is no screen any more
        self._skipped = self._stalled()
        if self._skipped or not isinstance(self.screen, CanvasScreen):
            return
        width, height = self.canvas.size
        if width < 1 or height < 1:
            return
        if self._newest is not None:
            self.state = aged(self.state, self._newest.newest_at)
        drawn = self._painter.draw(self._newest, self.state, width, height, self._age(), self._side.view)
        self._facts, self._places = drawn.facts, drawn.places
        self.state = settled(self.state, drawn.facts)
        self.canvas.show(drawn.lines, width)

    def _redraw(self) -> None:
        """Send every cell again: somebody else may have written over the screen."""
        self.screen.refresh()
        self.canvas.refresh()

    def _stalled(self) -> bool:
        return isinstance(self._driver, ConsoleDriver) and self._driver.waiting_writes() > STALLED_WRITES

    def _pressed(self, event: events.Key) -> None:
        if self.state.dialog is not None:
            self._go_on(dialog_key(self.state, self.state.dialog, event.key, event.character))
        elif self.state.edit is not None:
            self._type(event.key, event.character)
        elif self._panel_pressed(event.key, event.character):
            return
        elif event.key in BY_NAME:
            self.do(BY_NAME[event.key], event.key)

    def _panel_pressed(self, key: str, character: str | None) -> bool:
        """Whether the panel of a run took the key."""
        state, told, taken = panel_pressed(self.state, self._side.sitting, key, character, self._now())
        if taken:
            self._become(state)
        if told is not None:
            self._side.tell(told)
        return taken

    def _desk_told(self) -> None:
        """The desk has something new: another question, a step that moved, a list."""
        self._become(desk_told(self.state, self._side.view, self._now()))
        page = self._side.new_page()
        if page:
            self.copy_to_clipboard(page)

    def on_paste(self, event: events.Paste) -> None:
        self._become(pasted(self.state, event.text))

    def _type(self, key: str, character: str | None) -> None:
        edit = self.state.edit
        if edit is not None and edit.what is Editing.MARK and key == "enter" and edit.text.strip():
            self._player.mark(edit.text.strip())
        self._become(typed(self.state, key, character))

    def do(self, action: Action, key: str = "") -> None:
        """Carry out an action, from a key or from the command palette."""
        if action in _PLAYER:
            _PLAYER[action](self._player)
        match action:
            case Action.QUIT:
                self.state, ends = quits(self.state, self._side.running)
                self.end(ExitCode.HEALTHY) if ends else self.draw()
            case Action.PANEL:
                self._become(run_focused(self.state, self._side.sitting, not self.state.panel.focus))
            case Action.PLAYBOOKS if self._side.sitting is not None:
                self._become(run_focused(self.state, self._side.sitting, True))
            case Action.PLAYBOOKS:
                self._list_playbooks()
            case Action.ZOOM if self.state.view == PLAYBOOKS:
                self._become(chosen(self.state, self._side, self._facts))
            case Action.SUSPEND:
                self.action_suspend_process()
            case Action.PALETTE:
                self.action_command_palette()
            case Action.COPY:
                self._copy()
            case Action.CANCEL | Action.TERMINATE | Action.EXPLAIN | Action.ANALYZE | Action.LITERALS:
                self._act(action)
            case Action.STOP_LOAD if self._newest is not None:
                live = self._options.actions is not None
                self._become(load_stopped(self.state, self._newest, self._options.generator, live))
            case Action.ZOOM if self.state.view not in (OVERVIEW, FINDINGS) and self.state.opened is None:
                self._act(action)
            case Action.REDRAW:
                self._redraw()
            case _:
                self._become(reduced(self.state, action, self._facts, key))

    def _list_playbooks(self) -> None:
        if not self._side.there:
            self._become(told(self.state, "there are no playbooks here"))
            return
        self._become(opened(self.state, PLAYBOOKS))
        self._side.look(self._newest.snapshot if self._newest is not None else None)

    def _act(self, action: Action) -> None:
        if self._newest is not None:
            self._go_on(acted(self.state, action, self._newest, self._options.actions, self._facts))

    def _go_on(self, step: tuple[UiState, Request | None]) -> None:
        state, request = step
        self._become(state)

        def answered(reply: Reply) -> None:
            # It comes from the thread that samples, by a message that this loop takes when it comes.
            self._on_ui(lambda: self._become(received(self.state, reply)))

        if isinstance(request, StopLoad):
            if self._options.generator is not None:
                self._options.generator.ask(request, answered)
        elif request is not None and self._options.actions is not None:
            self._options.actions.ask(request, answered)

    def _become(self, state: UiState) -> None:
        if (state.view == PROCESSES) != (self.state.view == PROCESSES):
            self._player.want_all_processes(state.view == PROCESSES)
        self.state = state
        self.draw()

    def _copy(self) -> None:
        if self._newest is None or self._stalled():
            return
        chosen = copied_text(self.state, self._newest, self._facts)
        if chosen:
            self.copy_to_clipboard(chosen)
            text = self.state.opened or self.state.finding
            self._become(told(self.state, "copied: the text" if text else "copied: the chosen row"))
            return
        snapshot = self._newest.snapshot
        text = self._options.snapshot_text(snapshot)
        self.copy_to_clipboard(text)
        keep = partial(keep_snapshot, snapshot, text, self._options.snapshot_json, self._options.state_dir)
        keep_in_background(keep, lambda words: self._on_ui(lambda: self._become(told(self.state, words))))

    def _open(self, pane: str) -> None:
        self._become(opened(self.state, pane))

    def on_click(self, event: events.Click) -> None:
        for place in self._places:
            if place.x <= event.x < place.x + place.width and place.y <= event.y < place.y + place.height:
                self._open(place.key)

    def on_mouse_scroll_down(self) -> None:
        self.do(Action.DOWN)

    def on_mouse_scroll_up(self) -> None:
        self.do(Action.UP)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The command palette: every action of the table of keys, each pane by its name."""
        titles = {kind.key: kind.title for kind in PANES}
        for number, pane in enumerate(self._facts.panes, start=1):
            yield SystemCommand(
                f"Zoom {titles[pane]}",
                f"key {number_sign(number)}" if number_sign(number) else "",
                partial(self._open, pane),
            )
        for key in KEYS:
            if key.action not in (Action.ZOOM_NUMBER, Action.PALETTE):
                yield SystemCommand(
                    key.words[:1].upper() + key.words[1:], f"key {key.sign}", partial(self.do, key.action)
                )


def run_console(player: Player, options: ConsoleOptions) -> ExitCode:
    """Show the player's snapshots until the operator quits or the terminal goes away.

    Raises:
        UsageError: where there is no terminal to draw on.
    """
    terminal.require()
    look = terminal.look(options.theme, options.ascii, os.environ, sys.stderr.encoding)
    terminal.prepare(os.environ, look.theme)
    sys.setswitchinterval(0.0005)  # a key waits for the sampling thread at most that long
    console = Console(player, options, look)
    player.start(console.publish)
    try:
        console.run(mouse=options.mouse)
    finally:
        player.stop()
        terminal.forget_lost_output()
    if console.fault is not None:
        raise console.fault
    return console.ended_by
