"""The table of what may explain what: it names rules that exist, and every gate says why."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from perftui.findings import RULES
from perftui.findings.explain import EDGES, Edge, because, links
from perftui.model.finding import Constraint, Finding, Severity
from perftui.model.probe import ProbeResult
from tests.probing import ok, probed
from tests.views.scenes import host

AT = 1_770_806_497.0


def finding(rule: str, since_s: float = 0.0, **subject: Any) -> Finding:
    return Finding(
        rule=rule,
        severity=Severity.WARNING,
        constraint=Constraint.CPU_BOUND,
        title=f"{rule} is found",
        since_at=AT + since_s,
        subject=subject,
    )


def test_every_edge_is_about_rules_that_exist_and_stands_once() -> None:
    rules = {rule.name for rule in RULES}

    assert {edge.cause for edge in EDGES} | {edge.symptom for edge in EDGES} <= rules
    assert [pair for pair, count in Counter((edge.cause, edge.symptom) for edge in EDGES).items() if count > 1] == []


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: f"{edge.cause}-{edge.symptom}")
def test_every_edge_says_why_in_a_clause(edge: Edge) -> None:
    words = edge.because or edge.meets.because

    assert len(words) > 15
    assert "\n" not in words and not words.endswith(".")


@pytest.mark.parametrize(
    ("cause_s", "before", "subject", "words"),
    [
        (-192.0, False, {"pid": 7}, "(pid 7); the cause began 3m12s before"),
        (0.4, False, {"pid": 8}, "the queue; both began at the same time"),
        (6.0, False, {"pid": 8}, "the queue; both began within 6 s"),
        (0.0, True, {"pid": 8}, "the queue; the cause was there before we looked"),
    ],
)
def test_why_a_link_holds_is_told_with_what_met_and_when(
    cause_s: float, before: bool, subject: dict[str, int], words: str
) -> None:
    edge = next(edge for edge in EDGES if edge.cause == "pg.idle_in_transaction" and edge.symptom == "pg.lock_pileup")
    cause = msgspec.structs.replace(finding("pg.idle_in_transaction", cause_s, **subject), began_before=before)
    edge = msgspec.structs.replace(edge, because="it is the root of the queue")

    told = because(edge, cause, finding("pg.lock_pileup", pid=7))

    assert told == f"it is the root of {words if words.startswith('the queue') else f'the queue {words}'}"


@pytest.mark.parametrize(
    ("cause", "symptom", "explained"),
    [
        (finding("host.oom_kill"), finding("load.abort"), True),
        (finding("host.network_retransmits"), finding("load.abort"), True),
        (finding("pg.n_plus_one"), finding("load.abort"), True),
        (finding("pg.statement_regressed"), finding("load.abort"), True),
        (finding("pg.long_statement"), finding("load.abort"), True),
        (finding("pg.long_statement", since_s=30), finding("load.abort"), False),
        (finding("pool.exhausted", pool="orders"), finding("pool.waiting", pool="orders"), True),
        (finding("pool.exhausted", pool="orders"), finding("pool.waiting", pool="bills"), False),
        (finding("pg.temp_spill"), finding("host.disk_filling", filesystem="/srv"), False),
    ],
    ids=lambda each: each.rule if isinstance(each, Finding) else str(each),
)
def test_what_explains_what_on_a_host(cause: Finding, symptom: Finding, explained: bool) -> None:
    assert links(host(3).history, [cause, symptom]).explained == (frozenset({1}) if explained else frozenset())


LOCAL, ELSEWHERE = ok(0.1), ok(0.1, address="10.0.0.9", local=False)


@pytest.mark.parametrize("symptom", ["slo.latency", "slo.error_budget", "probe.tail_latency", "probe.slow"])
@pytest.mark.parametrize(
    "cause",
    [
        "host.cpu_saturated",
        "host.cpu_stolen",
        "host.network_retransmits",
        "pg.lock_pileup",
        "pg.slow_statements",
        "pg.n_plus_one",
        "pg.statement_regressed",
        "pool.exhausted",
    ],
)
@pytest.mark.parametrize(("result", "explained"), [(LOCAL, True), (ELSEWHERE, False)], ids=["here", "elsewhere"])
def test_what_is_told_of_a_service_over_minutes_has_a_cause_here(
    cause: str, symptom: str, result: ProbeResult, explained: bool
) -> None:
    history = probed([result] * 5).history

    assert bool(links(history, [finding(cause), finding(symptom, probe="health")]).explained) is explained
