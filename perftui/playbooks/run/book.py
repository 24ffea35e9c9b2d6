"""A playbook with all that it uses, as a run needs it: from the shelf, or from the copies that a run kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from perftui.model.failure import UsageError
from perftui.playbooks.complaint import InvalidPlaybook, nearest
from perftui.playbooks.load import Loaded, draft, walk
from perftui.playbooks.run.state import Book
from perftui.playbooks.run_folder import PLAYBOOK
from perftui.playbooks.shelf import Shelf
from perftui.playbooks.steps import kind_of


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A book with the exact text of each of its playbooks."""

    book: Book
    texts: Mapping[str, bytes]
    sha256: str
    """Of the main one's text."""


def bound(main: Loaded, shelf: Shelf) -> Bound:
    """The playbook with everything that it may use, however deep.

    Raises:
        UsageError: it uses one that is not there, or can't be used.
    """
    found: dict[str, Loaded] = {str(main.playbook.id): main}
    left = [main]
    while left:
        loaded = left.pop()
        for name in _used(loaded):
            if name in found:
                continue
            shelved = shelf.playbooks.get(name)
            if shelved is None or shelved.loaded is None:
                reason = shelved.reason if shelved is not None else "there is none of that name"
                raise UsageError(f"{loaded.file}: it uses {name}: {reason}")
            found[name] = shelved.loaded
            left.append(shelved.loaded)
    return _bound(str(main.playbook.id), found, main.sha256)


def kept(folder: Path) -> Bound:
    """The book of a run that was left, from the copies in its folder: what happened to the files since does not matter.

    Raises:
        UsageError: the copies are not there or can't be read.
    """
    found: dict[str, Loaded] = {}
    main = ""
    for path in sorted(folder.glob("*.yaml")):
        made = draft(path.read_bytes(), str(path))
        if made.loaded is None or made.complaints:
            raise InvalidPlaybook(made.complaints)
        name = str(made.loaded.playbook.id)
        found[name] = made.loaded
        main = name if path.name == PLAYBOOK else main
    if not main:
        raise UsageError(f"{folder}: there is no copy of the playbook, so the run can't be resumed")
    return _bound(main, found, found[main].sha256)


def check_values(book: Book, given: Iterable[str]) -> None:
    """That each value is for an input of one of the playbooks: one that nobody takes would leave a default in its place.

    Raises:
        UsageError: one is not.
    """
    known: set[str] = set()
    for playbook in book.playbooks.values():
        known |= set(map(str, playbook.vars))
        for _, step in walk(playbook):
            known |= {name for _, name, _ in kind_of(step.do).inputs(step.do)}
    for name in given:
        if name not in known:
            raise UsageError(
                f"--var {name}: {book.main} has no such input; {nearest(name, known) or 'perftui playbook plan lists them'}"
            )


def _bound(main: str, found: Mapping[str, Loaded], sha256: str) -> Bound:
    book = Book(main, {name: loaded.playbook for name, loaded in found.items()})
    return Bound(book=book, texts={name: loaded.text.encode() for name, loaded in found.items()}, sha256=sha256)


def _used(loaded: Loaded) -> Iterator[str]:
    for _, step in walk(loaded.playbook):
        for way in kind_of(step.do).ways(step.do):
            if way.use is not None:
                yield str(way.use)
