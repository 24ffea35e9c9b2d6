"""The snapshot for people: what to paste into the incident's channel."""

from __future__ import annotations

import re
from collections.abc import Iterator

from perftui.model.finding import Chain, Finding
from perftui.pipeline.snapshot import Snapshot
from perftui.views import PANES
from perftui.views.banner import brief, chain
from perftui.views.findings import evidence_words, finding_facts
from perftui.views.format import duration, since, stamp
from perftui.views.layout import wrapped
from perftui.views.model import Line

WIDTH = 100
_LEAST_LABEL = 11
_HEIGHTS = {
    "processes": 6,
    "disks": 6,
    "network": 3,
    "statements": 6,
    "locks": 8,
    "connections": 7,
    "pools": 8,
    "deploys": 6,
    "probes": 8,
}
"""Lines of a pane at the most; two where none are named."""
_TABLES = ("processes", "disks", "statements", "locks")
_PLAIN = str.maketrans(
    {
        "–": "-",
        "·": "-",
        "→": ">",
        "…": "~",
        "└": "`",
        "●": "*",
        "≥": ">=",
        "▁": "_",
        "▂": ".",
        "▃": ":",
        "▄": "-",
        "▅": "=",
        "▆": "+",
        "▇": "*",
        "█": "#",
        "▓": "=",
        "▒": "-",
        "░": ".",
    }
)


def snapshot_text(snapshot: Snapshot) -> str:
    """Verdict, chain, evidence, the numbers of each pane and what could not be read, in at most 100 columns.

    Our own signs are written in ASCII; names of processes stay as they are.
    """
    machine, verdict = snapshot.machine, snapshot.verdict
    head = [verdict.constraint.value.replace("_", " ").upper()]
    if verdict.finding:
        head.append(f"({verdict.severity.word})")
    moment = "" if verdict.since_at is None else f", {since(verdict.since_at, verdict.began_before, snapshot.at)}"
    ways = chain(snapshot)
    lines = [
        f"{machine.hostname}, {machine.cores} cores, {machine.system}, {stamp(snapshot.at)}",
        *_sentence(f"{' '.join(head)}: {verdict.summary}{moment}"),
        *(_sentence(f"chain: {' -> '.join(ways)}") if len(ways) > 1 else ()),
        *(line for each in verdict.others for line in _other(snapshot, each)),
        "",
        *(line for finding in snapshot.findings for line in _finding(finding, snapshot.at)),
        *([""] if snapshot.findings else []),
        *_panes(snapshot),
        *_silent(snapshot),
    ]
    return "\n".join(line.rstrip() for line in lines).translate(_PLAIN)


def _other(snapshot: Snapshot, chain: Chain) -> Iterator[str]:
    """An incident that has nothing to do with the verdict's."""
    moment = since(chain.since_at, chain.began_before, snapshot.at)
    what = f"{chain.constraint.value.replace('_', ' ').upper()} ({chain.severity.word})"
    yield from _sentence(f"other incident: {what}: {chain.summary}, {moment}")
    if len(chain.links) > 1:
        ways = [brief(snapshot.findings[link.finding]) for link in chain.links]
        yield from _sentence(f"chain: {' -> '.join(ways)}", "  ")


def _sentence(words: str, indent: str = "") -> list[str]:
    return [f"{indent}{_flat(line)}" for line in wrapped(words, WIDTH - len(indent))]


def _flat(line: Line) -> str:
    return "".join(words for words, _ in line)


def _finding(finding: Finding, now_at: float) -> Iterator[str]:
    yield from _sentence(f"{finding.severity.word}: {finding.title}")
    yield from _sentence(finding_facts(finding, now_at), "  ")
    for evidence in finding.evidence:
        yield from _sentence(evidence_words(evidence), "  ")


def _panes(snapshot: Snapshot) -> Iterator[str]:
    shown = [kind for kind in PANES if kind.shown(snapshot)]
    label = max(_LEAST_LABEL, *(len(kind.title) + 2 for kind in shown))
    for kind in shown:
        pane = kind.pane(snapshot, WIDTH - label, _HEIGHTS.get(kind.key, 2))
        state = pane.title.removeprefix(kind.title).removeprefix(" · ")
        rows = [*([state] if state else []), *map(_flat, pane.lines)]
        if kind.key not in _TABLES:
            # The room that keeps numbers in place on a screen is only in the way here.
            rows = [re.sub(" {3,}", "  ", row) for row in rows]
        for i, row in enumerate(rows):
            yield f"{(kind.title if i == 0 else '').ljust(label)}{row}"


def _silent(snapshot: Snapshot) -> Iterator[str]:
    for name, source in snapshot.sources.items():
        if source.state in ("failed", "stale"):
            age = "never read" if source.age_s is None else f"last read {duration(source.age_s)} ago"
            yield from _sentence(f"not read: {name}, {age}{f': {source.detail}' if source.detail else ''}")
