"""All that the rules say, each with the numbers it stands on."""

from __future__ import annotations

from perftui.model.finding import Evidence, Finding, Verdict
from perftui.pipeline.snapshot import Snapshot
from perftui.views.banner import chain, sign_of
from perftui.views.format import clock, duration, in_unit, since
from perftui.views.layout import wrapped
from perftui.views.model import Column, Role, Row, Table, TableState, Zoom
from perftui.views.tone import ROLES, SIGNS

_HEADING = "verdicts so far"


def findings_zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """The verdict with its whole chain, and each finding with its evidence."""
    wanted = state.filter.lower()
    kept = [finding for finding in snapshot.findings if wanted in f"{finding.rule} {finding.title}".lower()]
    # One column: a row is a sentence, and none of it may be cut.
    rows = [row for number, finding in enumerate(kept) for row in _rows(number, finding, width, snapshot.at)]
    rows += _verdicts(snapshot, width) if not wanted else []
    ways = chain(snapshot)
    # Without findings the banner's two lines may have cut the reason; with one finding its row tells all.
    told = " → ".join(ways) if len(ways) > 1 else "" if snapshot.findings else snapshot.verdict.summary
    return Zoom(
        title="Findings",
        tone=sign_of(snapshot.verdict)[1],
        lines=wrapped(told, width),
        table=Table(
            columns=(Column(name="finding and evidence", width=0),),
            rows=tuple(rows),
            sorted_by="",
            empty=f"nothing matches {state.filter!r}" if wanted else "no limit is exceeded",
        ),
    )


def _rows(number: int, finding: Finding, width: int, now_at: float) -> list[Row]:
    sentences = [
        (f"{SIGNS[finding.severity]} {finding.severity.word}  {finding.title}", ROLES[finding.severity]),
        (f"  {finding_facts(finding, now_at)}", Role.DIM),
        *((f"  {evidence_words(evidence)}", Role.TEXT) for evidence in finding.evidence),
        *([(f"  playbook {finding.playbook} (p)", Role.ACCENT)] if finding.playbook else []),
    ]
    pieces = [line[0] for words, role in sentences for line in _indented(words, role, width)]
    return [Row(key=f"{number}:{finding.rule}:{i}", cells=(piece,)) for i, piece in enumerate(pieces)]


def _indented(words: str, role: Role, width: int) -> list[tuple[tuple[str, Role]]]:
    """Lines that go on below the sign."""
    first, *rest = wrapped(words.strip(), width - 4)
    lead = words[: len(words) - len(words.lstrip())]
    return [((f"{lead}{first[0][0]}", role),), *(((f"    {line[0][0]}", role),) for line in rest)]


def _verdicts(snapshot: Snapshot, width: int) -> list[Row]:
    """Every verdict that was given and from when on, newest first; nothing while there was but one."""
    if len(snapshot.verdicts) < 2:
        return []
    rows = [Row(key="verdicts:0", cells=(("", Role.TEXT),)), Row(key="verdicts", cells=((_HEADING, Role.STRONG),))]
    for number, said in enumerate(reversed(snapshot.verdicts)):
        verdict = said.verdict
        words = f"{clock(said.at)}  {SIGNS[verdict.severity]} {_class(verdict)}  {verdict.summary}"
        role = ROLES[verdict.severity] if number == 0 else Role.TEXT
        lines = _indented(words, role, width)
        rows += [Row(key=f"verdict:{number}:{i}", cells=(line[0],)) for i, line in enumerate(lines)]
    return rows


def _class(verdict: Verdict) -> str:
    return verdict.constraint.replace("_", " ").upper()


def finding_facts(finding: Finding, now_at: float) -> str:
    """Rule, moment and subject in one line."""
    subject = "".join(f" · {name} {value}" for name, value in finding.subject.items())
    return f"{finding.rule} · {since(finding.since_at, finding.began_before, now_at)}{subject}"


def evidence_words(evidence: Evidence) -> str:
    """`host.memory.used_ratio  94.0 %  limit 90.0 %  over 10 s  (S002 35.3.2)`."""
    parts = [evidence.reading, in_unit(evidence.value, evidence.unit)]
    if evidence.limit is not None:
        parts.append(f"limit {in_unit(evidence.limit, evidence.unit)}")
    if evidence.window_s is not None:
        parts.append(f"over {duration(evidence.window_s)}")
    if evidence.seed:
        parts.append(f"({evidence.seed})")
    return "  ".join(parts)
