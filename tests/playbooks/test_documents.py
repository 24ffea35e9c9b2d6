"""docs/playbooks.md: every example is linted, every kind, field and function is named."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from perftui.playbooks.conditions.functions import FUNCTIONS
from perftui.playbooks.document import Playbook, Step, Var
from perftui.playbooks.shape import fields
from perftui.playbooks.shelf import shelf
from perftui.playbooks.steps import KINDS
from tests.playbooks.shelf import text
from tests.playbooks.test_lint import told

PAGE = (Path(__file__).parents[2] / "docs" / "playbooks.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
AROUND = "vars: {address: {type: host}}\n"


def whole(example: str) -> str:
    """The playbook that an example is, or is a part of."""
    if example.startswith("apiVersion"):
        return example
    return text(example, AROUND) if example.startswith("- ") else text("- {id: s, title: T, say: x}", example)


@pytest.mark.parametrize("example", EXAMPLES, ids=[each.splitlines()[0] for each in EXAMPLES])
def test_an_example_has_no_mistake(example: str) -> None:
    assert [each for each in told(whole(example), shelf().by_id()) if "warning" not in each] == []


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("record", [Playbook, Step, Var], ids=lambda record: record.__name__)
def test_every_field_is_named(record: type[msgspec.Struct]) -> None:
    assert [name for name in fields(record) if f"`{name}`" not in PAGE] == []


def test_every_kind_and_function_is_named() -> None:
    assert [name for name in KINDS if f"| `{name}` |" not in PAGE] == []
    assert [name for name in FUNCTIONS if not re.search(rf"`{name}\b", PAGE)] == []
