"""The playbooks that come with perftui: each holds in its fixtures, changes nothing unasked, and every rule finds one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from perftui.commands.playbook_test import replay
from perftui.findings import RULES
from perftui.pipeline.catalogue import catalogue
from perftui.playbooks.document import Effect, Playbook
from perftui.playbooks.fixture import fixture_files, load_fixture
from perftui.playbooks.load import load, walk
from perftui.playbooks.run.book import bound
from perftui.playbooks.shelf import Shelf, shelf
from perftui.playbooks.steps import effect_of
from perftui.playbooks.trust import shipped_folder
from perftui.playbooks.vocabulary import Vocabulary

SHIPPED = sorted(shipped_folder().glob("*.yaml"))
FIXTURES = [(path, file) for path in SHIPPED for file in fixture_files(path)]
WANTED = """
incident-response triage-60s use-method db-slow-query-spike db-lock-contention pool-exhaustion cpu-spike memory-leak
disk-io-saturation disk-space post-deploy-regression external-api-timeout cert-expiry capacity-exhaustion
autoscale-failure cache-ineffective cross-region-latency ddos-load sudden-degradation baseline-establish audit-7-phase
error-budget-burn tail-latency db-replication-lag db-table-bloat n-plus-one db-unreachable container-oom network-saturation
thread-pool-exhaustion dns-slow synthetic-check fd-exhaustion wal-archive-failing
loadtest-preflight loadtest-watch loadtest-stop endurance-watch stress-breaking-point perf-gate
capacity-forecast trend-check tuning-cycle monthly-review
"""
_NO_SOURCE = "its own: a reader must see whose number it is, so `text` says what it stands for"


@cache
def known() -> Shelf:
    return shelf()


@cache
def vocabulary() -> Vocabulary:
    return Vocabulary((entry.name, entry.unit, entry.text) for entry in catalogue())


def playbooks() -> list[Playbook]:
    return [load(path).playbook for path in SHIPPED]


def test_all_of_them_are_there() -> None:
    assert {path.stem for path in SHIPPED} == set(WANTED.split())


@pytest.mark.parametrize(("path", "file"), FIXTURES, ids=[f"{path.stem}/{file.stem}" for path, file in FIXTURES])
def test_a_fixture_comes_out_as_expected(path: Path, file: Path) -> None:
    replayed = replay(bound(load(path), known()), load_fixture(file, vocabulary()))

    assert replayed.differences == []


def test_each_has_fixtures_that_find_the_cause_and_that_do_not() -> None:
    for path in SHIPPED:
        found = [load_fixture(file, vocabulary()).fixture for file in fixture_files(path)]
        boards = [tuple(sorted(each.expect.board.items())) for each in found if each.expect is not None]
        assert len(boards) == len(found) >= 2, path
        assert len(set(boards)) >= 2, f"{path}: its fixtures come to the same verdicts"


@pytest.mark.parametrize("playbook", playbooks(), ids=lambda playbook: str(playbook.id))
def test_every_change_is_guarded_confirmed_and_can_be_undone(playbook: Playbook) -> None:
    for _, step in walk(playbook):
        if effect_of(step) is Effect.CHANGE:
            assert step.when is not None and step.target is not None and step.undo is not None, step.id


@pytest.mark.parametrize("playbook", playbooks(), ids=lambda playbook: str(playbook.id))
def test_it_says_what_to_do_first_and_whose_its_numbers_are(playbook: Playbook) -> None:
    assert playbook.mitigate and playbook.source and playbook.owner and playbook.summary
    for name, threshold in playbook.thresholds.items():
        assert threshold.source or threshold.text, f"{name} is {_NO_SOURCE}"


def test_every_rule_has_a_playbook() -> None:
    answered = {rule for playbook in playbooks() for rule in playbook.suggests_for}

    assert {rule.name for rule in RULES} - answered == set()
