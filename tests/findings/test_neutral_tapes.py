"""Tapes tell nothing of the machine they were recorded on, and no rule knows the names of a drill."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import perftui
from perftui.recording.codec import encode_frame
from perftui.sources.processes import ProcessesSample
from tests.findings.tapes import TAPES, frames, machine
from tests.keep_tape import PATH

PROGRAM = Path(perftui.__file__).parent
_NAMED = (
    r'\.new\(\s*"([\w-]+)"',
    r'\bsession\([^()]*?"([\w-]+)"',
    r'\.dsn\("([\w-]+)"\)',
    r"\bcreate (?:table|role|index) (?:if not exists )?(\w+)",
    r'"(\w+)"(?:: |\] = )\{\s*"(?:url|metrics|dsn)"',
)
"""How drills name applications, databases, relations, roles, probes and pools."""
OURS = {"watch"}
"""Words of our own sentences that a drill has for a name too."""


@pytest.mark.parametrize("name", sorted(path.stem for path in TAPES.glob("*.ptape")))
def test_a_tape_tells_nothing_of_the_machine(name: str) -> None:
    known = machine(name)

    assert known.hostname in ("db-1", "shop-1")
    assert (known.system, known.boot_at) == ("Linux", None)
    for frame in frames(name):
        assert PATH.search(encode_frame(frame)) is None
        processes = frame.samples.get("processes")
        if isinstance(processes, ProcessesSample):
            assert all(row.user in ("app", "") and row.command in (row.name, "") for row in processes.rows)


def test_no_rule_knows_a_drill() -> None:
    """Renaming them proves the same by what rules do: `other names` in `test_tape_variants.py`."""
    texts = [path.read_text() for path in (PROGRAM / "drills").glob("*.py")]
    names = {name for text in texts for pattern in _NAMED for name in re.findall(pattern, text)}
    words = {
        word
        for room in ("findings", "history")
        for path in (PROGRAM / room).glob("*.py")
        for constant in constants(ast.parse(path.read_text()))
        for word in re.findall(r"[\w-]+", constant)
    }

    assert {"shop", "orders", "app", "back-office", "reports", "checkout", "bouncer"} <= names
    assert names & words <= OURS


def constants(module: ast.Module) -> Iterator[str]:
    """The strings of a module that are no docstrings."""
    documentation = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value
