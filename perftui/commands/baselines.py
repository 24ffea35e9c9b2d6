"""Where baselines are kept: a file each in the state folder, for `perftui baseline` and for the runs of playbooks."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from perftui.commands.paths import state_dir
from perftui.model.failure import UsageError

if TYPE_CHECKING:
    from perftui.history.baseline import Baseline
    from perftui.pipeline.playbook.usual import Usual


def baseline_argument(parser: argparse.ArgumentParser) -> None:
    """Option of every command that runs playbooks."""
    parser.add_argument(
        "--baseline",
        default="",
        metavar="NAME",
        help="what baseline() and ratio() of playbooks go by (default: the newest that is kept of this host)",
    )


def folder() -> Path:
    return state_dir() / "baselines"


def check_named(name: str) -> None:
    """That a baseline that was asked for is there.

    Raises:
        UsageError: it is not, or can't be read.
    """
    if name:
        kept(name)


def kept(name: str) -> Baseline:
    """One by its name.

    Raises:
        UsageError: there is none, or it can't be read.
    """
    import msgspec

    from perftui.history.baseline import Baseline

    path = folder() / f"{name}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Baseline)
    except FileNotFoundError:
        raise UsageError(f"{name}: no such baseline; perftui baseline list shows them") from None
    except (OSError, ValueError, msgspec.DecodeError) as exc:
        raise UsageError(f"{path}: can't be read: {str(exc).lower()}") from exc


def all_kept() -> tuple[dict[str, Baseline], dict[str, str]]:
    """(baselines, why the others can't be read), each by name."""
    found: dict[str, Baseline] = {}
    troubles: dict[str, str] = {}
    for path in sorted(folder().glob("*.json")):
        try:
            found[path.stem] = kept(path.stem)
        except UsageError as exc:
            troubles[path.stem] = str(exc)
    return found, troubles


def save(baseline: Baseline) -> None:
    """Keep it under its name, in the place of an older one.

    Raises:
        OSError: it can't be written.
    """
    import msgspec

    place = folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = place / f".{baseline.name}.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(baseline))
    new.rename(place / f"{baseline.name}.json")


def usual(named: str) -> Usual:
    """What a run goes by: the named one, else the newest of this host."""
    from perftui.pipeline.playbook.usual import Usual

    found, troubles = all_kept()
    return Usual.of(found, troubles, os.uname().nodename, named, save)
