"""From `--abort` to the run that ends a load test: the generator's own stop command, an argument list and no shell."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from perftui.model.failure import SourceError, UsageError

if TYPE_CHECKING:
    from perftui.pipeline.actions import Stopped

_STOP_S = 30.0
_SHELL = re.compile(r"[;|&]+|\d?[<>].*|.+;|.*(?:\$[A-Za-z_({]|`).*")
"""Words that only a shell would make something of."""


def abort_argument(parser: argparse.ArgumentParser, words: str) -> None:
    """Option of the commands that can end a load test.

    Args:
        words: when it is run.
    """
    parser.add_argument("--abort", metavar="COMMAND", help=f'{words}, without a shell: "kill -TERM 4242"')


def stop_command(args: argparse.Namespace) -> tuple[str, ...]:
    """The argument list, its program with its whole path; empty where none was named.

    Raises:
        UsageError: it can't be run as it stands: better now than when the test must end.
    """
    import shlex
    import shutil

    command: str | None = args.abort
    if command is None:
        return ()
    if not args.load:
        raise UsageError("--abort: expected --load FEED, the test that it ends")
    try:
        words = shlex.split(command)
    except ValueError as exc:
        raise UsageError(f"--abort {command!r}: {str(exc).lower()}") from exc
    if not words:
        raise UsageError("--abort: it is empty; expected a command, as 'kill -TERM 4242'")
    shell = next((word for word in words if _SHELL.fullmatch(word)), None)
    if shell is not None:
        raise UsageError(f"--abort {command!r}: no shell runs it, and {shell!r} needs one; name a script")
    program = shutil.which(words[0])
    if program is None:
        raise UsageError(f"--abort {command!r}: {words[0]} is no program in PATH; name its whole path")
    return (str(Path(program).absolute()), *words[1:])


async def run_stop(argv: tuple[str, ...]) -> Stopped:
    """Run it to its end, with the environment and in the folder that perftui was started in."""
    import shlex

    from perftui.clients.program import run_program
    from perftui.pipeline.actions import Stopped
    from perftui.sources.text import printable_bytes

    command = shlex.join(argv)
    try:
        ended = await run_program(list(argv), env=os.environ, timeout_s=_STOP_S, folder=str(Path.cwd()))
    except (SourceError, OSError) as exc:
        return Stopped(worked=False, words=f"did not run {command}: {exc}")
    lines = (ended.tail or ended.head).strip().splitlines()
    said = f": {printable_bytes(lines[-1], 120)}" if lines else ""
    if ended.timed_out:
        return Stopped(worked=False, words=f"ran {command}: no end after {_STOP_S:.0f} s{said}")
    end = f"exit code {ended.code}" if ended.code is not None else f"ended by signal {ended.signal}"
    return Stopped(worked=ended.code == 0, words=f"ran {command}: {end}{said}")
