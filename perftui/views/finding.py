"""One finding on the whole screen: its evidence, what explains it and why, what it explains, and where to look."""

from __future__ import annotations

from collections.abc import Iterator

from perftui.findings.explain import because, links
from perftui.model.finding import Finding, Severity
from perftui.pipeline.snapshot import Snapshot
from perftui.views import PANES
from perftui.views.findings import evidence_words
from perftui.views.format import duration, since
from perftui.views.layout import wrapped
from perftui.views.model import Line, Role, Zoom, text
from perftui.views.tone import ROLES, SIGNS, pane_of


def finding_of(snapshot: Snapshot, key: str) -> Finding | None:
    """The finding with this key; None where it is over."""
    return next((finding for finding in snapshot.findings if finding.key == key), None)


def finding_zoom(snapshot: Snapshot, key: str, width: int) -> Zoom:
    """A finding that was opened; one that is over says so."""
    finding = finding_of(snapshot, key)
    if finding is None:
        over = f"{key.partition(' ')[0]} is not told at this moment: no limit of it is exceeded. Esc goes back."
        return Zoom(title="Finding", lines=wrapped(over, width, Role.DIM))
    return Zoom(
        title=f"Finding · {finding.rule}", tone=ROLES[finding.severity], lines=tuple(_lines(snapshot, finding, width))
    )


def finding_words(snapshot: Snapshot, key: str) -> str:
    """The page as text, to paste."""
    lines = finding_zoom(snapshot, key, 100).lines
    return "\n".join("".join(words for words, _ in line).rstrip() for line in lines) + "\n"


def _lines(snapshot: Snapshot, finding: Finding, width: int) -> Iterator[Line]:
    lasts = duration(snapshot.at - finding.since_at)
    moment = f"{since(finding.since_at, finding.began_before, snapshot.at)} UTC, {lasts} ago"
    yield from wrapped(
        f"{SIGNS[finding.severity]} {finding.severity.word}  {finding.title}", width, ROLES[finding.severity]
    )
    yield from wrapped(f"{finding.rule} · {moment}", width, Role.DIM)
    subject = " · ".join(f"{name} {value}" for name, value in finding.subject.items())
    yield from _part("about", [subject] if subject else [], width)
    yield from _part("evidence", [evidence_words(each) for each in finding.evidence], width)
    yield from _explanations(snapshot, finding, width)
    yield from _part("where to look", [*_pane(snapshot, finding), *_playbook(finding)], width)


def _part(title: str, sentences: list[str], width: int) -> Iterator[Line]:
    if not sentences:
        return
    yield text("")
    yield text(title, Role.TITLE)
    for words in sentences:
        first, *rest = wrapped(words, width - 4)
        yield (("  ", Role.TEXT), *first)
        yield from ((("    ", Role.TEXT), *line) for line in rest)


def _explanations(snapshot: Snapshot, finding: Finding, width: int) -> Iterator[Line]:
    """Every edge that holds now to or from it, on a chain's way or not."""
    if finding.severity is Severity.INFO:
        yield from _part("explained by", ["nothing: a note is in no chain"], width)
        return
    active = [each for each in snapshot.findings if each.severity > Severity.INFO]
    found = links(snapshot.history, active)
    place = active.index(finding)
    causes, symptoms = [], []
    for (cause, symptom), edge in found.edges.items():
        why = because(edge, active[cause], active[symptom])
        if symptom == place:
            causes.append(f"← {active[cause].title} · {active[cause].rule}: {why}")
        elif cause == place:
            symptoms.append(f"→ {active[symptom].title} · {active[symptom].rule}: {why}")
    yield from _part("explained by", causes or ["nothing that is active: here it begins"], width)
    yield from _part("explains", symptoms or ["nothing that is active: here it ends"], width)


def _pane(snapshot: Snapshot, finding: Finding) -> list[str]:
    key = pane_of(finding.rule)
    shown = [kind for kind in PANES if kind.shown(snapshot)]
    for number, kind in enumerate(shown, start=1):
        if kind.key == key:
            sign = f" ({number % 10})" if number <= 10 else ""
            return [f"Enter: pane {kind.title}{sign} shows it"]
    return []


def _playbook(finding: Finding) -> list[str]:
    return [f"p: playbook {finding.playbook} answers it"] if finding.playbook else []
