"""A playbook's file as records, with the place of every value."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

from perftui.playbooks.complaint import Complaint, InvalidPlaybook
from perftui.playbooks.document import Playbook, Step
from perftui.playbooks.shape import BROKEN, Shaper, Where
from perftui.playbooks.steps import kind_of
from perftui.playbooks.trust import read_trusted
from perftui.playbooks.yaml_tree import LIMIT_BYTES, Misplaced, Node, read

MOST_STEPS, DEEPEST = 200, 6
_REVIEW_LINE = re.compile(r"^(reviewed|reviewed_hash|review_every):.*\n?", re.MULTILINE)


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """One playbook with where it came from."""

    playbook: Playbook
    file: str
    text: str
    sha256: str
    places: dict[Where, tuple[int, int, bool]]
    """Where each value stands: line and column from 1, and whether it is a text on that one line."""

    @property
    def changed_since_review(self) -> bool:
        """Its text is not the one that was reviewed; false also where nothing tells which one that was."""
        return self.playbook.reviewed_hash not in ("", self.review_hash)

    @property
    def review_hash(self) -> str:
        """Of its text without the lines that tell of the review."""
        return hashlib.sha256(_REVIEW_LINE.sub("", self.text).encode()).hexdigest()[:12]

    def complaint(
        self, where: Where, what: str, right: str = "", *, offset: int = 0, warning: bool = False
    ) -> Complaint:
        """A complaint at a value, or at what it would stand in; `offset` counts characters into it."""
        near = where
        while near and near not in self.places:
            near = near[:-1]
        line, column, inline = self.places.get(near, (1, 1, False))
        if inline and near == where:
            column += offset
        return Complaint(file=self.file, line=line, column=column, what=what, right=right, warning=warning)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What could be made of a file."""

    loaded: Loaded | None
    """None where it has no usable shape; with complaints it may lack the parts that they name."""
    complaints: tuple[Complaint, ...]
    broken_steps: frozenset[str] = frozenset()
    """Ids of steps that are there and could not be made."""


def load(path: Path) -> Loaded:
    """The playbook of a file that has the right shape; what its parts mean to each other is for `lint`.

    Raises:
        UsageError: it can't be read, or is not trusted.
        InvalidPlaybook: with all that is wrong.
    """
    draft = draft_of_file(path)
    if draft.loaded is None or draft.complaints:
        raise InvalidPlaybook(draft.complaints)
    return draft.loaded


def draft_of_file(path: Path) -> Draft:
    """As `draft`, of a file.

    Raises:
        UsageError: it can't be read, or is not trusted.
    """
    return draft(read_trusted(path, LIMIT_BYTES), str(path))


def draft(content: bytes, file: str) -> Draft:
    """What can be made of a playbook's text, and all that is wrong with its shape."""

    def told(problems: list[Misplaced]) -> tuple[Complaint, ...]:
        made = (Complaint(file=file, line=p.line, column=p.column, what=p.what, right=p.right) for p in problems)
        return tuple(sorted(made, key=lambda complaint: (complaint.line, complaint.column)))

    if len(content) > LIMIT_BYTES:
        too_long = Misplaced(1, 1, f"the file is longer than {LIMIT_BYTES // 1024} KiB", "split it with `use`")
        return Draft(loaded=None, complaints=told([too_long]))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        return Draft(loaded=None, complaints=told([Misplaced(line, 1, "not UTF-8", "save it as UTF-8")]))
    root, problems = read(text)
    if root is None:
        return Draft(loaded=None, complaints=told(problems))
    shaper = Shaper()
    playbook = shaper.make(root, Playbook, ())
    problems += shaper.problems
    if playbook is BROKEN:
        return Draft(loaded=None, complaints=told(problems))
    loaded = Loaded(
        playbook=playbook, file=file, text=text, sha256=hashlib.sha256(content).hexdigest(), places=shaper.places
    )
    steps = list(walk(playbook))
    if len(steps) > MOST_STEPS:
        problems.append(Misplaced(1, 1, f"{len(steps)} steps, more than {MOST_STEPS}", "split it with `use`"))
    for where, _ in steps:
        if depth(where) > DEEPEST:
            line, column, _ = shaper.places[where]
            problems.append(Misplaced(line, column, f"steps nested more than {DEEPEST} deep", "split it with `use`"))
    made = {str(step.id) for _, step in steps}
    return Draft(loaded=loaded, complaints=told(problems), broken_steps=frozenset(_written_ids(root) - made))


def walk(playbook: Playbook) -> Iterator[tuple[Where, Step]]:
    """Every step with where it stands, in the order of the text; `finally` last."""
    for name, steps in (("steps", playbook.steps), ("finally", playbook.finally_)):
        for number, step in enumerate(steps):
            yield from walk_step((name, number), step)


def walk_step(where: Where, step: Step) -> Iterator[tuple[Where, Step]]:
    """A step and the steps inside of it."""
    yield where, step
    kind = kind_of(step.do)
    for way in kind.ways(step.do):
        for number, inner in enumerate(way.steps):
            yield from walk_step((*where, kind.name, *way.place, "steps", number), inner)


def depth(where: Where) -> int:
    """1 for a step of the document itself, 2 for a step inside of it."""
    return sum(word in ("steps", "finally") and isinstance(after, int) for word, after in pairwise(where))


def _written_ids(root: Node) -> set[str]:
    """The ids of all steps that the text has, whether they could be made or not."""
    lists = [node for key, node in (root.values or {}).items() if key in ("steps", "finally")]
    return set().union(*map(_ids, lists))


def _ids(node: Node) -> set[str]:
    """Every `id` below a node."""
    found: set[str] = set()
    for inner in [*(node.items or ()), *(node.values or {}).values()]:
        found |= _ids(inner)
    given = (node.values or {}).get("id")
    return found | ({given.raw} if given is not None and given.raw else set())
