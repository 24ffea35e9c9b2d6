"""Where perftui keeps things: only below the user's own configuration and state folders."""

from __future__ import annotations

import os
from pathlib import Path


def config_file() -> Path:
    """$PERFTUI_CONFIG, else $XDG_CONFIG_HOME/perftui/config.toml."""
    named = os.environ.get("PERFTUI_CONFIG")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "perftui" / "config.toml"


def state_dir() -> Path:
    """$XDG_STATE_HOME/perftui; made with mode 0700 by whoever writes into it."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "perftui"
