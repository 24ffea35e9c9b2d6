"""From flags and settings to the screen's options."""

from __future__ import annotations

import argparse

from perftui.commands.config import Config
from perftui.commands.paths import state_dir
from perftui.pipeline.actions import Actions, Generator
from perftui.pipeline.snapshot import Snapshot
from perftui.tui.desk_side import MakeDesk
from perftui.tui.options import ConsoleOptions, Theme


def options(
    args: argparse.Namespace,
    config: Config,
    playbooks: MakeDesk,
    actions: Actions | None = None,
    generator: Generator | None = None,
) -> ConsoleOptions:
    """Flags win over the config; `auto` leaves the choice to what the terminal can do."""
    theme = args.theme or config.theme
    return ConsoleOptions(
        state_dir=state_dir(),
        snapshot_text=_text,
        snapshot_json=_json,
        actions=actions,
        generator=generator,
        playbooks=playbooks,
        theme=None if theme == "auto" else Theme(theme),
        ascii=config.ascii if args.ascii is None else args.ascii,
        mouse=config.mouse if args.mouse is None else args.mouse,
    )


def _text(snapshot: Snapshot) -> str:
    from perftui.reports.text import snapshot_text

    return snapshot_text(snapshot)


def _json(snapshot: Snapshot) -> bytes:
    from perftui.reports.json import snapshot_json

    return snapshot_json(snapshot)
