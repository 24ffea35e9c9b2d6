"""One file per subcommand; the only wiring. A command's module is imported when it is asked for."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Sequence

from perftui.model.exit_code import ExitCode

COMMANDS = (
    "console",
    "demo",
    "drill",
    "snapshot",
    "record",
    "replay",
    "mark",
    "playbook",
    "report",
    "latency",
    "check",
    "baseline",
    "forecast",
    "load",
    "readings",
    "doctor",
)
"""`perftui.commands.NAME`; without a name it is the console."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code. No traceback reaches the user."""
    # Hundreds of records are made while modules are read; looking for garbage after every 700 objects is a tenth of the start.
    gc.set_threshold(20_000, 20, 20)
    given = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_output()
    try:
        if arguments is None:
            _hide_passwords(given)
        return _run(given)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    except Exception as exc:
        return _explain(exc, "--debug" in given)


def _prepare_output() -> None:
    """A closed stdout or stderr swallows what is written; a sign that its encoding lacks is written as `?`."""
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _hide_passwords(given: list[str]) -> None:
    if any(word.startswith("--dsn") for word in given):
        from perftui.commands.secret import hide_passwords

        hide_passwords(given)


def _run(given: list[str]) -> int:
    from perftui.commands.parse import command_and_arguments

    module, args = command_and_arguments(COMMANDS, given)
    code: int = module.run(args)
    sys.stdout.flush()
    return code


def _reader_gone() -> int:
    """`perftui readings | head`: the reader left, which is no fault. Python's own flush at exit must not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return ExitCode.HEALTHY


def _explain(exc: Exception, debug: bool) -> int:
    from perftui.model.failure import UsageError

    if isinstance(exc, UsageError):
        print(f"perftui: {exc}", file=sys.stderr)
        return ExitCode.USAGE
    from perftui.commands.debug import write_traceback

    where = f"; traceback in {write_traceback(exc)}" if debug else "; run again with --debug to keep a traceback"
    print(f"perftui: internal fault: {type(exc).__name__}: {exc}{where}", file=sys.stderr)
    return ExitCode.INTERNAL
