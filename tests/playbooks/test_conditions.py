"""Conditions: units, names, three values, windows, functions; and what they refuse to be."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perftui.history.history import History, HistoryStore
from perftui.playbooks.complaint import Wrong
from perftui.playbooks.conditions import Condition, Outcome, Scope, evaluate
from perftui.playbooks.conditions.functions import FUNCTIONS
from perftui.sources import KINDS
from tests.frames import cpu_frames, frame, sample

VALUES = {
    "t": {"busy": 0.85},
    "vars": {"name": "db", "victim": {"pid": 4194304}},
    "steps": {"idle_tx": {"n": 2, "max_age_s": 190.0}, "effect": {"verdict": "shifted"}},
    "slo": {"p95_s": 0.5},
}


def history(shares: Iterable[float | None]) -> History:
    store = HistoryStore(KINDS)
    return [store.push(each) for each in cpu_frames(shares)][-1]


def outcome(text: str, shares: Iterable[float | None] = (0.5, 0.5, 0.9), deploys: int | None = 2) -> Outcome:
    scope = Scope(
        history=history(shares),
        values=VALUES,
        baselines={"host.cpu.busy_ratio": 0.3},
        deploys=lambda seconds: deploys if seconds >= 60 else 0,
    )
    return evaluate(Condition.parse(text), scope)


TRUTHS: dict[str, bool | None] = {
    "host.cpu.busy_ratio > 85%": True,
    "host.cpu.busy_ratio > 90%": False,  # it is 0.9, which a 32 bit float can't hold
    "host.cpu.busy_ratio >= 90% and host.cpu.busy_ratio <= 90%": True,
    "host.cpu.busy_ratio > t.busy": True,
    "host.cpu.busy_ratio - 0.4 == 50%": True,
    "not host.cpu.busy_ratio > 85%": False,
    "0.2 < host.cpu.busy_ratio < 95%": True,
    "host.cpu.count == 1 and host.cpu.count != 2": True,
    "vars.name == 'db'": True,
    "vars.victim.pid == 4194304": True,
    "vars.victim.pid == 4194303": False,
    "steps.idle_tx.n > 0 and steps.idle_tx.max_age_s > 3m": True,
    "steps.effect.verdict == \"shifted\"": True,
    "slo.p95_s * 75% < 400ms": True,
    "-1 < 0": True,
    "2 * 3 + 4 / 2 == 8": True,
    "512MiB == 536870912": True,
    "1500us < 2ms": True,
    "true or false": True,
    # Kleene
    "missing > 3": None,
    "missing > 3 or 1 == 1": True,
    "1 == 1 or missing > 3": True,
    "missing > 3 and 1 == 2": False,
    "missing > 3 and 1 == 1": None,
    "not missing > 3": None,
    "missing + 1 > 3": None,
    "-missing > 3": None,
    "1 < missing < 0": None,
    "2 < 1 < missing": False,
    "1 / 0 > 3": None,
    "vars.name > 3": None,
    # functions
    "avg(host.cpu.busy_ratio, '3s') > 60%": True,
    "avg(host.cpu.busy_ratio, 3s) > 60%": True,
    "min(host.cpu.busy_ratio, '1m') == 50%": True,
    "max(host.cpu.busy_ratio, '1m') == 90%": True,
    "last(host.cpu.busy_ratio, '1m') == 90%": True,
    "p(host.cpu.busy_ratio, 50, '1m') == 50%": True,
    "p(host.cpu.busy_ratio, 95, '1m') == 90%": True,
    "delta(host.cpu.busy_ratio, '1m') == 40%": True,
    "slope(host.cpu.busy_ratio, '1m') == 0.2": True,
    "cv_pct(host.cpu.busy_ratio, '1m') > 30": True,
    "count(host.cpu.busy_ratio, '1m') == 3": True,
    "ago(host.cpu.busy_ratio, '2s') == 50%": True,
    "ago(host.cpu.busy_ratio, '5m') == 50%": None,
    "growth_pct(host.cpu.busy_ratio, '1m') > 5": None,  # fewer than 10 measurements
    "absent(host.cpu.busy_ratio)": False,
    "absent(probe.p95_s)": True,
    "baseline(host.cpu.busy_ratio) == 30%": True,
    "ratio(host.cpu.busy_ratio) > 2.9": True,
    "ratio(host.cpu.user_ratio) > 1": None,
    "deploys('30m') > 1": True,
    "deploys('30s') == 0": True,
    "abs(-3) == 3 and round(2.6) == 3": True,
    "abs(missing) > 1": None,
    "avg(missing, '1m') > 1": None,
}  # fmt: skip


@pytest.mark.parametrize(("text", "truth"), TRUTHS.items(), ids=TRUTHS)
def test_a_condition_is_true_false_or_unknown(text: str, truth: bool | None) -> None:
    assert outcome(text).truth is truth


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("probe.p95_s > 1s and host.cpu.busy_ratio > 1%", ("probe.p95_s",)),
        ("pool.waiting > 1 and pool.waiting < probe.p95_s", ("pool.waiting", "probe.p95_s")),
        ("baseline(host.cpu.user_ratio) > 1", ("baseline(host.cpu.user_ratio): no baseline is loaded",)),
        ("host.cpu.busy_ratio > 1%", ()),
    ],
)
def test_what_was_missing_is_named(text: str, missing: tuple[str, ...]) -> None:
    assert outcome(text).missing == missing


def test_no_source_of_deploys_is_not_no_deploys() -> None:
    assert outcome("deploys('30m') == 0", deploys=None).truth is None


WINDOWS: dict[str, tuple[list[float | None], bool | None, float]] = {
    "held": ([0.5, *[0.9] * 11], True, 10.0),
    "ten intervals are ten seconds, nine are not": ([0.5, *[0.9] * 10], False, 9.0),
    "broken in the window": ([*[0.9] * 10, 0.5, *[0.9] * 4], False, 3.0),
    "false now": ([*[0.9] * 12, 0.5], False, 0.0),
    "watched too briefly": ([0.9] * 5, None, 4.0),
    "known false although watched briefly": ([0.5, 0.9, 0.9], False, 1.0),
    "unknown for some of it": ([0.9, 0.9, 0.9, None, None, None, None, None, 0.9, 0.9, 0.9, 0.9, 0.9], None, 4.0),
    "not known now": ([*[0.9] * 12, None, None, None, None], None, 0.0),
}


@pytest.mark.parametrize(("shares", "truth", "held_s"), WINDOWS.values(), ids=WINDOWS)
def test_for_means_every_sample_of_the_window(shares: list[float | None], truth: bool | None, held_s: float) -> None:
    found = outcome("host.cpu.busy_ratio > 85% for 10s", shares)

    assert (found.truth, found.held_s, found.needed_s) == (truth, held_s, 10.0)


def with_gap(gap_s: int) -> History:
    """Twenty seconds all busy, with a hole before the last five."""
    store, mono = HistoryStore(KINDS), 0
    for second in range(21):
        mono += gap_s if second == 16 else 1
        newest = store.push(frame(second, float(mono), sample(float(mono), 100 * mono, 0)))
    return newest


@pytest.mark.parametrize(("gap_s", "truth"), [(1, True), (2, True), (3, None), (8, None)])
def test_a_window_with_a_gap_is_unknown(gap_s: int, truth: bool | None) -> None:
    found = evaluate(Condition.parse("host.cpu.busy_ratio > 85% for 10s"), Scope(history=with_gap(gap_s)))

    assert found.truth is truth
    assert bool(found.detail) is (truth is None)


def test_values_of_the_run_may_stand_in_a_window() -> None:
    assert outcome("host.cpu.busy_ratio > t.busy and vars.name == 'db' for 2s", [0.9] * 4).truth is True


def test_a_state_is_a_reading_and_a_list_is_its_length() -> None:
    from tests.views.pg_scenes import database
    from tests.views.scenes import host

    machine = Scope(history=host(30).history)
    server = Scope(history=database(10).history)

    for text in (
        "host.memory.state != 'thrashing'",
        'host.disks["vda"].utilization_ratio >= 0',
        'host.disks["*"].await_s >= 0',
    ):
        assert evaluate(Condition.parse(text), machine).truth is True, text
    for text in (
        "postgres.role == 'primary'",
        "postgres.locks.tree >= 0",
        "postgres.sees_others",
        "postgres.sees_others == true",
    ):
        assert evaluate(Condition.parse(text), server).truth is True, text


def test_a_path_with_signs_in_it_is_written_in_brackets() -> None:
    (path,) = Condition.parse('host.filesystems["/var"].used_ratio > 80%').paths()

    assert (path.id, path.parts) == ("host.filesystems./var.used_ratio", ("host", "filesystems", "/var", "used_ratio"))


REFUSED = {
    "": "the condition is empty",
    "a >": "the condition can't be read",
    "a = 1": "= is not known in conditions",
    "a > 1 && b > 1": "&& is not known in conditions",
    "a > 20 %": "the condition can't be read",
    "a % 2 == 0": "% is not known as an operator",
    "a > 5m for 5": "'5' is no duration",
    "a in 'abc'": "conditions compare with",
    "a is b": "conditions compare with",
    "[x for x in a]": "ListComp is not known",
    "(lambda: 1)() > 1": "readings have no functions",
    "a.b() > 1": "readings have no functions",
    "''.join('a') == ''": "readings have no functions",
    "'a'.b == 1": "this names no reading",
    "a[0] > 1": "a key in brackets is a text",
    "a[b] > 1": "this names no reading",
    "a ** 2 > 1": "BinOp is not known",
    "a if b else c": "IfExp is not known",
    "f'{a}' == 'x'": "JoinedStr is not known",
    "a := 1": "= is not known",
    "a) or (b": "can't be read",
    "None == a": "is no value of a condition",
    "b'x' == a": "is no value of a condition",
    "1j > a": "is no value of a condition",
    "avrg(a, '5m') > 1": "avrg is no function",
    "avg(a) > 1": "avg takes 2 arguments, not 1",
    "avg(a, window='5m') > 1": "avg takes 2 arguments",
    "avg(1, '5m') > 1": "here stands a reading",
    "avg(vars.x, '5m') > 1": "here stands a reading",
    "avg(a, 'soon') > 1": "here stands a window",
    "avg(a, 5) > 1": "here stands a window",
    "p(a, 95%, '5m') > 1": "here stands a percentage",
    "__import__('os').system('id') == 0": "readings have no functions",
    "a > 1" + " or a > 1" * 60: "longer than 500 characters",
    "not " * 25 + "a": "nested more than 20 deep",
    "(" * 240 + "a" + ")" * 240: "can't be read",
}  # fmt: skip


@pytest.mark.parametrize(("text", "told"), REFUSED.items(), ids=[text[:30] for text in REFUSED])
def test_what_is_no_condition_is_refused(text: str, told: str) -> None:
    with pytest.raises(Wrong) as refused:
        Condition.parse(text)

    assert told in refused.value.what
    assert 0 <= refused.value.offset <= len(text)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("host.cpu.busy_ratio > 100ms and avrg(a, '5m') > 1", 32),
        ("a > 20% and b ** 2", 12),
        ("a > 1 for soon", 10),
        ("ä == 'é' or f(x)", 12),
    ],
)
def test_the_place_is_that_of_the_written_text(text: str, offset: int) -> None:
    with pytest.raises(Wrong) as refused:
        Condition.parse(text)

    assert refused.value.offset == offset


@pytest.mark.parametrize(
    "path", ["host.__class__", "vars.__class__.x", "vars.name.upper", "host.items", "steps.idle_tx.keys"]
)
def test_no_object_is_ever_seen(path: str) -> None:
    assert outcome(f"{path} == 1").missing == (path,)


ATOMS = ["host.cpu.busy_ratio", "missing", "1", "20%", "'a'", "true", "vars.name", "t.busy", "postgres.locks.tree"]
SIGNS = [" and ", " or ", " > ", " == ", " + ", " / ", " < ", " - ", " * "]


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.sampled_from(ATOMS),
        lambda inner: st.tuples(inner, st.sampled_from(SIGNS), inner).map(lambda three: f"({''.join(three)})"),
        max_leaves=12,
    )
)
def test_whatever_is_let_in_comes_to_a_truth(text: str) -> None:
    try:
        condition = Condition.parse(text)
    except Wrong:
        return
    assert evaluate(condition, SCOPE).truth in (True, False, None)


SCOPE = Scope(history=history([0.5, 0.9]), values=VALUES)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_no_text_breaks_the_compiler(text: str) -> None:
    try:
        Condition.parse(text)
    except Wrong as wrong:
        assert 0 <= wrong.offset <= max(1, len(text))


def test_the_list_of_functions_is_closed() -> None:
    closed = "avg min max last p rate delta slope cv_pct count absent ago growth_pct baseline ratio deploys abs round"

    assert set(FUNCTIONS) == set(closed.split())
