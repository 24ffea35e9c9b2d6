"""docs/playbooks.md: every example is linted, every kind, field and function is named."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import msgspec
import pytest

from perftui.commands.playbook_test import replays
from perftui.playbooks.conditions.functions import FUNCTIONS
from perftui.playbooks.document import Playbook, Step, Var
from perftui.playbooks.fixture import Expected, Fixture, Told
from perftui.playbooks.load import load
from perftui.playbooks.shape import fields
from perftui.playbooks.shelf import shelf
from perftui.playbooks.steps import KINDS
from perftui.playbooks.trust import shipped_folder
from tests.playbooks.shelf import text
from tests.playbooks.test_lint import VOCABULARY, told

PAGE = (Path(__file__).parents[2] / "docs" / "playbooks.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = [block for block in BLOCKS if not block.startswith("title:")]
FIXTURES = [block for block in BLOCKS if block.startswith("title:")]
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


def test_the_tutorial_runs_as_it_is_told(tmp_path: Path) -> None:
    first, second = EXAMPLES[0], EXAMPLES[1]
    playbook = tmp_path / "queue-stuck.yaml"
    playbook.write_text(first + indent(second, "  "))
    folder = tmp_path / "fixtures" / "queue-stuck"
    folder.mkdir(parents=True)
    trail = "ask_users, database, worker failed, why -> decide, decide -> w, restart, settled"
    for number, fixture in enumerate(FIXTURES):
        (folder / f"{number}.yaml").write_text(f"{fixture}expect: {{trail: [{trail}], exit: warning}}\n")

    found = list(replays(playbook, shelf((tmp_path,)), VOCABULARY))

    assert [each.differences for each in found] == [[]] * len(FIXTURES) and FIXTURES


def test_every_shipped_playbook_is_in_the_table() -> None:
    table = PAGE.partition("## Shipped")[2].partition("\n## ")[0]
    told = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$", table, re.MULTILINE))

    assert told == {path.stem: load(path).playbook.title for path in shipped_folder().glob("*.yaml")}


def test_every_field_of_a_fixture_is_named() -> None:
    assert [name for record in (Fixture, Told, Expected) for name in fields(record) if f"`{name}`" not in PAGE] == []
