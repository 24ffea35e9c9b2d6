"""The shelf, plans, suggestions and the schema: what is known of playbooks without running one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perftui.findings.verdict import told_order, verdict
from perftui.model.failure import UsageError
from perftui.model.finding import Constraint, Finding, Severity
from perftui.playbooks.complaint import Wrong
from perftui.playbooks.document import Effect
from perftui.playbooks.inputs import value_of
from perftui.playbooks.load import load
from perftui.playbooks.plan import Plan, PlannedStep, plan
from perftui.playbooks.schema import schema
from perftui.playbooks.shelf import find, load_named, shelf
from perftui.playbooks.suggest import suggest
from perftui.playbooks.trust import shipped_folder
from perftui.playbooks.yaml_tree import plain, read
from tests.playbooks.shelf import loaded, text
from tests.playbooks.test_conditions import history

SAY = "- {id: s, title: T, say: x}"
AT = 1_770_806_527.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of the user's own playbooks."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "config" / "perftui" / "playbooks"
    folder.mkdir(parents=True)
    return folder


def put(folder: Path, name: str, content: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(content.replace("id: sample", f"id: {name}"))
    return path


def test_the_shipped_ones_are_found_from_a_checkout(home: Path) -> None:
    found = shelf()

    assert shipped_folder().name == "playbooks"
    assert {"triage-60s", "incident-response", "pool-exhaustion"} <= set(found.playbooks)
    assert all(each.loaded is not None and each.origin == "shipped" for each in found.playbooks.values())
    assert found.reasons == ()


def test_the_more_personal_playbook_of_an_id_holds(home: Path, tmp_path: Path) -> None:
    put(home, "triage-60s", text(SAY))
    put(home, "mine", text(SAY))
    put(tmp_path / "team", "mine", text(SAY))

    found = shelf([tmp_path / "team"]).playbooks

    assert found["triage-60s"].origin == "yours"
    assert found["mine"].origin == str(tmp_path / "team")


def test_what_can_not_be_used_is_on_the_shelf_with_the_reason(home: Path) -> None:
    put(home, "broken", text("- {id: s, say: x}"))
    put(home, "foreign", text(SAY)).chmod(0o666)
    (home / "renamed.yaml").write_text(text(SAY))

    found = shelf().playbooks

    assert [found[name].loaded for name in ("broken", "foreign", "renamed")] == [None, None, None]
    assert "title is missing" in found["broken"].reason
    assert "others can write to it" in found["foreign"].reason
    assert "the id sample is not the file's name; write id: renamed" in found["renamed"].reason


def test_a_folder_that_others_can_write_to_is_left_out_as_a_whole(home: Path) -> None:
    put(home, "mine", text(SAY))
    home.chmod(0o775)

    found = shelf()

    assert "mine" not in found.playbooks
    assert found.reasons == (
        f"{home}: others can write to it, so its playbooks are not trusted; run chmod go-w {home}",
    )


def test_a_playbook_is_found_by_id_and_by_path(home: Path) -> None:
    path = put(home, "mine", text(SAY))

    assert find("mine")[0] == find(str(path))[0] == path
    assert load_named("triage-60s")[0].playbook.id == "triage-60s"
    with pytest.raises(UsageError, match="no playbook 'triage-60'; did you mean triage-60s"):
        find("triage-60")


def steps(planned: Plan) -> dict[str, PlannedStep]:
    found: dict[str, PlannedStep] = {}
    waiting = [*planned.steps, *planned.finally_]
    while waiting:
        step = waiting.pop()
        found[step.id] = step
        waiting += step.steps
    return found


def test_a_plan_fills_in_what_is_known_and_executes_nothing(home: Path) -> None:
    made, known = load_named("incident-response")

    planned = plan(made, {"asg": "blue-asg"}, AT, known.by_id())

    found = steps(planned)
    assert found["scaling"].does["argv"][3:5] == ["--auto-scaling-group-names", "blue-asg"]
    assert "2026-02-11T10:32:07Z" in found["lb"].does["argv"] and "2026-02-11T10:42:07Z" in found["lb"].does["argv"]
    assert found["settle"].timeout_s == 1800.0 and found["scaling"].timeout_s == 20.0
    assert planned.effect is Effect.READ and found["gather"].effect is Effect.READ
    assert {each.name: each.value for each in planned.inputs}["service"] is None
    assert "pool-exhaustion" in planned.uses
    assert not any(each.startswith("playbook pool-exhaustion") for each in planned.missing)


def test_a_plan_tells_changes_their_target_and_their_undo(home: Path) -> None:
    planned = plan(load_named("pool-exhaustion")[0], {"instances": "4"}, AT, {})

    apply = steps(planned)["apply"]
    assert planned.effect is Effect.CHANGE
    assert apply.effect is Effect.CHANGE and apply.target == "app ${vars.size}"
    assert apply.undo is not None and apply.undo["run"]["argv"][-1] == "DB_POOL_SIZE=${vars.old_size}"
    assert "no database is named: give --dsn or PG* variables" in planned.missing


def test_a_plan_never_shows_a_secret() -> None:
    head = "vars: {token: {type: text, secret: true}}\n"
    made = loaded(text("- {id: s, title: T, timeout: 5s, effect: read, run: [x], env: {TOKEN: '${vars.token}'}}", head))

    planned = plan(made, {"token": "hunter2"}, AT, {})

    assert "hunter2" not in str(planned)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"instance": "4"}, "pool-exhaustion has no such input; did you mean instances?"),
        ({"instances": "four"}, "--var instances: 'four' is no whole number; write digits"),
        ({"deployment": "-x"}, "--var deployment: '-x' is no name"),
    ],
)
def test_a_plan_refuses_values_that_do_not_fit(given: dict[str, str], told: str, home: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        plan(load_named("pool-exhaustion")[0], given, AT, {})


VALUES: list[tuple[str, object, object]] = [
    ("type: name", "orders-api_2.x", "orders-api_2.x"),
    ("type: name", "-rf", Wrong),
    ("type: name", "a b", Wrong),
    ("type: name", "$(reboot)", Wrong),
    ("type: text", "any; text | $(x)", "any; text | $(x)"),
    ("type: text", "\x1b[2J", Wrong),
    ("type: int, min: 2, max: 5", "3", 3),
    ("type: int, min: 2, max: 5", "1", Wrong),
    ("type: int", "1.5", Wrong),
    ("type: int", "1_000", Wrong),
    ("type: number", "1.5", 1.5),
    ("type: number", "nan", Wrong),
    ("type: bool", True, True),
    ("type: bool", "yes", Wrong),
    ("type: duration", "5m", 300.0),
    ("type: duration", "5", Wrong),
    ("type: time", "now", "now"),
    ("type: time", "2026-02-11T10:39:00Z", "2026-02-11T10:39:00Z"),
    ("type: time", "yesterday", Wrong),
    ("type: url", "https://a.b/c", "https://a.b/c"),
    ("type: url", "https://user:pw@a.b/", Wrong),
    ("type: url", "file:///etc/passwd", Wrong),
    ("type: url", "https://[", Wrong),
    ("type: choice, choices: [a, b]", "b", "b"),
    ("type: choice, choices: [a, b]", "c", Wrong),
    ("type: host", "db-1.internal", "db-1.internal"),
    ("type: host", "::1", "::1"),
    ("type: host", "-oProxyCommand=x", Wrong),
    ("type: text, pattern: '[a-z]+'", "abc", "abc"),
    ("type: text, pattern: '[a-z]+'", "abc1", Wrong),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "given", "value"), VALUES, ids=[f"{each[0]} {each[1]!r}" for each in VALUES])
def test_inputs_are_read_by_their_type(declared: str, given: object, value: object) -> None:
    (var,) = loaded(text(SAY, f"vars: {{x: {{{declared}}}}}\n")).playbook.vars.values()
    if value is Wrong:
        with pytest.raises(Wrong):
            value_of(var, given)
    else:
        assert value_of(var, given) == value


def finding(rule: str) -> Finding:
    return Finding(
        rule=rule, severity=Severity.CRITICAL, constraint=Constraint.LOCK_BOUND, title=f"{rule}!", since_at=0
    )


def test_what_answers_a_finding_is_suggested_first_then_what_its_conditions_offer() -> None:
    books = [
        loaded(text(SAY, head).replace("id: sample", f"id: {name}")).playbook
        for name, head in (
            ("busy", "thresholds: {busy: {value: 85%}}\nsuggest_when: [host.cpu.busy_ratio > t.busy for 5s]\n"),
            ("calm", "suggest_when: [host.cpu.busy_ratio < 10%]\n"),
            ("missing", "suggest_when: [probe.p95_s > 1s]\n"),
            ("locks", "suggests_for: [pg.lock_pileup, pg.idle_in_transaction]\n"),
            ("disk", "suggests_for: [host.io_saturated]\n"),
        )
    ]
    found = suggest(history([0.9] * 10), [finding("host.io_saturated"), finding("pg.lock_pileup")], books)

    assert [(each.id, each.reason) for each in found] == [
        ("disk", "host.io_saturated!"),
        ("locks", "pg.lock_pileup!"),
        ("busy", "host.cpu.busy_ratio > t.busy for 5s"),
    ]


def test_playbooks_stand_in_the_order_of_the_chain_then_of_other_incidents() -> None:
    books = [
        loaded(text(SAY, f"suggests_for: [{rule}]\n").replace("id: sample", f"id: {name}")).playbook
        for name, rule in (
            ("a-disk", "host.disk_filling"),
            ("b-io", "host.io_saturated"),
            ("c-memory", "host.memory_pressure"),
        )
    ]
    # Sorted as rules give them: the most severe first, whatever causes what.
    full, waits, cause = (finding(rule) for rule in ("host.disk_filling", "host.io_saturated", "host.memory_pressure"))
    found = [waits, *(msgspec.structs.replace(each, severity=Severity.WARNING) for each in (full, cause))]
    seen = history([0.9] * 10)

    ordered = told_order(verdict(seen, found), found)

    assert [each.id for each in suggest(seen, ordered, books)] == ["c-memory", "b-io", "a-disk"]


def fits(value: Any, rule: dict[str, Any], whole: dict[str, Any]) -> bool:
    """Whether a value keeps to a schema, of the words that ours uses; what editors do with it."""
    if "$ref" in rule:
        return fits(value, whole["$defs"][rule["$ref"].rpartition("/")[2]], whole)
    if "anyOf" in rule and not any(fits(value, each, whole) for each in rule["anyOf"]):
        return False
    if "enum" in rule:
        return value in rule["enum"]
    sorts = {"string": str, "boolean": bool, "integer": int, "number": int | float, "object": dict, "array": list}
    named = [rule["type"]] if isinstance(rule.get("type"), str) else rule.get("type", [])
    if named and not any(isinstance(value, sorts[name]) for name in named):
        return False
    if "oneOf" in rule and sum(set(each["required"]) <= set(value) for each in rule["oneOf"]) != 1:
        return False
    if isinstance(value, str) and "pattern" in rule and not re.search(rule["pattern"], value):
        return False
    if isinstance(value, list):
        return all(fits(each, rule.get("items", {}), whole) for each in value)
    if isinstance(value, dict) and "properties" in rule:
        if not set(rule.get("required", [])) <= set(value) or set(value) - set(rule["properties"]):
            return False
        return all(fits(inner, rule["properties"][key], whole) for key, inner in value.items())
    if isinstance(value, dict):
        return all(fits(inner, rule.get("additionalProperties", {}), whole) for inner in value.values())
    return True


@pytest.mark.parametrize("path", sorted(shipped_folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_the_schema_lets_the_shipped_ones_pass(path: Path) -> None:
    root, _ = read(load(path).text)
    assert root is not None
    made = schema()

    assert fits(plain(root), made, made)


REFUSED = ["title: T", "title: T, say: x, run: [y]", "title: T, say: x, timeout: 5", "title: T, chek: x", "say: x"]


@pytest.mark.parametrize("fields", REFUSED)
def test_the_schema_refuses_what_the_loader_refuses(fields: str) -> None:
    root, _ = read(text(f"- {{id: s, {fields}}}"))
    assert root is not None
    made = schema()

    assert not fits(plain(root), made, made)
