"""The documents are true: limits, keys, commands and links."""

import re
from pathlib import Path

import msgspec
import pytest

from perftui.commands import COMMANDS
from perftui.findings import RULES
from perftui.tui.keys import KEYS

PROJECT = Path(__file__).parent.parent
DOCUMENTS = sorted([PROJECT / "README.md", PROJECT / "CHANGELOG.md", *(PROJECT / "docs").rglob("*.md")])


def test_every_limit_of_every_rule_stands_in_the_settings_page_with_its_default() -> None:
    page = (PROJECT / "docs" / "settings.md").read_text()
    written: dict[tuple[str, str], float] = {}
    rule = ""
    for row in re.finditer(r"^\| (?:`([a-z_.]+)`<br>\w+)? ?\| `(\w+)` \| ([\d.]+)", page, re.MULTILINE):
        rule = row[1] or rule
        written[rule, row[2]] = float(row[3])

    assert written == {
        (each.name, field.name): field.default for each in RULES for field in msgspec.structs.fields(each.limits)
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        assert target.startswith("https://") or (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_commands_that_are_named_exist(document: Path) -> None:
    for block in re.findall(r"^```\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL):
        for command in re.findall(r"^perftui ([a-z]+)", block, re.MULTILINE):
            assert command in COMMANDS


def test_keys_of_the_first_ten_minutes_are_keys() -> None:
    page = (PROJECT / "docs" / "first-ten-minutes.md").read_text()
    signs = {part for key in KEYS for part in key.sign.split()}
    for sign in (
        "f",
        "i",
        "y",
        "m",
        "s",
        "S",
        "/",
        "t",
        "[",
        "]",
        "space",
        "←",
        "→",
        ",",
        ".",
        "Home",
        "End",
        "+",
        "-",
        "?",
        "q",
    ):
        assert f"`{sign}`" in page
        assert sign in signs, sign
