"""Rules and the playbooks that answer them, without YAML: the same as the loader says."""

from __future__ import annotations

from pathlib import Path

import pytest

from perftui.playbooks.answers import answers, rules_named
from perftui.playbooks.shelf import shelf
from perftui.playbooks.trust import user_folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_of_the_shipped_ones_it_says_what_the_loader_says() -> None:
    wanted: dict[str, str] = {}
    for name, playbook in shelf().by_id().items():
        for rule in playbook.suggests_for:
            wanted.setdefault(rule, name)

    assert answers() == wanted
    assert wanted["pg.connections_exhausted"] == "pool-exhaustion"


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("suggests_for: [pg.lock_pileup, 'host.swapping']  # x.y\ntitle: a.b\n", ["pg.lock_pileup", "host.swapping"]),
        ("suggests_for: [pg.lock_pileup,\n  host.swapping]\ntitle: [a.b]\n", ["pg.lock_pileup", "host.swapping"]),
        ("id: x\nsuggests_for:\n  - pg.deadlocks # a.b\n\n  # c.d\n- host.swapping\ntitle: a.b\n", None),
        ("suggests_for: []\ntitle: a.b\n", []),
        ("title: a.b\n  suggests_for: [pg.deadlocks]\n", []),
    ],
)
def test_reads_lists_of_either_form(text: str, rules: list[str] | None) -> None:
    assert list(rules_named(text)) == (["pg.deadlocks", "host.swapping"] if rules is None else rules)


def test_a_playbook_of_yours_answers_too_and_replaces_the_shipped_one_of_its_name() -> None:
    user_folder().mkdir(parents=True)
    (user_folder() / "ours.yaml").write_text("suggests_for: [ours.stalled]\n")
    (user_folder() / "pool-exhaustion.yaml").write_text("suggests_for: [ours.stalled]\n")

    assert answers()["ours.stalled"] == "ours"
    assert answers().get("pg.connections_exhausted") != "pool-exhaustion"


def test_a_folder_that_others_write_to_answers_nothing() -> None:
    user_folder().mkdir(parents=True)
    (user_folder() / "ours.yaml").write_text("suggests_for: [ours.stalled]\n")
    user_folder().chmod(0o777)

    assert "ours.stalled" not in answers()
