"""Which resource gave way first: of what the rules found at the knee of a load test or at its abort, what began first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from perftui.model.finding import Finding, Severity

RESOURCES = ("host.", "pg.", "pool.")
"""Rules of a resource; probes and the load itself tell what its users feel, and a deploy is no resource."""
LATE_S = 60.0
"""Ours: a limit must hold for a window before a rule speaks, and a knee is known to a block."""
TOGETHER_S = 10.0
"""Ours: what began within so long began together, and the cause among it comes first."""


class Stood(msgspec.Struct, frozen=True, kw_only=True):
    """A finding from its beginning to its end."""

    rule: str
    title: str
    since_at: float
    ended_at: float | None = None
    """None while it stands."""


def standing(findings: Iterable[Finding]) -> list[Stood]:
    """Those of a resource that are more than a remark."""
    return [
        Stood(rule=each.rule, title=each.title, since_at=each.since_at)
        for each in findings
        if each.rule.startswith(RESOURCES) and each.severity > Severity.INFO and not each.began_before
    ]


def first_to_give_way(
    stood: Iterable[Stood], moment_at: float, load_from_at: float, chains: Sequence[Sequence[str]]
) -> Stood | None:
    """The finding of the resource that gave way first; None where none stood at the moment.

    Args:
        moment_at: the knee, or the abort.
        load_from_at: when the load began: what stood before is not its doing.
        chains: from cause to symptom, as the verdicts said.
    """
    there = [
        each
        for each in stood
        if each.rule.startswith(RESOURCES)
        and load_from_at <= each.since_at <= moment_at + LATE_S
        and (each.ended_at is None or each.ended_at >= moment_at - TOGETHER_S)
    ]
    began_at = min((each.since_at for each in there), default=0.0)
    together = [each for each in there if each.since_at <= began_at + TOGETHER_S]
    rules = {each.rule for each in together}
    return min(together, key=lambda each: (_is_symptom(each.rule, rules, chains), each.since_at), default=None)


def _is_symptom(rule: str, rules: set[str], chains: Sequence[Sequence[str]]) -> bool:
    """Whether another of them stands before it in a chain."""
    return any(rule in chain and rules & set(chain[: chain.index(rule)]) for chain in chains)
