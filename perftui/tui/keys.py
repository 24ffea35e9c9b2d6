"""The one table of keys: what is pressed, what it does, and the words for it in the footer, in `?` and in the palette."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Action(StrEnum):
    ZOOM = "zoom"
    ZOOM_NUMBER = "zoom_number"
    BACK = "back"
    PAUSE = "pause"
    EARLIER = "earlier"
    LATER = "later"
    MINUTE_EARLIER = "minute_earlier"
    MINUTE_LATER = "minute_later"
    OLDEST = "oldest"
    LIVE = "live"
    FASTER = "faster"
    SLOWER = "slower"
    FILTER = "filter"
    SORT = "sort"
    REVERSE = "reverse"
    TURN = "turn"
    FINDINGS = "findings"
    SOURCES = "sources"
    COPY = "copy"
    CANCEL = "cancel"
    TERMINATE = "terminate"
    EXPLAIN = "explain"
    ANALYZE = "analyze"
    LITERALS = "literals"
    STOP_LOAD = "stop_load"
    MARK = "mark"
    PLAYBOOKS = "playbooks"
    PANEL = "panel"
    SHORTER_SPAN = "shorter_span"
    LONGER_SPAN = "longer_span"
    UP = "up"
    DOWN = "down"
    PAGE_UP = "page_up"
    PAGE_DOWN = "page_down"
    TOP = "top"
    BOTTOM = "bottom"
    HELP = "help"
    PALETTE = "palette"
    REDRAW = "redraw"
    SUSPEND = "suspend"
    QUIT = "quit"


class Key(msgspec.Struct, frozen=True):
    names: tuple[str, ...]
    """As Textual calls them."""
    sign: str
    """As the operator reads them."""
    action: Action
    words: str
    hint: str = ""
    """Short words for the footer; empty where the key is not told there."""


KEYS = (
    Key(tuple("1234567890"), "1-9 0", Action.ZOOM_NUMBER, "zoom the pane with that number", "zoom"),
    Key(
        ("enter",),
        "Enter",
        Action.ZOOM,
        "zoom the chosen pane, or the one a finding points at; in a zoom: all about the chosen statement, session or finding",
        "open",
    ),
    Key(
        ("p",),
        "p",
        Action.PLAYBOOKS,
        "playbooks: what fits now, what was left open, all; Enter shows one, Enter again begins it",
        "playbooks",
    ),
    Key(("tab",), "Tab", Action.PANEL, "to the panel of the run that is open, and back to the panes", "run"),
    Key(
        ("escape", "backspace"),
        "Esc",
        Action.BACK,
        "back: from a page to its list, from there to the overview; drops a filter first",
        "back",
    ),
    Key(("space",), "space", Action.PAUSE, "pause and resume; sampling goes on", "pause"),
    Key(("left",), "←", Action.EARLIER, "one second back in time", "time"),
    Key(("right",), "→", Action.LATER, "one second forward in time"),
    Key(("shift+left", "comma"), "Shift+← ,", Action.MINUTE_EARLIER, "one minute back in time"),
    Key(("shift+right", "full_stop"), "Shift+→ .", Action.MINUTE_LATER, "one minute forward in time"),
    Key(("home",), "Home", Action.OLDEST, "the oldest moment kept"),
    Key(("end",), "End", Action.LIVE, "back to live, or to the tape's end"),
    Key(("plus", "equals_sign"), "+", Action.FASTER, "replay twice as fast"),
    Key(("minus",), "-", Action.SLOWER, "replay half as fast"),
    Key(("slash",), "/", Action.FILTER, "filter the table: type, Enter keeps it, Esc drops it", "filter"),
    Key(("s",), "s", Action.SORT, "sort by the next column", "sort"),
    Key(("S", "shift+s"), "S", Action.REVERSE, "turn the sort order around"),
    Key(("t",), "t", Action.TURN, "processes as a tree, statements as what runs now; and back", "turn"),
    Key(
        ("f",),
        "f",
        Action.FINDINGS,
        "all findings from cause to symptom (Enter: the evidence, and why), and the verdicts so far",
        "findings",
    ),
    Key(("i",), "i", Action.SOURCES, "the sources: what is read, how old, what failed", "sources"),
    Key(("e",), "e", Action.EXPLAIN, "explain the chosen statement: its plan, nothing is run", "explain"),
    Key(
        ("E", "shift+e"),
        "E",
        Action.ANALYZE,
        "EXPLAIN ANALYZE of the opened statement, after a typed word (--allow-changes)",
    ),
    Key(("u",), "u", Action.LITERALS, "literals in the opened statement's text, and masked again", "literals"),
    Key(("c",), "c", Action.CANCEL, "cancel the statement of the chosen session (--allow-changes)", "cancel"),
    Key(
        ("k",), "k", Action.TERMINATE, "terminate the chosen session, after a typed line (--allow-changes)", "terminate"
    ),
    Key(
        ("a",),
        "a",
        Action.STOP_LOAD,
        "end the load test with the command of --abort, after a typed word",
        "stop the load",
    ),
    Key(
        ("y",),
        "y",
        Action.COPY,
        "copy the chosen row or the opened text; on the overview the snapshot, into a file too (OSC 52)",
        "copy",
    ),
    Key(
        ("m",),
        "m",
        Action.MARK,
        "put a mark on the time axis: type its text, Enter; Tab: the phases of a load test",
        "mark",
    ),
    Key(("left_square_bracket",), "[", Action.SHORTER_SPAN, "the chart covers less time"),
    Key(("right_square_bracket",), "]", Action.LONGER_SPAN, "the chart covers more time"),
    Key(("up",), "↑", Action.UP, "one row up; on the overview: the pane before"),
    Key(("down",), "↓", Action.DOWN, "one row down; on the overview: the pane after"),
    Key(("pageup",), "PgUp", Action.PAGE_UP, "one page up"),
    Key(("pagedown",), "PgDn", Action.PAGE_DOWN, "one page down"),
    Key(("g",), "g", Action.TOP, "the first row"),
    Key(("G", "shift+g"), "G", Action.BOTTOM, "the last row"),
    Key(("question_mark",), "?", Action.HELP, "this help", "help"),
    Key(("ctrl+p",), "Ctrl+P", Action.PALETTE, "find a command by its words"),
    Key(("r",), "r", Action.REDRAW, "draw the whole screen again"),
    Key(("ctrl+z",), "Ctrl+Z", Action.SUSPEND, "suspend to the shell; fg comes back"),
    Key(("q", "ctrl+c"), "q", Action.QUIT, "quit", "quit"),
)

BY_NAME: dict[str, Action] = {name: key.action for key in KEYS for name in key.names}


def number_sign(number: int) -> str:
    """The key that zooms the pane of this number: 0 is the tenth's, and those after it have none."""
    return str(number % 10) if number <= 10 else ""
