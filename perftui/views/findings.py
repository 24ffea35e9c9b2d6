"""All that the rules say: each incident from its cause to its last symptom, and the verdicts that were given so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from perftui.model.finding import Chain, Evidence, Finding, Link, Verdict
from perftui.pipeline.snapshot import Snapshot
from perftui.views.banner import sign_of
from perftui.views.format import clock, duration, in_unit, since
from perftui.views.layout import wrapped
from perftui.views.model import Column, Role, Row, Table, TableState, Zoom
from perftui.views.tone import ROLES, SIGNS

_HEADING = "verdicts so far"
_BLANK = ("", Role.TEXT)
_Sentence = tuple[str, Role]


def findings_zoom(snapshot: Snapshot, state: TableState, width: int) -> Zoom:
    """Each incident as a chain of findings that can be opened, the heaviest first; then notes, then the verdicts so far."""
    wanted = state.filter.lower()
    # One column: a row is a sentence, and none of it may be cut.
    rows = [*_incidents(snapshot, wanted, width), *_notes(snapshot, wanted, width)]
    rows += _verdicts(snapshot, width) if not wanted else []
    return Zoom(
        title="Findings",
        tone=sign_of(snapshot.verdict)[1],
        # Without findings the banner's two lines may have cut the reason.
        lines=() if snapshot.findings else wrapped(snapshot.verdict.summary, width),
        table=Table(
            columns=(Column(name="from cause to symptom; Enter opens the evidence", width=0),),
            rows=tuple(rows),
            sorted_by="",
            empty=f"nothing matches {state.filter!r}" if wanted else "no limit is exceeded",
        ),
    )


def _incidents(snapshot: Snapshot, wanted: str, width: int) -> Iterator[Row]:
    said = snapshot.verdict
    chains: Sequence[Verdict | Chain] = (said, *said.others)
    for number, chain in enumerate(chains):
        rows = [
            *_links(snapshot, chain.links, wanted, width, f"{number}:"),
            *_links(snapshot, chain.beside, wanted, width, f"{number}+"),
        ]
        if rows:
            yield from _heading(snapshot, chain, number, width)
            yield from rows


def _heading(snapshot: Snapshot, chain: Verdict | Chain, number: int, width: int) -> list[Row]:
    """What sets two incidents apart; one alone is told by the lines on top of the screen."""
    if not snapshot.verdict.others:
        return []
    moment = since(chain.since_at, chain.began_before, snapshot.at)
    what = "another incident" if number else "the verdict"
    words = f"{what}: {_class(chain)}, {moment}"
    blank = [Row(key=f"space:{number}", cells=(_BLANK,), head=False)] if number else []
    return [*blank, *_rows(f"incident:{number}", "", [(words, Role.TITLE)], width, head=False)]


def _links(snapshot: Snapshot, links: Iterable[Link], wanted: str, width: int, place: str) -> Iterator[Row]:
    for link in links:
        finding = snapshot.findings[link.finding]
        if wanted not in f"{finding.rule} {finding.title}".lower():
            continue
        arrow = "" if link.explained_by is None else "↳ " if place.endswith("+") else "→ "
        sentences = _sentences(finding, snapshot.at, arrow)
        if link.because and link.explained_by is not None:
            before = snapshot.findings[link.explained_by].rule if place.endswith("+") else ""
            why = f"because of {before}: {link.because}" if before else f"because {link.because}"
            sentences.append((f"{' ' * len(arrow)}  {why}", Role.DIM))
        yield from _rows(f"{place}{finding.key}", finding.key, sentences, width)


def _sentences(finding: Finding, now_at: float, arrow: str = "") -> list[_Sentence]:
    sign = f"{arrow}{SIGNS[finding.severity]} {finding.severity.word}"
    return [
        (f"{sign}  {finding.title}", ROLES[finding.severity]),
        (f"{' ' * len(arrow)}  {finding_facts(finding, now_at)}", Role.TEXT),
    ]


def _notes(snapshot: Snapshot, wanted: str, width: int) -> Iterator[Row]:
    """What is in no chain."""
    said = snapshot.verdict
    chains: Sequence[Verdict | Chain] = (said, *said.others)
    chained = {link.finding for chain in chains for link in (*chain.links, *chain.beside)}
    for place, finding in enumerate(snapshot.findings):
        if place not in chained and wanted in f"{finding.rule} {finding.title}".lower():
            yield from _rows(f"note:{finding.key}", finding.key, _sentences(finding, snapshot.at), width)


def _rows(key: str, opens: str, sentences: Iterable[_Sentence], width: int, head: bool = True) -> list[Row]:
    """A row for each line; the cursor stops at the first."""
    pieces = [line[0] for words, role in sentences for line in _indented(words, role, width)]
    return [Row(key=f"{key}:{i}", cells=(piece,), opens=opens, head=head and i == 0) for i, piece in enumerate(pieces)]


def _indented(words: str, role: Role, width: int) -> list[tuple[_Sentence]]:
    """Lines that go on below the sign."""
    first, *rest = wrapped(words.strip(), width - 4)
    lead = words[: len(words) - len(words.lstrip())]
    return [((f"{lead}{first[0][0]}", role),), *(((f"    {line[0][0]}", role),) for line in rest)]


def _verdicts(snapshot: Snapshot, width: int) -> list[Row]:
    """Every verdict that was given and from when on, newest first; nothing while there was but one."""
    if len(snapshot.verdicts) < 2:
        return []
    rows = [
        Row(key="verdicts:0", cells=(_BLANK,), head=False),
        Row(key="verdicts", cells=((_HEADING, Role.STRONG),), head=False),
    ]
    for number, said in enumerate(reversed(snapshot.verdicts)):
        verdict = said.verdict
        follows = "".join(f" → {rule}" for rule in verdict.chain[1:])
        beside = f" · beside it {', '.join(each.finding for each in verdict.others)}" if verdict.others else ""
        words = f"{clock(said.at)}  {sign_of(verdict)[0]} {_class(verdict)}  {verdict.summary}{follows}{beside}"
        role = ROLES[verdict.severity] if number == 0 else Role.TEXT
        rows += _rows(f"verdict:{number}", "", [(words, role)], width)
    return rows


def _class(verdict: Verdict | Chain) -> str:
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
