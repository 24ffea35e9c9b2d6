"""`y`: the snapshot in a text and a JSON file that only the operator can read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from perftui.pipeline.snapshot import Snapshot


def keep_snapshot(snapshot: Snapshot, text: str, json: Callable[[Snapshot], bytes], folder: Path) -> str:
    """Write `snapshot-<UTC>.txt` and `.json`; one line that says where, or why not."""
    stem = folder / f"snapshot-{datetime.fromtimestamp(snapshot.at, UTC):%Y%m%dT%H%M%SZ}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(stem.with_suffix(".txt"), text.encode())
        _write(stem.with_suffix(".json"), json(snapshot))
    except OSError as exc:
        return f"copied; not written: {exc.strerror or exc} in {_brief(folder)}"
    return f"copied; written to {_brief(stem)}.txt, .json"


def _brief(path: Path) -> str:
    """As the operator would type it: with `~`, since the whole of it should fit into the footer of 80 columns."""
    home = Path("~").expanduser()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def keep_in_background(work: Callable[[], str], told: Callable[[str], None]) -> None:
    """Do the work in a thread of its own, since a home directory may hang; then tell what came of it."""
    threading.Thread(target=lambda: told(work()), name="perftui-keep", daemon=True).start()


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
