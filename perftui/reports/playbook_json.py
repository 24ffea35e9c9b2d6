"""Playbooks as JSON: the shelf, one playbook as it was written, its plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from perftui.playbooks.checks.declarations import overdue
from perftui.playbooks.load import Loaded
from perftui.playbooks.plan import Plan
from perftui.playbooks.shelf import Shelved
from perftui.playbooks.yaml_tree import plain, read


def shelf_json(shelved: Sequence[Shelved], today: date) -> bytes:
    return _formatted([_entry(each, today) for each in shelved])


def playbook_json(loaded: Loaded, today: date) -> bytes:
    """The document in the words of its file, and beside it where it came from."""
    root, _ = read(loaded.text)
    assert root is not None
    return _formatted({**_origin(loaded, today), "playbook": plain(root)})


def plan_json(plan: Plan) -> bytes:
    return _formatted(plan)


def _entry(each: Shelved, today: date) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": each.id,
        "path": str(each.path),
        "origin": each.origin,
        "problem": each.reason or None,
    }
    if each.loaded is None:
        return entry
    playbook = each.loaded.playbook
    return {
        **entry,
        **_origin(each.loaded, today),
        "title": playbook.title,
        "summary": playbook.summary,
        "tags": playbook.tags,
        "suggests_for": playbook.suggests_for,
    }


def _origin(loaded: Loaded, today: date) -> dict[str, Any]:
    playbook = loaded.playbook
    due = overdue(playbook.reviewed, playbook.review_every_s, today)
    return {
        "file": loaded.file,
        "sha256": loaded.sha256,
        "reviewed": playbook.reviewed,
        "stale": due is not None,
        "changed_since_review": loaded.changed_since_review,
    }


def _formatted(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=_base), indent=1)


def _base(value: Any) -> str | float:
    """Values of the format are texts and numbers of a class of their own."""
    return str(value) if isinstance(value, str) else float(value)
