"""What a role looks like, and what a sign becomes where only ASCII can be drawn."""

from __future__ import annotations

from rich.cells import get_character_cell_size
from rich.style import Style

from perftui.tui.options import Theme
from perftui.views.model import Role

# Numbers of the fixed 256-colour cube rather than RGB: the same picture, eight bytes fewer a piece, and right in
# terminals that know 256 colours only. Plain text has no style, so it costs no bytes and keeps the terminal's own colour.
_COLOUR = {
    Role.DIM: Style(color="color(245)"),
    Role.STRONG: Style(bold=True),
    Role.TITLE: Style(color="color(153)", bold=True),
    Role.GOOD: Style(color="color(114)"),
    Role.WARNING: Style(color="color(221)", bold=True),
    Role.CRITICAL: Style(color="color(203)", bold=True),
    Role.ACCENT: Style(color="color(117)", bold=True),
    Role.FIRST: Style(color="color(75)"),
    Role.SECOND: Style(color="color(215)"),
    Role.THIRD: Style(color="color(141)"),
    Role.FOURTH: Style(color="color(79)"),
}

# Bright black would be the usual grey, but some palettes give it the background's colour.
_ANSI = {
    Role.DIM: Style(dim=True),
    Role.STRONG: Style(bold=True),
    Role.TITLE: Style(bold=True),
    Role.GOOD: Style(color="green"),
    Role.WARNING: Style(color="yellow", bold=True),
    Role.CRITICAL: Style(color="red", bold=True),
    Role.ACCENT: Style(color="cyan", bold=True),
    Role.FIRST: Style(color="cyan"),
    Role.SECOND: Style(color="yellow"),
    Role.THIRD: Style(color="magenta"),
    Role.FOURTH: Style(color="green"),
}

_NONE = {
    Role.DIM: Style(dim=True),
    Role.STRONG: Style(bold=True),
    Role.TITLE: Style(bold=True),
    Role.WARNING: Style(bold=True),
    Role.CRITICAL: Style(bold=True, reverse=True),
    Role.ACCENT: Style(bold=True),
}

_STYLES = {Theme.COLOUR: _COLOUR, Theme.ANSI: _ANSI, Theme.NONE: _NONE}


def styles(theme: Theme) -> dict[Role, Style]:
    """The style of each role; a role without one is drawn as the terminal draws plain text."""
    return _STYLES[theme]


class _AsciiSigns(dict[int, str]):
    """For `str.translate`: what is not in the table becomes question marks, as many as the sign has cells."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        replacement = sign if code < 128 else "?" * get_character_cell_size(sign)
        self[code] = replacement
        return replacement


_UNICODE = "─━│┃┌┐└┘├┤┬┴┼╭╮╰╯═║▁▂▃▄▅▆▇█░▒▓▏▎▍▌▋▊▉●○■□▲△▴▼▽▾▸▶◀◂←→↑↓↔…·•–—−×÷µμ≥≤≈±✓✗⠀°▔▕▐▀²³¹"
_ASCII = "--||+++++++++++++=|_.:-=+*#.:+|||||||*o#.!^^vvv>><<<>^v-~-*---x/uu><~+v! o-||-231"
_SIGNS = _AsciiSigns(zip(map(ord, _UNICODE), _ASCII, strict=True))
_SIGNS.update(dict.fromkeys(range(0x2801, 0x2900), "*"))  # braille dots
_SIGNS[ord("🔎")] = "> "  # before the command palette's prompt


def to_ascii(words: str) -> str:
    """The same words in the same number of cells, drawn with ASCII signs."""
    return words if words.isascii() else words.translate(_SIGNS)
