"""Cuts by hand, as those of `cuts.py`, of probes: objectives, certificates, and an hour of requests out of a minute's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from perftui.model.frame import Frame, Sample
from perftui.model.probe import Certificate, ProbeOutcome, ProbeResult
from perftui.sources.deploy import Deploy, DeployKind, DeploysSample, DeployStatus
from perftui.sources.probes import ProbesSample, ProbeState, ProbeTarget
from tests.findings.tapes import Change, Course, Variant, each, sample_changed


def states(change: Callable[[ProbeState], ProbeState]) -> Change:
    def sample(known: ProbesSample) -> ProbesSample:
        return msgspec.structs.replace(known, probes={name: change(state) for name, state in known.probes.items()})

    return sample_changed("probes", sample)


def objective(**target: float) -> Variant:
    """What is asked of every probe: the objective is a setting and no part of the fault."""
    return each(states(lambda state: msgspec.structs.replace(state, target=_target(state.target, target))))


def _target(known: ProbeTarget, asked: dict[str, float]) -> ProbeTarget:
    return msgspec.structs.replace(known, **asked)


def certificates_end(days: float) -> Variant:
    """Every certificate ends so many days after the tape's beginning, after 90 days of life."""

    def cut(course: Course) -> Course:
        end = course[0].at + days * 86400

        def result(known: ProbeResult | None) -> ProbeResult | None:
            if known is None:
                return None
            chain = tuple(Certificate(each.subject, each.issuer, end - 90 * 86400, end) for each in known.certificates)
            return msgspec.structs.replace(known, certificates=chain)

        return each(states(lambda state: msgspec.structs.replace(state, last=result(state.last))))(course)

    return cut


def results(name: str, course: Course) -> list[ProbeResult]:
    """What one probe's requests came to, each once."""
    found: list[ProbeResult] = []
    for frame in course:
        sample = frame.samples.get("probes")
        state = sample.probes.get(name) if isinstance(sample, ProbesSample) else None
        if state is not None and state.last is not None and (not found or state.last.mono != found[-1].mono):
            found.append(state.last)
    return found


def requests(taken: Sequence[ProbeResult], step_s: float, deploys: Sequence[tuple[int, str]] = ()) -> Course:
    """A course of one probe, a request a step, with deploys at some of the steps: a tape of minutes in few frames."""
    target = ProbeTarget(url="https://app.example/health", every_s=step_s, timeout_s=5.0)
    begin = 1_770_806_497.0
    known: list[Deploy] = []
    frames = []
    failures = 0
    for step, result in enumerate(taken):
        at = begin + step * step_s
        known += [_deploy(at, version) for when, version in deploys if when == step]
        failures += result.outcome is not ProbeOutcome.OK
        state = ProbeState(
            target=target,
            last=msgspec.structs.replace(result, mono=step * step_s - result.total_s),
            results_total=step + 1,
            failures_total=failures,
        )
        samples: dict[str, Sample] = {
            "probes": ProbesSample(mono=step * step_s, probes={"app": state}),
            "deploy_file": DeploysSample(mono=step * step_s, deploys=tuple(reversed(known))),
        }
        frames.append(Frame(seq=step, at=at, mono=step * step_s, samples=samples))
    return tuple(frames)


def _deploy(at: float, version: str) -> Deploy:
    return Deploy(
        id=f"file:{version}",
        at=at,
        precision_s=1.0,
        service="app",
        version=version,
        source="file",
        sources=("file",),
        kind=DeployKind.DEPLOY,
        status=DeployStatus.SUCCEEDED,
        seen_at=at,
    )


def late_ones(every: int, total_s: float) -> Variant:
    """Four times as long a course of the calm shop's probe, of which each so many-th request took long."""

    def cut(course: Course) -> Course:
        taken = results("shop", course) * 4
        late = [
            msgspec.structs.replace(each, total_s=total_s, first_byte_s=total_s) if place % every == every - 1 else each
            for place, each in enumerate(taken)
        ]
        return requests(late, 1.0)

    return cut


def released(slower: float, step_s: float = 15.0, minutes: int = 55, minute: int = 45) -> Variant:
    """The calm shop's requests over an hour, with a deploy after which they take so many times as long."""

    def cut(course: Course) -> Course:
        known = results("shop", course)
        taken = []
        when = round(minute * 60 / step_s)
        for step in range(round(minutes * 60 / step_s)):
            result = known[step % len(known)]
            factor = slower if step >= when else 1.0
            taken.append(msgspec.structs.replace(result, total_s=result.total_s * factor))
        return requests(taken, step_s, deploys=[(when, "2.8.1")])

    return cut
