"""The log of what was done from here to servers and load tests: one line each, without any statement's text."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from perftui.pipeline.actions import EndSession, StopLoad

NAME = "acts.jsonl"


class ActLog:
    """Appends to `acts.jsonl` in the state folder, which only the operator can read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, request: EndSession | StopLoad, outcome: str) -> None:
        """Write it in a thread of its own, since a home directory may hang; what can't be written is not kept."""
        threading.Thread(target=self.write, args=(request, outcome), name="perftui-log", daemon=True).start()

    def write(self, request: EndSession | StopLoad, outcome: str) -> None:
        line = {
            "at": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds"),
            "uid": os.getuid(),
            "sudo_user": os.environ.get("SUDO_USER"),
            **_act(request),
            "outcome": outcome,
        }
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with open(descriptor, "ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
        except OSError:
            return


def _act(request: EndSession | StopLoad) -> dict[str, object]:
    if isinstance(request, StopLoad):
        return {"verb": "stop load", "command": request.command}
    return {
        "verb": request.verb,
        "pid": request.target.pid,
        "backend_start_at": request.target.backend_start_at,
        "name": request.name,
        "override": request.override,
    }
