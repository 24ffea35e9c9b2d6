"""The console over the stand-in, as a program: `python -m tests.tui.console [still] [ascii] [seconds=N] …`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from perftui.model.failure import UsageError
from perftui.pipeline.snapshot import Snapshot
from perftui.tui.app import run_console
from perftui.tui.options import ConsoleOptions
from tests.tui.stand_in import StandIn


def text(snapshot: Snapshot) -> str:
    return f"{snapshot.machine.hostname} {snapshot.verdict.constraint.value}\n"


def json(snapshot: Snapshot) -> bytes:
    return b'{"class": "%s"}\n' % snapshot.verdict.constraint.encode()


def options(folder: Path, ascii_only: bool = False) -> ConsoleOptions:
    return ConsoleOptions(state_dir=folder, snapshot_text=text, snapshot_json=json, ascii=ascii_only)


def main() -> int:
    words = sys.argv[1:]
    seconds = next((float(word[8:]) for word in words if word.startswith("seconds=")), 1.0)
    ticks = next((int(word[6:]) for word in words if word.startswith("ticks=")), 60)
    player = StandIn(interval_s=seconds, moving="still" not in words, ticks=ticks)
    try:
        return run_console(player, options(Path(os.environ.get("STATE_DIR", ".")), "ascii" in words))
    except UsageError as exc:
        print(f"perftui: {exc}", file=sys.stderr)
        return 64


if __name__ == "__main__":
    sys.exit(main())
