"""The command line: which command, with which options; a mistake is one line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import NoReturn

from perftui import __version__
from perftui.model.failure import UsageError


class Parser(argparse.ArgumentParser):
    """Argparse whose errors are a UsageError of one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def command_and_arguments(commands: Sequence[str], given: list[str]) -> tuple[ModuleType, argparse.Namespace]:
    """The chosen command's module and its parsed options; only that module is imported, but for --help.

    Raises:
        UsageError: an unknown command or option, or a value of the wrong kind.
    """
    name = given[0] if given and not given[0].startswith("-") else commands[0]
    if name not in commands:
        raise UsageError(f"{name!r} is no command; one of {', '.join(commands)}; see perftui --help")
    if given[:1] == ["--version"]:
        print(f"perftui {__version__}")
        raise SystemExit(0)
    if name == commands[0] and given[:1] != [name] and {"-h", "--help"} & set(given):
        _whole(commands).parse_args(given)
    module = import_module(f"perftui.commands.{name}")
    shown = "perftui" if name == commands[0] else f"perftui {name}"
    parser = Parser(prog=shown, description=module.__doc__, allow_abbrev=False)
    module.arguments(parser)
    _common(parser)
    return module, parser.parse_args(given[1:] if given[:1] == [name] else given)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="settings (default: $XDG_CONFIG_HOME/perftui/config.toml)")
    parser.add_argument("--debug", action="store_true", help="keep the traceback of a fault of ours in a file")


def _whole(commands: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of `perftui --help`: the console's options and the list of commands."""
    modules = {name: import_module(f"perftui.commands.{name}") for name in commands}
    width = max(map(len, commands))
    listed = "\n".join(
        f"  {name:<{width}}  {(module.__doc__ or '').splitlines()[0]}" for name, module in modules.items()
    )
    parser = Parser(
        prog="perftui",
        usage="perftui [COMMAND] [OPTIONS]",
        description="What this host does, which one constraint holds it back, since when and by whom.",
        epilog=f"commands (perftui COMMAND --help tells more):\n{listed}\n\n"
        "exit codes: 0 healthy, 1 warning, 2 critical, 3 unknown, 4 refused, 5 timed out, 64 usage, 70 fault, 130 interrupted",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    modules[commands[0]].arguments(parser)
    _common(parser)
    return parser


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> float:
    """Seconds in `5s`, `250ms`, `2m`, `1h`, `1d` or a plain number; an argparse type."""
    number = text.rstrip("smhd")
    unit = text[len(number) :] or "s"
    try:
        seconds = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 5s, 250ms, 2m, 1h or 1d") from None
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive duration")
    return seconds


def interval(text: str) -> float:
    """A sampling interval between half a second and a minute; an argparse type."""
    seconds = duration(text)
    if not 0.5 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f"{text!r}: an interval lies between 0.5s and 60s")
    return seconds
