"""Every sort of mistake is told with its place and what would be right; a good playbook is told nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perftui.pipeline.catalogue import catalogue
from perftui.playbooks.document import Playbook
from perftui.playbooks.lint import lint, lint_file
from perftui.playbooks.shelf import shelf
from perftui.playbooks.steps import KINDS
from perftui.playbooks.values import Slug
from perftui.playbooks.vocabulary import Vocabulary
from tests.playbooks.shelf import HEAD, drafted, loaded, text

SHIPPED = sorted((Path(__file__).parents[2] / "playbooks").glob("*.yaml"))
VOCABULARY = Vocabulary((entry.name, entry.unit, entry.text) for entry in catalogue())
TODAY = date(2026, 11, 22)
OTHER = loaded(text("- {id: s, title: T, say: x}", "vars: {size: {type: int}}\n")).playbook
CIRCLE = loaded(text("- {id: s, title: T, use: sample}")).playbook
SHELF = {"other": replace(OTHER, id=Slug("other")), "circle": replace(CIRCLE, id=Slug("circle"))}


def told(content: str, shelf: Mapping[str, Playbook] = SHELF) -> list[str]:
    return [str(each) for each in lint(drafted(content), VOCABULARY, TODAY, shelf)]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_playbook_has_nothing_wrong(path: Path) -> None:
    assert [str(each) for each in lint_file(path, VOCABULARY, TODAY, shelf().by_id())] == []


def mistakes() -> Iterator[tuple[str, str, str]]:
    """(name, the playbook's text with a mark at the mistake, what must be told)."""
    for each in (Path(__file__).parent / "mistakes.txt").read_text().split("\n# ")[1:]:
        name, _, rest = each.partition("\n")
        body, _, right = rest.partition("\n=> ")
        place = body.index("- ", 0) if body.startswith(("- ", "¦")) else body.index("\n- ") + 1
        yield name, text(body[place:], body[:place]), right.strip()


@pytest.mark.parametrize(("content", "right"), [each[1:] for each in mistakes()], ids=[each[0] for each in mistakes()])
def test_a_mistake_is_told_where_it_stands(content: str, right: str) -> None:
    before, mark, _ = content.partition("¦")
    found = told(content.replace("¦", ""))

    where = f"{before.count(chr(10)) + 1}:{len(before.rpartition(chr(10))[2]) + 1}: " if mark else ": "
    assert any(f"{where}{right}" in each for each in found), found


GOOD = {
    "SELECT '; -- :x' || $$ ; :y $$ || a::int /* ; */ -- pg_sleep(1)": "no statement ends in a text",
    "WITH x AS (SELECT 1) SELECT * FROM x;": "one semicolon at the end",
    'SELECT "pg_terminate_backend(1)"': "a quoted name",
    "SELECT pg_blocking_pids(1), pg_stat_get_activity(NULL)": "harmless functions",
    "EXPLAIN SELECT 1": "a plan without running it",
}


@pytest.mark.parametrize("statement", GOOD, ids=GOOD.values())
def test_a_good_statement_is_told_nothing(statement: str) -> None:
    quoted = statement.replace("'", "''")
    assert told(text(f"- {{id: s, title: T, timeout: 5s, sql: '{quoted}'}}")) == []


def test_what_a_loop_with_an_operator_and_a_row_at_hand_may_do() -> None:
    steps = """
- id: list
  title: Idle in transaction
  repeat:
    every: 5s
    pick: {victim: {type: row, from: steps.idle, key: [pid]}}
    steps:
      - {id: idle, title: T, timeout: 5s, sql: SELECT pid FROM a, capture: {as: rows, parse: table}}
- id: each
  title: One by one
  for_each:
    rows: steps.idle
    as: row
    wait: 10s
    until: postgres.locks.waiting == 0 for 10s
    steps:
      - id: end
        title: End it
        effect: change
        target: "${vars.row.pid}"
        timeout: 5s
        sql: SELECT pg_cancel_backend(:pid)
        params: {pid: vars.row.pid}
        undo: {say: "Take the block on ${vars.victim.pid} back.", remind_after: 30m, reminder: Still blocked.}
- id: again
  title: Again?
  when: steps.idle.max_age_s > 10s and steps.idle.n > 0
  choose:
    - {key: a, label: Again, goto: list}
    - {key: x, label: Enough, goto: done}
- {id: done, title: Done, check: absent(probe.p95_s) or probe.p95_s < slo.p95_s}
"""
    assert told(text(steps)) == []


def test_ten_mistakes_are_ten_complaints_in_the_order_of_the_text() -> None:
    content = f"""{HEAD}vars:
  size: {{type: int, default: many}}
thresholds:
  busy: {{value: 85}}
  unused: {{value: 5s, sauce: S002}}
suggest_when: [host.cpu.busyness > 5]
steps:
  - id: one
    title: First
    check: host.cpu.busy_ratio > 100ms and t.busy > 1
  - {{id: two, title: T, run: [sh, -c, ls], effect: read, timeout: 5s}}
  - {{id: two, title: T, say: x, on_fail: "goto:nine"}}
  - {{id: four, title: T, branch: [{{if: postgres.locks.waiting > 0, goto: two}}, {{else: one}}]}}
  - {{id: five, title: T, sql: DELETE FROM orders, timeout: 5s}}
"""
    found = told(content)
    lines = [int(each.split(":")[1]) for each in found]

    assert len([each for each in found if "warning" not in each]) >= 10, found
    assert lines == sorted(lines) and set(lines) == {7, 10, 11, 15, 16, 17, 18, 19}


WORDS = ["on", "12", "a", "b", "~", "5s", "goto:b", "''", "'${vars.x}'"]
PHRASES = ["steps.a.n > 1", "host.cpu.busy_ratio > 5%", "SELECT :a"]
KEYS = ["id", "when", "if", "else", "unknown", "goto", "use", "as", "key", "label", "until", "steps", "x"]
YAMLISH = st.recursive(
    st.sampled_from([*WORDS, *PHRASES]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=5).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}"
        ),
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(["when", "undo", "capture", "assess", "target", "on_fail"])
STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(list(KINDS)), YAMLISH, FIELDS, YAMLISH).map(
        lambda five: f"{{id: {five[0]}, title: T, {five[1]}: {five[2]}, {five[3]}: {five[4]}}}"
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_nothing_crashes_the_linter(steps: list[str]) -> None:
    for each in told(f"{HEAD}steps: [{', '.join(steps)}]"):
        assert "\n" not in each
