"""A change that moved a probe's latency, changes that did not, and what a finding of it may explain."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

import msgspec
import pytest

from perftui.findings.deploy_shifted import around
from perftui.findings.explain import links
from perftui.model.finding import Constraint, Finding, Severity
from perftui.model.frame import Frame
from perftui.pipeline.loop import Judge, new_store
from perftui.pipeline.snapshot import Snapshot
from perftui.sources.deploy import Deploy, DeployKind, DeploysSample, DeployStatus
from perftui.views.deploys import detail_lines
from tests.probing import MACHINE, STARTED_AT, TARGET, frames, ok

STEP_S = 5.0
MINUTES = 55
DEPLOY_MINUTE = 45.0


def deploy(minute: float = DEPLOY_MINUTE, **fields: object) -> Deploy:
    at = STARTED_AT + minute * 60
    given = {
        "id": f"file:{minute}",
        "at": at,
        "precision_s": 1.0,
        "service": "orders-api",
        "version": "2.8.1",
        "source": "file",
        "sources": ("file",),
        "kind": DeployKind.DEPLOY,
        "status": DeployStatus.SUCCEEDED,
        "seen_at": at,
    }
    return Deploy(**{**given, **fields})  # type: ignore[arg-type]


def seen(latency: Callable[[float], float], *deploys: Deploy, minutes: float = MINUTES) -> Snapshot:
    """A probe every five seconds with this latency by the minute, and the deploys as they become known."""
    rng = random.Random(3)
    ticks = int(minutes * 60 / STEP_S)
    course = [ok(latency(tick * STEP_S / 60) * rng.uniform(0.9, 1.1)) for tick in range(ticks)]
    target = msgspec.structs.replace(TARGET, every_s=STEP_S)
    store, history = new_store(), None
    for frame in frames({"health": (target, course)}):
        history = store.push(_slower(frame, deploys))
    assert history is not None
    return Judge(machine=MACHINE).snapshot(history)


def _slower(frame: Frame, deploys: tuple[Deploy, ...]) -> Frame:
    """The same tick, five seconds after the one before instead of one."""
    mono = frame.mono * STEP_S
    at = STARTED_AT + mono
    known = tuple(sorted((each for each in deploys if each.at <= at), key=lambda each: -each.at))
    probes = frame.samples["probes"]
    samples = {
        "probes": msgspec.structs.replace(probes, mono=mono),
        "deploy_file": DeploysSample(mono=mono, deploys=known),
    }
    return msgspec.structs.replace(frame, at=at, mono=mono, samples=samples)


def shifted(snapshot: Snapshot) -> Finding | None:
    return next((finding for finding in snapshot.findings if finding.rule == "deploy.shifted"), None)


def stepped(minute: float) -> float:
    return 0.08 if minute < DEPLOY_MINUTE else 0.13


def test_a_deploy_that_made_users_wait_is_told_with_its_numbers() -> None:
    snapshot = seen(stepped, deploy())
    finding = shifted(snapshot)

    assert finding is not None
    assert re.fullmatch(r"probe health went up by (5|6|7)\d% with orders-api 2\.8\.1", finding.title)
    assert finding.severity is Severity.WARNING
    assert finding.since_at == pytest.approx(STARTED_AT + DEPLOY_MINUTE * 60, abs=30)
    assert finding.subject["service"] == "orders-api"
    assert finding.evidence[0].value == pytest.approx(0.13, rel=0.1)
    assert finding.evidence[0].limit == pytest.approx(0.08, rel=0.1)
    assert snapshot.verdict.constraint is Constraint.CHANGE_INDUCED


def test_twice_as_slow_is_critical() -> None:
    finding = shifted(seen(lambda minute: 0.08 if minute < DEPLOY_MINUTE else 0.2, deploy()))

    assert finding is not None and finding.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("latency", "deploys", "minutes"),
    [
        (lambda minute: 0.08, (deploy(),), MINUTES),
        (stepped, (), MINUTES),
        (lambda minute: 0.13 if minute < DEPLOY_MINUTE else 0.08, (deploy(),), MINUTES),
        (lambda minute: 0.08 if minute < 40 else 0.13, (deploy(),), MINUTES),
        (stepped, (deploy(status=DeployStatus.FAILED),), MINUTES),
        (stepped, (deploy(), deploy(DEPLOY_MINUTE + 6, id="b", service="billing")), MINUTES),
        (stepped, (deploy(),), DEPLOY_MINUTE + 4),
    ],
    ids=["no shift", "no deploy", "faster", "before it", "it failed", "another change since", "too early to tell"],
)
def test_is_silent_where_nothing_moved_or_it_can_not_be_told(
    latency: Callable[[float], float], deploys: tuple[Deploy, ...], minutes: float
) -> None:
    assert shifted(seen(latency, *deploys, minutes=minutes)) is None


def test_changes_made_together_are_looked_at_as_one() -> None:
    finding = shifted(seen(stepped, deploy(), deploy(DEPLOY_MINUTE + 1, id="b", service="billing", version=None)))

    assert finding is not None
    assert finding.title.endswith("with billing and 1 more")


def test_what_began_with_the_change_may_be_explained_by_it_and_nothing_older() -> None:
    snapshot = seen(lambda minute: 0.3 if minute < DEPLOY_MINUTE else 1.5, deploy())
    by_rule = {finding.rule: place for place, finding in enumerate(snapshot.findings)}
    found = links(snapshot.history, snapshot.findings)

    assert by_rule["probe.slow"] in found.symptoms[by_rule["deploy.shifted"]]
    assert snapshot.verdict.chain[:2] == ("deploy.shifted", "probe.slow")

    old = [
        msgspec.structs.replace(finding, since_at=STARTED_AT, began_before=True)
        if finding.rule == "probe.slow"
        else finding
        for finding in snapshot.findings
    ]
    assert by_rule["probe.slow"] not in links(snapshot.history, old).explained


def test_it_costs_little_while_nothing_new_is_known() -> None:
    """Not a benchmark: that the answer is remembered within a block is what keeps a tick cheap."""
    history = seen(stepped, deploy()).history
    around(history)
    began = time.process_time()
    around(history)

    assert time.process_time() - began < 0.02


def test_the_zoom_tells_before_and_after_of_the_chosen_change() -> None:
    snapshot = seen(stepped, deploy())

    (words,) = ["".join(text for text, _ in line) for line in detail_lines(snapshot, "file:45.0", 200)][1:]

    assert re.match(r"probe health  *8\d ms → 1[23]\d ms \(\+\d\d%\): shifted, larger than at \d+ moments", words)


def test_more_than_three_times_as_long_is_told_in_times() -> None:
    finding = shifted(seen(lambda minute: 0.12 if minute < DEPLOY_MINUTE + 0.2 else 1.5, deploy()))

    assert finding is not None
    assert re.fullmatch(r"probe health went up to 1\d\.\d times what it was with orders-api 2\.8\.1", finding.title)
