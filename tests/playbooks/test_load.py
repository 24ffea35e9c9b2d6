"""From a file to records: the shipped ones, the subset of YAML, mistakes with their place, trust."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perftui.model.failure import UsageError
from perftui.playbooks.complaint import InvalidPlaybook
from perftui.playbooks.document import Effect
from perftui.playbooks.load import draft, load, walk
from perftui.playbooks.steps import KINDS, effect_of, kind_of
from perftui.playbooks.steps.ask import Ask
from perftui.playbooks.steps.branch import Branch
from perftui.playbooks.steps.parallel import Parallel
from perftui.playbooks.steps.run import Run
from perftui.playbooks.steps.sql import Sql
from tests.playbooks.shelf import complaints, loaded, text

SHIPPED = sorted((Path(__file__).parents[2] / "playbooks").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_playbook_loads_and_is_named_as_its_file(path: Path) -> None:
    assert load(path).playbook.id == path.stem


def test_example_a_has_its_facts_side_by_side_and_its_branch() -> None:
    playbook = load(SHIPPED[0].parent / "incident-response.yaml").playbook
    steps = {str(step.id): step for _, step in walk(playbook)}

    assert isinstance(steps["gather"].do, Parallel) and steps["gather"].do.at_once == 4
    assert len(steps["gather"].do.steps) == 8
    route = steps["route"].do
    assert isinstance(route, Branch)
    assert (len(route.arms), route.otherwise, route.unknown) == (11, "choose_cause", "choose_cause")
    assert steps["lb"].capture is not None and steps["lb"].capture.name == "points"
    assert playbook.thresholds[steps["triage"].id.__class__("iowait")].value.value == 0.2
    assert playbook.limits.step_timeout_s == 20.0
    assert steps["settle"].on_fail.step == "escalate"


def test_example_b_binds_its_parameters_and_has_an_undo() -> None:
    steps = {str(step.id): step for _, step in walk(load(SHIPPED[0].parent / "pool-exhaustion.yaml").playbook)}

    end = steps["end_it"]
    assert isinstance(end.do, Sql) and end.do.params == {
        "pid": "vars.victim.pid",
        "started": "vars.victim.backend_start",
    }
    assert effect_of(end) is Effect.CHANGE
    assert isinstance(steps["end_session"].do, Ask)
    apply = steps["apply"]
    assert apply.undo is not None and isinstance(apply.undo.do, Run) and apply.undo.effect is Effect.CHANGE


def test_each_kind_loads_in_its_short_form() -> None:
    steps = """
- {id: a, title: T, say: hello}
- {id: b, title: T, ask: {size: {type: int}}}
- {id: c, title: T, choose: [{key: x, label: X, goto: d}, {key: y, label: Y, goto: e}]}
- {id: d, title: T, branch: [{if: 1 == 1, goto: e}, {else: e}, {unknown: e}]}
- {id: e, title: T, check: host.cpu.busy_ratio < 85% for 10s}
- {id: f, title: T, wait: {until: host.cpu.busy_ratio < 85%, timeout: 5m}}
- {id: g, title: T, watch: {for: 5m, abort_if: [host.cpu.busy_ratio > 99% for 10s], phase: steady}}
- {id: h, title: T, collect: top}
- {id: i, title: T, compare: {event: last_deploy, metrics: [host.load.avg1]}}
- {id: j, title: T, run: [uptime]}
- {id: k, title: T, sql: SELECT 1}
- {id: l, title: T, http: https://example.com/}
- {id: m, title: T, tls: example.com}
- {id: n, title: T, parallel: [{id: n1, title: T, collect: net}]}
- {id: o, title: T, for_each: {rows: steps.k, as: row, wait: 10s, steps: [{id: o1, title: T, say: "${vars.row.pid}"}]}}
- id: p
  title: T
  repeat: {every: 5s, pick: {it: {type: row, from: steps.p1, key: [pid]}}, steps: [{id: p1, title: T, sql: SELECT 1}]}
- {id: q, title: T, use: other, with: {size: "${vars.size}"}}
"""
    found = [kind_of(step.do).name for where, step in walk(loaded(text(steps)).playbook) if len(where) == 2]

    assert found == list(KINDS)


def test_words_of_yaml_1_1_are_text_and_numbers_are_decimal() -> None:
    head = """
vars:
  a: {type: text, default: on}
  b: {type: text, default: 1:30}
  c: {type: int, default: 012}
  d: {type: text, default: 2026-09-01}
  e: {type: bool, default: true}
  f: {type: number, default: 1e3}
  on: {type: text, default: no}
"""
    found = {
        str(k): v.default
        for k, v in loaded(text("- {id: s, title: yes, say: off}", head.lstrip())).playbook.vars.items()
    }

    assert found == {"a": "on", "b": "1:30", "c": 12, "d": "2026-09-01", "e": True, "f": 1000.0, "on": "no"}


@pytest.mark.parametrize("change", [lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n")], ids=["mark", "crlf"])
def test_files_of_other_editors_are_read(change: Callable[[str], str]) -> None:
    assert loaded(change(text("- {id: s, title: T, say: x}"))).playbook.id == "sample"


STEP = "- {id: s, title: T, say: x}"
MISTAKES = {
    "a tag": (
        "- {id: s, title: !!str T, say: x}",
        "20: tag:yaml.org,2002:str is a tag; leave it out; fields know their types",
    ),
    "an anchor": ("- {id: s, title: &t T, say: x}", "20: &t is an anchor; write the value out at each place"),
    "a key twice": ("- {id: s, title: T, id: u, say: x}", "23: id stands here twice; first in line 7"),
    "an unknown key": (
        "- {id: s, title: T, say: x, timout: 5s}",
        "31: timout is no field here; did you mean timeout?",
    ),
    "a missing key": ("- {id: s, say: x}", "5: title is missing; add `title:`"),
    "two kinds": (
        "- {id: s, title: T, say: x, run: [ls]}",
        "31: a step does one thing, not say and run; make two steps of it",
    ),
    "a number as duration": (
        "- {id: s, title: T, say: x, timeout: 5}",
        "40: '5' is no duration; write 20s, 250ms, 2m, 1h or 90d",
    ),
    "a bad id": (
        "- {id: end-it, title: T, say: x}",
        "10: 'end-it' can't be used as a name; write lower-case letters, digits and underscores: end_session",
    ),
    "a bad condition": (
        "- {id: s, title: T, say: x, when: 1 == == 2}",
        "42: the condition can't be read; write a comparison: host.cpu.busy_ratio > 85% for 10s",
    ),
    "a bad verdict": (
        "- {id: s, title: T, say: x, assess: [{if: 1 == 1, verdict: guilty, cause: x}]}",
        "62: 'guilty' is not known here; one of cleared, confirmed, suspect",
    ),
    "a list where text stands": ("- {id: s, title: [T], say: x}", "20: expected a text, not a list"),
    "an unclosed ${": (
        '- {id: s, title: T, say: "a ${vars.x"}',
        "31: ${ is not closed; write ${vars.NAME}; $$ is a dollar sign",
    ),
    "an unknown ${}": (
        "- {id: s, title: T, run: [echo, '${env.HOME}']}",
        "36: ${env.HOME} can't be filled in; "
        "write ${vars.NAME}, ${t.NAME}, ${steps.ID.FIELD}, ${utc:now} or ${utc:-10m}",
    ),
}


@pytest.mark.parametrize(("steps", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(steps: str, told: str) -> None:
    assert complaints(text(steps)) == [f"sample.yaml:7:{told}"]


def test_all_mistakes_are_told_at_once() -> None:
    assert len(complaints(text("\n".join(steps for steps, _ in MISTAKES.values())))) == len(MISTAKES)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "sample.yaml:1:1: the file is empty; write apiVersion, id, title and steps"),
        ("a: [", "not YAML"),
        ("- 1", "expected a mapping (playbook), not a list"),
        ("a: 1\n---\nb: 2", "sample.yaml:2:1: a second document begins here; write one playbook a file"),
        ("[" * 3000, "nested more than"),
        ("x: &a [*a]", "is an anchor"),
        ("\x00", "not YAML"),
        ("#" * (256 * 1024 + 1), "longer than 256 KiB"),
    ],
    ids=["empty", "broken", "list", "two documents", "deep", "billion laughs", "null byte", "long"],
)  # fmt: skip
def test_what_is_no_playbook_at_all_says_so(content: str, told: str) -> None:
    assert told in "\n".join(complaints(content))


def test_limits_of_size() -> None:
    many = "\n".join(f"- {{id: s{number}, title: T, say: x}}" for number in range(201))
    deep = "{id: s7, title: T, say: x}"
    for level in range(6, 0, -1):
        deep = f"{{id: s{level}, title: T, parallel: [{deep}]}}"

    assert complaints(text(many)) == ["sample.yaml:1:1: 201 steps, more than 200; split it with `use`"]
    assert complaints(text(f"- {deep}"))[0].endswith("steps nested more than 6 deep; split it with `use`")


def test_a_file_with_mistakes_is_refused_with_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text("- {id: s, say: x}\n- {id: t, title: T}"))

    with pytest.raises(InvalidPlaybook) as refused:
        load(path)

    assert [complaint.line for complaint in refused.value.complaints] == [7, 8]


def make_group_writable(path: Path) -> None:
    path.chmod(0o664)


def make_folder_writable(path: Path) -> None:
    path.parent.chmod(0o777)


def make_parent_writable(path: Path) -> None:
    path.parent.parent.chmod(0o777)


def link_folder(path: Path) -> None:
    """Somebody else's link to a folder that is all right by itself."""
    real = path.parent.rename(path.parent.parent / "real")
    path.parent.symlink_to(real)
    os.chown(path.parent, 12345, -1, follow_symlinks=False)


def give_away(path: Path) -> None:
    os.chown(path, 12345, -1)


def link_out(path: Path) -> None:
    outside = path.parent.parent / "outside.yaml"
    path.rename(outside)
    path.symlink_to(outside)


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (make_group_writable, "others can write to it, so its playbooks are not trusted; run chmod go-w"),
        (make_folder_writable, "others can write to it, so its playbooks are not trusted; run chmod go-w"),
        (make_parent_writable, "could be replaced: "),
        (link_folder, "a link that user 12345 made, neither root nor you; name the folder itself"),
        (give_away, "belongs to user 12345, neither root nor you"),
        (link_out, "links to a file outside of its folder"),
        (make_fifo, "no file"),
        (Path.unlink, "no such file"),
    ],
    ids=["file writable", "folder writable", "parent writable", "foreign link", "foreign", "symlink", "fifo", "gone"],
)
def test_what_others_could_have_written_is_not_read(spoil: object, told: str, tmp_path: Path) -> None:
    folder = tmp_path / "shelf"
    folder.mkdir(mode=0o755)
    path = folder / "sample.yaml"
    path.write_text(text(STEP))
    path.chmod(0o644)
    assert load(path).playbook.id == "sample"
    assert callable(spoil)
    spoil(path)

    with pytest.raises(UsageError, match=r"^[^\n]*$") as refused:
        load(path)

    assert told in str(refused.value)


YAMLISH = st.recursive(
    st.sampled_from(["on", "12", "1 == 1", "host.cpu.busy_ratio > 5%", "${vars.x}", "", "~", "*a", "&a b", "!t x", "'q", "5s"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: "[" + ", ".join(items) + "]"),
        st.dictionaries(
            st.sampled_from([*KINDS, "id", "title", "steps", "when", "if", "goto", "use", "vars", "thresholds", "capture", "as"]),
            inner,
            max_size=5,
        ).map(lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}"),
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text(max_size=200),
        YAMLISH.map(lambda inner: f"apiVersion: perftui.playbook/v1\nid: a\ntitle: t\nsteps: {inner}"),
    )
)
def test_no_text_crashes_the_loader(content: str) -> None:
    for complaint in draft(content.encode("utf-8", "surrogatepass"), "f").complaints:
        assert "\n" not in str(complaint) and complaint.line >= 1 and complaint.column >= 1
