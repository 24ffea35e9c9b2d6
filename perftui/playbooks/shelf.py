"""The playbooks there are: the program's own, the user's, and those of named folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from perftui.model.failure import UsageError
from perftui.playbooks.complaint import Complaint, InvalidPlaybook, nearest
from perftui.playbooks.document import Playbook
from perftui.playbooks.load import Draft, Loaded, draft_of_file
from perftui.playbooks.trust import distrust, shipped_folder, user_folder


class Shelved(msgspec.Struct, frozen=True, kw_only=True):
    """One playbook's file."""

    id: str
    """By its file's name, which its id must agree with."""
    path: Path
    origin: str
    """shipped, yours, or the folder that was named."""
    draft: Draft | None
    """None where it can't be read or is not trusted."""
    reason: str = ""
    """Why it can't be used, in one line; empty where it can."""

    @property
    def loaded(self) -> Loaded | None:
        """None where anything is wrong with its shape."""
        return self.draft.loaded if self.draft is not None and not self.reason else None


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. Of two playbooks of one id the more personal one holds: named folder, yours, shipped."""

    playbooks: dict[str, Shelved]
    reasons: tuple[str, ...]
    """Why folders were left out, each in one line."""

    def by_id(self) -> dict[str, Playbook]:
        """Those that have the right shape."""
        return {name: each.loaded.playbook for name, each in self.playbooks.items() if each.loaded is not None}


def shelf(folders: Sequence[Path] = ()) -> Shelf:
    """Read all playbooks there are.

    Args:
        folders: Named by the user, the last one the most personal.
    """
    places = [(shipped_folder(), "shipped"), (user_folder(), "yours"), *((each, str(each)) for each in folders)]
    found: dict[str, Shelved] = {}
    reasons = []
    for folder, origin in places:
        if origin in ("shipped", "yours") and not folder.is_dir():
            continue
        reason = distrust(folder)
        if reason:
            reasons.append(reason)
            continue
        for path in sorted(folder.glob("*.yaml")):
            found[path.stem] = _shelved(path, origin)
    return Shelf(playbooks=dict(sorted(found.items())), reasons=tuple(reasons))


def _shelved(path: Path, origin: str) -> Shelved:
    try:
        draft = draft_of_file(path)
    except UsageError as exc:
        return Shelved(id=path.stem, path=path, origin=origin, draft=None, reason=str(exc))
    reason = str(draft.complaints[0]) if draft.complaints else ""
    if not reason and draft.loaded is not None and draft.loaded.playbook.id != path.stem:
        reason = str(misnamed(draft.loaded, path))
    return Shelved(id=path.stem, path=path, origin=origin, draft=draft, reason=reason)


def misnamed(loaded: Loaded, path: Path) -> Complaint:
    """A playbook is found by its file's name."""
    return loaded.complaint(("id",), f"the id {loaded.playbook.id} is not the file's name", f"write id: {path.stem}")


def find(name: str, folders: Sequence[Path] = ()) -> tuple[Path, Shelf]:
    """The file of an id or a path, and the shelf it stands on.

    Raises:
        UsageError: there is none of that name.
    """
    known = shelf(folders)
    if "/" in name or name.endswith((".yaml", ".yml")):
        return Path(name), known
    if name not in known.playbooks:
        raise UsageError(f"no playbook {name!r}; {nearest(name, set(known.playbooks)) or 'see perftui playbook list'}")
    return known.playbooks[name].path, known


def load_named(name: str, folders: Sequence[Path] = ()) -> tuple[Loaded, Shelf]:
    """The playbook of an id or a path, of the right shape.

    Raises:
        UsageError: there is none, or it is not trusted.
        InvalidPlaybook: with all that is wrong with its shape.
    """
    path, known = find(name, folders)
    draft = draft_of_file(path)
    if draft.loaded is None or draft.complaints:
        raise InvalidPlaybook(draft.complaints)
    return draft.loaded, known
