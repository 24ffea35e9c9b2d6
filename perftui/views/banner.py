"""The two lines that never leave the screen's top: where we are, and what holds the system back."""

from __future__ import annotations

from perftui.model.finding import Constraint, Finding, Severity, Verdict
from perftui.pipeline.player import Mode, Shown
from perftui.pipeline.snapshot import Snapshot
from perftui.views.format import duration, since, stamp
from perftui.views.layout import clipped, length, short, wrapped
from perftui.views.model import Line, Role
from perftui.views.postgres import server_words
from perftui.views.probes import header_words
from perftui.views.tone import ROLES, SIGNS

_LEAST_WORDS = 6
"""Cells in which a cut name still says something."""


def header(shown: Shown, width: int, run: Line = ()) -> Line:
    """Host, server, feed, clock, tape and sources in one line; what matters least goes first when the room is small.

    Args:
        run: that a playbook's run is open; empty while none is.
    """
    machine = shown.snapshot.machine
    # (rank, piece): the highest rank goes first.
    left: list[tuple[int, Line]] = [
        (8, (("perftui", Role.TITLE),)),
        (2, ((machine.hostname, Role.STRONG),)),
        (6, ((f"· {machine.cores} cores", Role.DIM),)),
        (7, ((f"· {_system(machine.system)}", Role.DIM),)),
        (3, server_words(shown.snapshot)),
    ]
    right: list[tuple[int, Line]] = [
        (0, run),
        (0, _feed(shown)),
        (1, ((stamp(shown.snapshot.at), Role.TEXT),)),
        (5, _tape(shown.recording)),
        (4, header_words(shown.snapshot)),
        (4, _sources(shown.snapshot)),
    ]
    pieces = [(rank, piece) for rank, piece in (*left, *right) if piece]
    while len(pieces) > 1 and _width(pieces) > width:
        pieces.remove(max(pieces, key=lambda ranked: ranked[0]))
    return _spread([p for p in left if p in pieces], [p for p in right if p in pieces], width)


def _system(system: str) -> str:
    """`Linux 6.1` of `Linux 6.1.0-18-amd64`: the rest tells nobody anything in a hurry."""
    name, _, release = system.partition(" ")
    return f"{name} {'.'.join(release.split('-')[0].split('.')[:2])}".strip()


def _feed(shown: Shown) -> Line:
    behind = f" {duration(shown.behind_s)} behind" if shown.behind_s >= 1 else ""
    match shown.mode:
        case Mode.LIVE:
            return (("● ", Role.GOOD), (f"live {_interval(shown.snapshot.history.interval_s)}", Role.TEXT))
        case Mode.PAUSED:
            return ((f"‖ paused{behind}", Role.ACCENT),)
        case Mode.PLAYING:
            return ((f"▶ replay {shown.speed:g}x", Role.ACCENT),)
        case Mode.ENDED:
            return (("■ end of tape", Role.ACCENT),)


def _interval(seconds: float) -> str:
    """The real one: `1s`, `1.4s` when sampling lags."""
    whole = round(seconds)
    return f"{whole}s" if whole >= 1 and abs(seconds - whole) < 0.1 else f"{seconds:.1f}s"


def _tape(recording: str) -> Line:
    if not recording:
        return ()
    if recording == "on":
        return (("tape ", Role.DIM), ("●", Role.GOOD))
    if recording.startswith("on"):
        return (("tape drops frames △", Role.WARNING),)
    return (("tape stopped △", Role.WARNING),)


def _sources(snapshot: Snapshot) -> Line:
    states = [source.state for source in snapshot.history.sources.values() if source.state != "off"]
    well = states.count("ok")
    if well == len(states):
        return (("sources ", Role.DIM), (f"{well}/{len(states)}", Role.TEXT))
    return ((f"sources {well}/{len(states)} △", Role.WARNING),)


def _width(pieces: list[tuple[int, Line]]) -> int:
    return sum(length(piece) + 2 for _, piece in pieces)


def _spread(left: list[tuple[int, Line]], right: list[tuple[int, Line]], width: int) -> Line:
    """The first pieces at the left edge, the others at the right one."""
    ahead = [span for _, piece in left for span in ((" ", Role.DIM), *piece)]
    behind = [span for i, (_, piece) in enumerate(right) for span in (*((("  ", Role.DIM),) if i else ()), *piece)]
    room = width - length(tuple(ahead)) - length(tuple(behind))
    return clipped((*ahead, (" " * max(1, room - 1), Role.DIM), *behind), width)


def verdict_lines(snapshot: Snapshot, width: int) -> tuple[Line, Line]:
    """The class, what is wrong, since when; then the chain from cause to symptom, or why all is well."""
    verdict = snapshot.verdict
    sign, role = sign_of(verdict)
    head = f" {sign} {verdict.constraint.value.replace('_', ' ').upper()}  "
    moment = "" if verdict.since_at is None else f"  {since(verdict.since_at, verdict.began_before, snapshot.at)} "
    if width < 60:
        moment = moment.rstrip()
    room = max(6, width - len(head) - len(moment))
    first, rest = _broken(verdict.summary, room)
    top: Line = ((head, role), (first.ljust(room), Role.STRONG), (moment, Role.TEXT))
    links = chain_links(snapshot)
    symptom = len(f" → {name(links[-1])}") if len(links) > 1 else 0
    offer = _offer(verdict, width, len(rest) + 3 + symptom + len(_remarks(verdict)[-1]))
    room = width - length(offer)
    second = clipped(_second(snapshot, rest, room), room)
    if not offer:
        return clipped(top, width), second
    return clipped(top, width), (*second, (" " * (room - length(second)), Role.DIM), *offer)


def _offer(verdict: Verdict, width: int, told: int) -> Line:
    """`[p] playbook db-lock-contention`, as far as there is room beside the end of the title, of which no word is given up."""
    if verdict.playbook is None:
        return ()
    key, name = ("  [p]", Role.ACCENT), f" {verdict.playbook} "
    ways: tuple[Line, ...] = (
        (key, (f" playbook{name}", Role.STRONG)),
        (key, (name, Role.STRONG)),
        (key, (" ", Role.DIM)),
    )
    return next((way for way in ways if length(way) <= min(width - told, width // 2)), ())


def sign_of(verdict: Verdict) -> tuple[str, Role]:
    """What tells the verdict apart at a glance, with and without colours."""
    if verdict.constraint is Constraint.UNKNOWN and verdict.severity < Severity.CRITICAL:
        return "?", Role.WARNING
    if verdict.constraint is Constraint.HEALTHY:
        return "●", Role.GOOD
    return SIGNS[verdict.severity], ROLES[verdict.severity]


def _broken(words: str, room: int) -> tuple[str, str]:
    """What fits on the first line, and the rest."""
    lines = wrapped(words, room)
    first = lines[0][0][0] if lines else ""
    return first, words[len(first) :].strip()


def _second(snapshot: Snapshot, rest: str, width: int) -> Line:
    """The rest of the title, the chain, and that there are other incidents: these are never dropped for a chain's words."""
    spans = [(f"   {rest}", Role.STRONG)] if rest else [("  ", Role.DIM)]
    room = width - length(tuple(spans))
    remarks = _remarks(snapshot.verdict)
    # Who reads of another incident must know what `+1` counts, where the links can be named beside that.
    words = _chain_words(snapshot, rest, room - len(remarks[-2]), whole=True)
    words = words or _chain_words(snapshot, rest, room - len(remarks[-1]))
    remark = next((way for way in remarks if len(words) + len(way) <= room), remarks[-1])
    return (*spans, (words, Role.TEXT), (remark, Role.WARNING if remark else Role.DIM))


_AILS = {"probe.failing": " fails", "probe.slow": " is slow"}


def _chain_words(snapshot: Snapshot, rest: str, room: int, whole: bool = False) -> str:
    """What follows from the cause, in as many words as there is room for; empty where nothing does.

    Args:
        whole: no link may be left out or cut; empty where that takes more room.
    """
    links = chain_links(snapshot)
    if len(links) < 2:
        return ""
    symptoms, names = [brief(link) for link in links], [name(link) for link in links]
    # The line above told the cause already, so what it causes may go on from there.
    ways = (
        f"{' ·' if rest else ''} {' → '.join(symptoms)}",
        f" → {' → '.join(symptoms[1:])}",
        f" → {' → '.join((*names[1:-1], symptoms[-1]))}",
        # What ails the probe, where there is room: a cause may name the same one.
        f" → {' → '.join((*names[1:-1], names[-1] + _AILS.get(links[-1].rule, '')))}",
        f" → {' → '.join(names[1:])}",
        *(f" → … → {' → '.join(names[first:])}" for first in range(2, len(names))),
        f" → {names[-1]}",
    )
    cut = short(ways[-1], room) if room >= _LEAST_WORDS and not whole else ""
    return next((way for way in (ways[:4] if whole else ways) if len(way) <= room), cut)


def _remarks(verdict: Verdict) -> tuple[str, ...]:
    """`  +1 other incident [f]: /data is 91% full (space)`, then the same in fewer words; empty where there is no other."""
    if not verdict.others:
        return "", ""
    count = f"  +{len(verdict.others)}"
    what = f"{count} other {'incident' if len(verdict.others) == 1 else 'incidents'} [f]"
    told = [each.summary.partition(", ")[0] for each in verdict.others]
    return f"{what}: {' · '.join(told)}", f"{what}: {told[0]}", what, f"{count} [f]"


def chain(snapshot: Snapshot) -> list[str]:
    """The chain in words, from the cause to the last symptom."""
    return [brief(link) for link in chain_links(snapshot)]


def chain_links(snapshot: Snapshot) -> list[Finding]:
    """The findings of the chain, from the cause to the last symptom."""
    return [snapshot.findings[link.finding] for link in snapshot.verdict.links]


def brief(finding: Finding) -> str:
    """The first clause of a title: what, without who."""
    return finding.title.partition(", ")[0]


def name(finding: Finding) -> str:
    """The fewest words for a link: what it is about, else what the rule is about."""
    room, rule = finding.rule.split(".")
    subject = finding.subject
    if room == "pool" and "pool" in subject:
        return f"pool {subject['pool']}"
    if room in ("probe", "slo"):
        return f"{'SLO of' if room == 'slo' else 'probe'} {subject['probe']}"
    if finding.rule == "pg.lock_pileup" and "relation" in subject:
        return f"{str(subject['relation']).removeprefix('public.')} locked"
    return rule.replace("_", " ")
